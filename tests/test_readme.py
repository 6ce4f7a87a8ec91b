"""What README.md, the pages and CONTRIBUTING.md name is there."""

import re

import typer
from pages import PAGES, ROOT

from bakeoff.cli.app import app
from bakeoff.data.sources import NAMED_SETS
from bakeoff.studies import STUDIES

README = PAGES["README.md"]


def options(group):
    for command in group.commands.values():
        yield from options(command) if hasattr(command, "commands") else ()
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)


def test_options_exist():
    pages = "\n".join(PAGES.values())
    named = set(re.findall(r"`(--[a-z][a-z0-9-]+)", pages))
    named |= set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README))
    assert len(named) > 40
    of_others = {"--help", "--constraint"}
    assert named <= set(options(typer.main.get_command(app))) | of_others


def test_data_sets_exist():
    for name in NAMED_SETS:
        assert f"`{name}`" in PAGES["docs/own-data.md"]


def test_studies_have_their_data_and_line_ups():
    for name, study in STUDIES.items():
        [row] = re.findall(rf"^\| `{name}` \|.*", PAGES["docs/studies.md"], re.MULTILINE)
        *_, data, lineups, _ = row.split("|")
        assert data.strip() == f"`{study.data}`"
        assert set(re.findall("`(.*?)`", lineups)) == set(study.lineups)


def test_modules_exist():
    rooms = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## How data")[0]
    package = ROOT / "src" / "bakeoff"
    named = re.findall(r"\b(\w+)\.py\b", rooms.partition("Dependencies")[0])
    top = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert set(named) == top
