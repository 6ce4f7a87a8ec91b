"""The one exception that people are meant to read, and what is read of others."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something a person can put right: one line that says what, where and what to do.

    The command line prints it without a traceback and exits with code 2. Everything else that is
    raised is a bug in bakeoff and keeps its traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows in place of a traceback."""
        return [f"error: {self}"]


class PassingError(UserError):
    """What another try may find mended, without a person: no room, workers or a store away."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none.

    >>> first_line(OSError("no way\\nmore")), first_line(OSError())
    ('no way', 'OSError')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def unknown_name(what: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name nobody registered, with the nearest known one as advice.

    >>> str(unknown_name("model", "nb-count", ["nb-counts", "rnn-64"]))
    "unknown model 'nb-count': did you mean 'nb-counts'? Known: nb-counts, rnn-64"
    """
    known = list(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" did you mean {nearest[0]!r}?" if nearest else ""
    return UserError(f"unknown {what} {name!r}:{hint} Known: {', '.join(known)}")
