"""The command line. Each command is a few lines around a function of the package."""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

from typer import TyperException

from bakeoff.cli import bakeoffs, data, results, submit, tracking
from bakeoff.cli.app import app
from bakeoff.cli.characters import write_anywhere
from bakeoff.errors import UserError

__all__ = ["bakeoffs", "data", "main", "results", "submit", "tracking"]

_TYPER_INTERRUPTED = 130
"""Typer turns Ctrl-C into this exit code and says nothing."""

_MENDED_BY_A_PERSON = {
    **dict.fromkeys((errno.ENAMETOOLONG, errno.ELOOP), "name another path"),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM), "change its owner or permissions, or name another"
    ),
    errno.EROFS: "name a path that can be written",
}
"""What the system says of a path, wherever it is first looked at → advice."""


def main() -> None:
    """Entry point: what a person can mend is one line on stderr and exit code 2."""
    write_anywhere()
    try:
        for argument in sys.argv[1:]:
            if any("\ud800" <= char <= "\udfff" for char in argument):
                raise UserError(f"{argument!a} is no UTF-8; give what it names a name that is")
        code = app(prog_name="bakeoff", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except UserError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse_system(error)
    except TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        if not message:  # No arguments: Typer has shown the help.
            sys.exit(error.exit_code)
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "bakeoff"
        _refuse(f"{message[0].lower()}{message[1:]}; see: {command} --help")
    if code == _TYPER_INTERRUPTED:
        _refuse("interrupted; run the same command again")
    sys.exit(code or 0)


def _refuse_system(error: OSError) -> NoReturn:
    if error.filename and error.errno in _MENDED_BY_A_PERSON:
        advice = _MENDED_BY_A_PERSON[error.errno]
        _refuse(f"{error.filename}: {str(error.strerror).lower()}; {advice}")
    if error.filename or error.errno not in (errno.EPIPE, errno.ENOSPC):
        raise error
    # What is left of the output has nowhere to go.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:  # Somebody has read enough, as `head` does.
        sys.exit(0)
    _refuse("the output cannot be written: the disk is full; free some space and run again")


def _refuse(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
