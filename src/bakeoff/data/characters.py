"""One spelling of every text: training, evaluation, prediction and labels go through here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_INTEGER_AS_FLOAT = re.compile(r"-?\d+\.0")


def composed(text: str) -> str:
    """The text in Unicode's normal form C (UAX #15): é is one character, however it was written."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def normalised(text: str) -> str:
    """A text or label as models and people see it: composed, without surrounding spaces."""
    return composed(text.strip())


def written(value: object) -> str:
    """A label, a group or another single value as models and people see it; 1.0, an integer read as
    a float, is 1.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return normalised(str(value))


def written_alike(values: Iterable[object]) -> list[str]:
    """`written`, of the values of one column: where all are integers that were written as floats,
    as where a file's column has gaps, they are integers again.

    >>> written_alike(["1.0", "0.0"]), written_alike(["3.0", "3.1"])
    (['1', '0'], ['3.0', '3.1'])
    """
    names = [written(value) for value in values]
    floats = bool(names) and all(_INTEGER_AS_FLOAT.fullmatch(name) for name in names)
    return [name.removesuffix(".0") for name in names] if floats else names


def alike(name: str) -> str:
    """Equal for names that a person would read as the same: case, width, spaces and what cannot be
    seen, such as a byte order mark or a zero-width space, do not count.
    """
    seen = (sign for sign in name if unicodedata.category(sign) not in ("Cc", "Cf"))
    return "".join(unicodedata.normalize("NFKC", "".join(seen)).casefold().split())
