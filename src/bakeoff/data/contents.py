"""What a file is that ought to be a table written as text, by its bytes."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from bakeoff.errors import UserError

_UNPACK = "unpack it, and give what is inside"
_SHEET = "save its sheet as CSV, in UTF-8"
_TABLE = "write its table as CSV or Parquet"
_KINDS = [
    (re.compile(signature, re.DOTALL), what, advice)
    for signature, what, advice in (
        (rb"\0+\Z", "nothing but zero bytes", "copy or download it again"),
        (rb"\x1f\x8b", "compressed by gzip", _UNPACK),
        (rb"BZh\d1AY&SY", "compressed by bzip2", _UNPACK),
        (rb"\xfd7zXZ\0", "compressed by xz", _UNPACK),
        (rb"\x28\xb5\x2f\xfd", "compressed by Zstandard", _UNPACK),
        (rb"7z\xbc\xaf|Rar!\x1a|.{257}ustar", "an archive", _UNPACK),
        (rb"PK\x03\x04.*xl/(workbook|worksheets|styles|theme|_rels)", "an Excel workbook", _SHEET),
        (rb"PK\x03\x04.*opendocument\.spreadsheet", "an OpenDocument spreadsheet", _SHEET),
        (rb"PK\x03\x04.*word/document", "a Word document", _TABLE),
        (rb"PK[\x03\x05]", "a ZIP archive", _UNPACK),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old file of Office, such as .xls", _SHEET),
        (
            rb"\x89PNG\r|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*",
            "a picture",
            "give the folder of folders, class/name.jpg",
        ),
        (rb"%PDF-", "a PDF document", _TABLE),
        (rb"\{\\rtf", "an RTF document", _TABLE),
        (rb"PAR1", "a Parquet file", "call it .parquet"),
        (rb"ARROW1|FEA1", "an Arrow or Feather file", "write it as Parquet"),
        (rb"SQLite format 3\0", "an SQLite database", _TABLE),
        (rb"\x89HDF\r", "an HDF5 file", _TABLE),
        (rb"\x93NUMPY", "a NumPy array", _TABLE),
        (rb"\x80[\x02-\x05]", "a pickle of Python", _TABLE),
        (
            rb"version https://git-lfs\.",
            "a pointer of Git LFS in place of the file",
            "get that with git lfs pull",
        ),
        (
            rb"(?i:\s*<(!doctype html|html)\b)",
            "a web page",
            "download the file itself, which may need a login",
        ),
    )
]
_ARRAY = (re.compile(rb"\s*\[\s*[\[{]"), "one array of JSON", "write one object a line, as .jsonl")
_OBJECTS = (re.compile(rb'\s*\{\s*"'), "JSON", "with one object a line call it .jsonl")
LOOKED_AT = 1 << 16
"""Bytes of the beginning that tell."""
_CONTROL = bytes({*range(32), 127} - set(b"\t\n\r\v\f\x1b"))
_LEAST_SHARE = 0.04
"""Of control characters in what is no text; in random bytes it is a ninth."""


def other_kind(source: str, content: bytes) -> str:
    """What a file is that is known to be no CSV, TSV or JSONL, and what to do; "" where it may be.

    Args:
        source: its path or address, whose ending promises one of these.
        content: of it, or its beginning.
    """
    start = content[:LOOKED_AT].removeprefix(codecs.BOM_UTF8)
    tables = [_OBJECTS] if Path(source).suffix.lower() in (".csv", ".tsv") else []
    for signature, what, advice in (*_KINDS, _ARRAY, *tables):
        if signature.match(start):
            return f"{source} is {what}; {advice}"
    return ""


def refuse_no_text(source: str, content: bytes) -> None:
    """Raise a UserError for bytes, in one encoding or another that has ASCII's control characters,
    that are no text.
    """
    start = content[:LOOKED_AT]
    controls = len(start) - len(start.translate(None, _CONTROL))
    if controls > _LEAST_SHARE * len(start):
        raise UserError(
            f"{source} is no text: {controls / len(start):.0%} of it are control characters; save "
            "it as text, in UTF-8"
        )
