"""Terminals and pipes that cannot write every character get the nearest one that they can."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_NEAREST = {"−": "-", "–": "-", "—": "-", "·": "-", "×": "x", "★": "*", "✓": "+", "◆": "*"} | {
    "→": ">",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
}


def write_anywhere() -> None:
    """Let no character stop what is printed, whatever the encoding of stdout and stderr."""
    codecs.register_error("bakeoff", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="bakeoff")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(nearest, error.object[error.start : error.end])), error.end


def nearest(character: str) -> str:
    """One character of ASCII, so that columns stay where they are.

    >>> "".join(map(nearest, "70\u202f% − café …★ 猫"))
    '70 % - cafe .* ?'
    """
    if character in _NEAREST:
        return _NEAREST[character]
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain[:1] or "?"
