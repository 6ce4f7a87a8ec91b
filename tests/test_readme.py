"""What README.md and CONTRIBUTING.md name is there."""

import itertools
import re
from pathlib import Path

import pytest
import typer

from bakeoff.cli.app import app
from bakeoff.data.sources import NAMED_SETS
from bakeoff.studies import STUDIES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    bakeoff (.*?)(?:  +#.*)?$", README, re.MULTILINE)


def options(group):
    for command in group.commands.values():
        yield from options(command) if hasattr(command, "commands") else ()
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)


def test_options_exist():
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README))
    assert len(named) > 20
    assert named <= set(options(typer.main.get_command(app)))


def test_there_are_commands():
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("words", [command.split() for command in COMMANDS], ids=" ".join)
def test_a_command_names_what_there_is(words):
    command, *rest = words
    known = typer.main.get_command(app).commands
    assert command in known
    if command in ("run", "compile"):
        study = STUDIES["text" if rest[0].endswith(".csv") else rest[0]]
        given = dict(itertools.pairwise(rest))
        assert given.get("--preset", "quick") in study.presets
        names = [*study.models, *study.lineups]
        assert set(given.get("--models", names[0]).split(",")) <= set(names)
    if command == "models" and rest:
        assert rest[0] in [*STUDIES, *(name for s in STUDIES.values() for name in s.models)]


def test_data_sets_exist():
    data = README[README.index("### Data") : README.index("### Models")]
    for name in NAMED_SETS:
        assert f"`{name}`" in data


def test_modules_exist():
    rooms = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## How data")[0]
    package = ROOT / "src" / "bakeoff"
    named = re.findall(r"\b(\w+)\.py\b", rooms.partition("Dependencies")[0])
    top = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert set(named) == top
