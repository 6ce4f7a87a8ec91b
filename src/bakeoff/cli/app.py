"""The command line itself: what all commands hang on."""

from __future__ import annotations

from typing import Annotated

import typer

from bakeoff import __version__
from bakeoff.cli.help import Grouped

app = typer.Typer(
    cls=Grouped,
    name="bakeoff",
    help="Which model should I use, how sure is that, and what does it cost?\n\n"
    "Start with: bakeoff run sentiment",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
data_app = typer.Typer(
    cls=Grouped, help="Look at and prepare data without training.", no_args_is_help=True
)
app.add_typer(data_app, name="data")


def _version(asked: bool) -> None:
    if asked:
        print(f"bakeoff {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
