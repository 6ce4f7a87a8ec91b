"""Dependencies point one way (CONTRIBUTING.md)."""

import ast
from pathlib import Path

import pytest

import bakeoff

SOURCE = Path(bakeoff.__file__).parent
STEPS = {"training", "evaluation", "report", "tracking"}
KINDS = {"text", "vision"}
ABOVE = {"running", "submission", "pipelines", "components", "cli", "studies", "plans"}
MAY_NOT = {
    "data": STEPS | {"tuning"} | KINDS | ABOVE | {"predictors", "ensemble"},
    **dict.fromkeys(sorted(STEPS), {"tuning"} | KINDS | ABOVE | {"ensemble"}),
    "tuning": KINDS | ABOVE | {"predictors", "ensemble"},
    "text": ABOVE | {"predictors", "ensemble", "vision"},
    "vision": ABOVE | {"predictors", "ensemble", "text"},
    "running": {"cli", "submission"},
    "submission": {"cli"},
}


def rooms_imported_by(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bakeoff"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name.split(".")[1] for name in names if "." in name)


@pytest.mark.parametrize("room", MAY_NOT)
def test_a_room_imports_nothing_from_above(room):
    assert (SOURCE / room).is_dir()
    wrong = {
        f"{path.name} imports {other}"
        for path in (SOURCE / room).rglob("*.py")
        for other in rooms_imported_by(path)
        if other in MAY_NOT[room]
    }
    assert wrong == set()


def test_pipelines_know_nothing_of_where_they_run():
    pipelines = Path(bakeoff.__file__).parents[2] / "pipelines"
    for path in pipelines.glob("*.py"):
        assert not set(rooms_imported_by(path)) & {"running", "submission", "cli"}, path.name
