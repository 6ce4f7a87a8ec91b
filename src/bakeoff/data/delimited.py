"""Rows of a CSV or TSV: what separates columns and what quotation marks mean is looked at."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bakeoff.data.characters import normalised
from bakeoff.errors import UserError

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
_EXCELS = re.compile(r'"?sep=.?"?', re.IGNORECASE)
"""A line before the header that tells Excel what separates columns."""


@dataclass(frozen=True)
class Record:
    """One row, and the lines it stands on."""

    first: int
    """Number of its first line, from 1."""
    last: int
    fields: list[str]


@dataclass(frozen=True)
class Records:
    """A table as it was read."""

    header: list[str]
    rows: list[Record]
    remarks: list[str]
    """What a person should know of how it was read."""


def read_records(source: str, text: str, separator: str, wanted: Sequence[str]) -> Records:
    """The header and the rows of a table.

    Quotation marks group what they enclose (RFC 4180), unless that is not how the file means them:
    a mark that is never closed as the format has it, or rows that a pair of marks would join. Then
    every line is a row, and marks are part of the text.

    Args:
        source: of the text, for messages.
        text: of the whole file.
        separator: what the file's ending promises; another one of `SEPARATORS` is taken where it
            alone gives the columns that are wanted.
        wanted: names of columns, the second being the label; none where any will do.

    Raises:
        UserError: the rows cannot be told apart.
    """
    lines, blank = _lines(text)
    promised, separator = separator, _separator(lines[blank:], separator, wanted)
    remarks = [f"columns are separated by {SEPARATORS[separator]}"] * (promised != separator)
    (header, *rows), plain = _rows(source, lines, separator, wanted)
    filled = sum(1 for line in lines if line.strip(" "))
    if len(rows) < filled - 1:
        remarks.append(
            f"{len(rows):,} rows stand on {filled - 1:,} lines: quoted texts hold line breaks"
        )
    if plain:
        remarks.append("quotation marks are part of texts: every line is a row")
    return Records(_names(header.fields), rows, remarks)


def header(text: str, separator: str, wanted: Sequence[str]) -> list[str]:
    """The names of a table's columns, by its first lines alone.

    Args:
        text: of the beginning of the file.
        separator, wanted: as of `read_records`.
    """
    lines, blank = _lines(text)
    return _header(lines[blank:], _separator(lines[blank:], separator, wanted))


def _lines(text: str) -> tuple[list[str], int]:
    """The lines of a table, and how many stand before its header."""
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    lines = [line.removesuffix("\r") for line in lines]
    blank = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if _EXCELS.fullmatch(lines[blank]):
        lines[blank], blank = "", blank + 1
    return lines, blank


def _names(fields: Sequence[str]) -> list[str]:
    """Of columns, as a header has them."""
    return [normalised(name) for name in fields]


def _separator(lines: list[str], promised: str, wanted: Sequence[str]) -> str:
    """What separates the columns, by the header."""
    columns = {sign: _header(lines, sign) for sign in (promised, *SEPARATORS)}
    fitting = [sign for sign, names in columns.items() if wanted and set(wanted) <= set(names)]
    if fitting or len(columns[promised]) > 1:
        return fitting[0] if fitting else promised
    return max(columns, key=lambda sign: len(columns[sign]))


def _header(lines: list[str], separator: str) -> list[str]:
    try:
        return _names(next(_quoted(lines, separator)).fields)
    except (csv.Error, StopIteration):
        return _names(lines[0].split(separator))


def _rows(
    source: str, lines: list[str], separator: str, wanted: Sequence[str]
) -> tuple[list[Record], bool]:
    """All rows with the header, and whether quotation marks are part of the text."""
    problem = None
    for escape in (None, "\\"):
        try:
            rows = list(_quoted(lines, separator, escape))
        except csv.Error as error:
            problem = problem or error.args[0]
            continue
        joined = _joined(rows, lines, separator, wanted)
        if joined is None:
            return rows, False
        problem = (
            f"the quotation mark on line {joined.first} is closed on line {joined.last}, and what "
            "stands between looks like rows"
        )
    plain = [
        Record(number, number, line.split(separator))
        for number, line in enumerate(lines, start=1)
        if line.strip(" ")
    ]
    # By its format, a TSV knows no quotation marks.
    width = len(plain[0].fields)
    if separator == "\t" or all(len(row.fields) == width for row in plain):
        header = Record(plain[0].first, plain[0].last, [f.strip('"') for f in plain[0].fields])
        return [header, *plain[1:]], True
    raise UserError(
        f"{source} is malformed: {problem}; put texts with quotation marks into quotation marks, "
        'and double those inside ("")'
    )


def _quoted(lines: list[str], separator: str, escape: str | None = None) -> Iterator[Record]:
    """Rows by RFC 4180, to the letter.

    Raises:
        csv.Error: the lines are not written so; says on which line.
    """
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        strict=True,
        delimiter=separator,
        escapechar=escape,
    )
    while True:
        before = reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            what = "is never closed" if reader.line_num >= len(lines) else "ends within a text"
            raise csv.Error(f"what a quotation mark opens on line {before + 1} {what}") from None
        if fields and (len(fields) > 1 or fields[0].strip(" ")):
            yield Record(before + 1, reader.line_num, fields)


def _joined(
    rows: list[Record], lines: list[str], separator: str, wanted: Sequence[str]
) -> Record | None:
    """A row that is several by the look of its lines: each that is not blank has all columns, and
    a known label. Without labels the columns say it where tabs separate them, which texts seldom
    hold.
    """
    header = _names(rows[0].fields)
    several = [row for row in rows[1:] if row.last > row.first]
    parts = [
        [line.split(separator) for line in lines[row.first - 1 : row.last] if line.strip(" ")]
        for row in several
    ]
    full = [all(len(fields) == len(header) for fields in row) for row in parts]
    if not any(full):
        return None
    if len(wanted) < 2 or header.count(wanted[1]) != 1:
        told = separator == "\t" and len(header) > 1
        return several[full.index(True)] if told else None
    label = header.index(wanted[1])
    single = (row.fields for row in rows[1:] if row.last == row.first)
    known = {fields[label] for fields in single if label < len(fields)}
    if not known and all(full):
        labels = Counter(fields[label].strip('"') for row in parts for fields in row)
        known = {name for name, n in labels.items() if n > 1}
    for row, lines_of_row, fits in zip(several, parts, full, strict=True):
        if fits and all(fields[label].strip('"') in known for fields in lines_of_row):
            return row
    return None
