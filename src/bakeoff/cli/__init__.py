"""The command line. Each command is a few lines around a function of the package."""

from __future__ import annotations

import sys

from bakeoff.cli import bakeoffs, data, results
from bakeoff.cli.app import app
from bakeoff.errors import UserError

__all__ = ["bakeoffs", "data", "main", "results"]

_TYPER_INTERRUPTED = 130
"""Typer turns Ctrl-C into this exit code and says nothing."""


def main() -> None:
    """Entry point: a UserError is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as stopped:
        if stopped.code != _TYPER_INTERRUPTED:
            raise
        print("error: interrupted; run the same command again", file=sys.stderr)
        sys.exit(2)
