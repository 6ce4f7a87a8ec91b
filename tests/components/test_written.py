"""The YAML of each component, as other pipelines load it."""

from importlib import import_module
from pathlib import Path

from bakeoff.pipelines.compiling import COMPONENTS, compile_components


def test_every_component_is_written_with_the_image_it_shall_run_in(tmp_path):
    from kfp import components

    rooms = Path(import_module("bakeoff.components.prepare").__file__).parent
    assert set(COMPONENTS) == {p.stem for p in rooms.glob("*.py")} - {"__init__"}
    image = "registry.example/bakeoff@sha256:" + "1" * 64
    for path in compile_components(tmp_path, image):
        loaded = components.load_component_from_file(str(path))
        container = loaded.component_spec.implementation.container
        assert container.image == image
        study = (loaded.component_spec.inputs or {}).get("study")
        assert study is None or not study.optional, path.stem
        assert "pip install" not in " ".join([*container.command, *container.args])
