"""From the bytes of a text file to its characters."""

from __future__ import annotations

import codecs
import re
import unicodedata

from bakeoff.data.contents import refuse_no_text
from bakeoff.errors import UserError

DAMAGED = re.compile("[\udc80-\udcff]")
"""What bytes that are no UTF-8 become (PEP 383)."""
_SHOWN = 5
_MARKS = {  # The mark of UTF-16 begins that of UTF-32.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNMARKED = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_SAMPLE = 1 << 16
"""Bytes that tell these: read as one of them, they are characters, and have ends of lines."""
_LEAST_SHARE = 0.95
"""Of what is read right there are more characters; of a wrong order of bytes there is no line."""


def decoded(source: str, content: bytes) -> tuple[str, list[str]]:
    """The text of a file, and what a person should know of how it was read.

    UTF-8, or UTF-16 and UTF-32 where the file says so, or its zeros do. Bytes that are no UTF-8
    become the characters of `DAMAGED`.

    Raises:
        UserError: a file of UTF-16 or UTF-32 is damaged, or it is no text.
    """
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    encoding = encoding or _unmarked(content)
    if not encoding:
        refuse_no_text(source, content)
        return content.decode("utf-8-sig", "surrogateescape"), []
    name = encoding[:6].upper()
    try:
        return content.decode(encoding), [f"read as {name}"]
    except UnicodeDecodeError as error:
        raise UserError(
            f"{source} is {name} and damaged at byte {error.start}: {error.reason}; write it again"
        ) from None


def _unmarked(content: bytes) -> str:
    """UTF-16 or UTF-32 that does not say so; "" where it is neither."""
    sample = content[:_SAMPLE]
    if 0 not in sample:  # Not even in a separator.
        return ""
    for encoding in _UNMARKED:
        text = sample.decode(encoding, "replace")
        good = sum(map(_is_character, text))
        if ("\n" in text or "\r" in text) and good > _LEAST_SHARE * len(text):
            return encoding
    return ""


def _is_character(sign: str) -> bool:
    """Whether somebody would write it: no control character, and assigned."""
    return sign in "\t\r\n" or (unicodedata.category(sign)[0] != "C" and sign != "\ufffd")


def damaged_header(source: str, text: str) -> UserError:
    """What a person is told of names of columns with bytes that are no UTF-8.

    Args:
        source, text: as of `damaged_lines`.
    """
    return UserError(
        f"{source}: its header has bytes that are not UTF-8; mend them{_another_encoding(text)}"
    )


def damaged_lines(source: str, text: str, lines: list[int]) -> UserError:
    """What a person is told of bytes that are no UTF-8.

    Another encoding is a possibility only where hardly anything else is valid UTF-8: otherwise
    converting it would spoil what is whole.

    Args:
        source: of the text.
        text: all of it, as `decoded` gives it.
        lines: numbers of the damaged lines, from 1.
    """
    shown = ", ".join(map(str, lines[:_SHOWN])) + (", …" if len(lines) > _SHOWN else "")
    where = f"line {shown}" if len(lines) == 1 else f"{len(lines):,} lines: {shown}"
    return UserError(
        f"{source} has bytes that are not UTF-8 ({where}); mend them, or leave such rows out with "
        f"--skip-bad-rows{_another_encoding(text)}"
    )


def _another_encoding(text: str) -> str:
    whole = DAMAGED.sub("", text)
    damaged, letters = len(text) - len(whole), sum(map(str.isalpha, whole))
    if damaged > letters / 2:  # A script beyond Latin; of its bytes, some are UTF-8 by chance.
        beyond = sum(not sign.isascii() for sign in whole)
        names = "iconv -f NAME -t UTF-8, such as WINDOWS-1251 of Cyrillic, GB18030 or SHIFT_JIS"
        possible = beyond < damaged
    else:
        names = "of Windows in Western Europe: iconv -f WINDOWS-1252 -t UTF-8"
        possible = whole.isascii()
    return f"; if all of it is in another encoding, save it as UTF-8 ({names})" * possible
