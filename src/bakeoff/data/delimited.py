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
_MARK_BY_FORMAT = (
    'put texts with quotation marks into quotation marks, and double those inside ("")'
)


@dataclass(frozen=True)
class Record:
    """One row, and the lines it stands on."""

    first: int
    """Number of its first line, from 1."""
    last: int
    fields: list[str]
    wrong: str = ""
    """Why it has none, and what to do; "" where it has."""


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
    every line is a row, and marks are part of the text; but where most marks do enclose fields,
    only the rows of the others are wrong.

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
    filled = sum(1 for line in lines if line.strip(" "))
    if not any(line.strip(' "') for line in lines):
        raise UserError(f"{source} is empty; give a file with rows")
    promised, separator = separator, _separator(lines[blank:], separator, wanted)
    remarks = [f"columns are separated by {SEPARATORS[separator]}"] * (promised != separator)
    (header, *rows), plain = _rows(source, lines, separator, wanted)
    whole = [row for row in rows if not row.wrong]
    if any(row.last > row.first for row in whole):
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
    first = next(_quoted(lines, separator), None)
    return _names(first.fields if first and not first.wrong else lines[0].split(separator))


def _rows(
    source: str, lines: list[str], separator: str, wanted: Sequence[str]
) -> tuple[list[Record], bool]:
    """All rows with the header, and whether quotation marks are part of the text."""
    readings = []
    for escape in (None, "\\"):
        rows = list(_apart(list(_quoted(lines, separator, escape)), lines, separator, wanted))
        wrong = [row for row in rows if row.wrong]
        if not wrong:
            return rows, False
        readings.append((rows, wrong))
    rows, wrong = min(readings, key=lambda reading: len(reading[1]))
    strays = sum(1 for row in wrong if '"' in lines[row.first - 1])
    opens = re.compile(rf'(?:^|{re.escape(separator)})"')
    enclosing = sum(1 for row in rows if not row.wrong and opens.search(lines[row.first - 1]))
    # By its format, a TSV knows no quotation marks.
    tabs = separator == "\t"
    seldom = enclosing <= (max(strays, len(rows) / 2) if tabs else strays)
    if seldom:
        plain = _plain(lines, separator)
        if tabs or len({len(row.fields) for row in plain}) == 1:
            return plain, True
    if rows[0].wrong or (seldom and strays):
        raise UserError(f"{source} is malformed: {wrong[0].wrong}")
    return rows, False


def _plain(lines: list[str], separator: str) -> list[Record]:
    """Every line that is not blank as a row; marks count around names of columns alone."""
    first, *rest = (
        Record(number, number, line.split(separator))
        for number, line in enumerate(lines, start=1)
        if line.strip(" ")
    )
    return [Record(first.first, first.last, [name.strip('"') for name in first.fields]), *rest]


def _quoted(lines: list[str], separator: str, escape: str | None = None) -> Iterator[Record]:
    """Rows by RFC 4180, to the letter. One that is not written so is wrong; the next one begins
    on the first line after its beginning that has no mark within a text.
    """
    csv.field_size_limit(sys.maxsize)
    begins = re.compile(rf'(?:[^"]*{re.escape(separator)})?"|[^"]*$')
    start = 0
    while start < len(lines):
        reader = csv.reader(
            (f"{lines[number]}\n" for number in range(start, len(lines))),
            strict=True,
            delimiter=separator,
            escapechar=escape,
        )
        before = start
        try:
            for fields in reader:
                last = start + reader.line_num
                if fields and (len(fields) > 1 or fields[0].strip(" ")):
                    yield Record(before + 1, last, fields)
                before = last
            return
        except csv.Error as error:
            wrong = _wrong(str(error), before + 1)
        after = range(before + 1, len(lines))
        start = next((number for number in after if begins.match(lines[number])), len(lines))
        yield Record(before + 1, start, [], wrong)


def _wrong(error: str, line: int) -> str:
    """What is wrong with the row that begins on a line, by csv's message, and what to do."""
    if error.startswith("new-line"):
        return f"the row on line {line} holds a carriage return outside quotation marks; remove it"
    what = "is never closed" if error.startswith("unexpected end") else "ends within a text"
    return f"what a quotation mark opens on line {line} {what}; {_MARK_BY_FORMAT}"


def _apart(
    rows: list[Record], lines: list[str], separator: str, wanted: Sequence[str]
) -> Iterator[Record]:
    """The rows, but each line of one that is several by its look is wrong."""
    joined = {row.first for row in _joined(rows, lines, separator, wanted)}
    for row in rows:
        if row.first not in joined:
            yield row
            continue
        wrong = (
            f"the quotation mark on line {row.first} is closed on line {row.last}, and what "
            f"stands between looks like rows; {_MARK_BY_FORMAT}"
        )
        for number in range(row.first, row.last + 1):
            if lines[number - 1].strip(" "):
                yield Record(number, number, [], wrong)


def _joined(
    rows: list[Record], lines: list[str], separator: str, wanted: Sequence[str]
) -> list[Record]:
    """Rows that are several by the look of their lines: each that is not blank has all columns, and
    a known label. Without labels the columns say it where tabs separate them, which texts seldom
    hold.
    """
    header = _names(rows[0].fields)
    several = [row for row in rows[1:] if row.last > row.first and not row.wrong]
    parts = [
        [line.split(separator) for line in lines[row.first - 1 : row.last] if line.strip(" ")]
        for row in several
    ]
    full = [all(len(fields) == len(header) for fields in row) for row in parts]
    if not any(full):
        return []
    if len(wanted) < 2 or header.count(wanted[1]) != 1:
        told = separator == "\t" and len(header) > 1
        return [row for row, fits in zip(several, full, strict=True) if fits and told]
    label = header.index(wanted[1])
    single = (row.fields for row in rows[1:] if row.last == row.first)
    known = {fields[label] for fields in single if label < len(fields)}
    if not known and all(full):
        labels = Counter(fields[label].strip('"') for row in parts for fields in row)
        known = {name for name, n in labels.items() if n > 1}
    return [
        row
        for row, lines_of_row, fits in zip(several, parts, full, strict=True)
        if fits and all(fields[label].strip('"') in known for fields in lines_of_row)
    ]
