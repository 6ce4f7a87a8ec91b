"""Writes the help of every command into the page of commands; a hook of mkdocs (mkdocs.yml)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from bakeoff.cli.app import app

AS_ON_PAPER = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page, with all commands below what it says itself."""
    if page.file.src_uri != "commands.md":
        return markdown
    return "\n\n".join([markdown, *(section(words) for words in commands(get_command(app)))])


def commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command of a group, and of the groups in it."""
    for name, command in group.commands.items():
        words = (*above, name)
        yield from commands(command, words) if hasattr(command, "commands") else [words]


def section(words: tuple[str, ...]) -> str:
    """A command's help, as the terminal shows it."""
    shown = CliRunner().invoke(app, [*words, "--help"], env=AS_ON_PAPER)
    assert shown.exit_code == 0, shown.output
    text = "\n".join(line.rstrip() for line in shown.output.splitlines()).strip("\n")
    return f"## {' '.join(words)}\n\n```text\n{text}\n```"
