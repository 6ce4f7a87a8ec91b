"""Reading a labelled table: CSV, TSV, JSONL or Parquet, by path or fsspec URL."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bakeoff.data.characters import normalised
from bakeoff.data.columns import Columns, refuse_types, refuse_unclear
from bakeoff.data.contents import LOOKED_AT, other_kind
from bakeoff.data.delimited import read_records
from bakeoff.data.encoding import DAMAGED, damaged_header, damaged_lines, decoded
from bakeoff.data.frames import left_out, refuse_left_out
from bakeoff.errors import UserError
from bakeoff.remote import read_bytes, read_stream

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_BLANK = codecs.BOM_UTF8 + b" \t\r\n\v\f"


@dataclass(frozen=True)
class Table:
    """The columns of a file that somebody asked for."""

    frame: pd.DataFrame
    """Columns as the fields of `Columns`, of those that were named, or as the file has them; the
    index is the row's number, from 0."""
    bad: dict[int, str]
    """Row → why it cannot be read."""
    remarks: list[str]
    """What a person should know of how the file was read."""
    refusal: UserError | None = None
    """What a person is told of the bad rows."""
    header: tuple[str, ...] = ()
    """All names of columns that the file has."""
    left_out: Sequence[str] = ()
    """Those of a data frame that it cannot have."""


def read_table(source: str, columns: Columns, skip_bad: bool = False) -> Table:
    """The named columns of a file.

    Args:
        source: path or fsspec URL of a CSV, TSV, JSONL or Parquet file.
        columns: their names.
        skip_bad: give rows that cannot be read as such, instead of refusing the file.

    Raises:
        UserError: the file cannot be read, lacks a column, or a column holds no text or no label.
    """
    named = columns.named()
    table = _read(source, columns, skip_bad)
    frame = table.frame.set_axis(list(named), axis=1).rename(columns={"input": "text"})
    refuse_types(source, frame["text"], columns.input, "text")
    for role in named.keys() - {"input"}:
        refuse_types(source, frame[role], named[role], role)
    return Table(frame, table.bad, table.remarks)


def read_whole_table(source: str, text_column: str, skip_bad: bool = False) -> Table:
    """All columns of a file by their names, one of which holds texts.

    Args:
        source: as for `read_table`.
        text_column: the name of the column of texts.
        skip_bad: leave out rows that cannot be read, instead of refusing the file.

    Raises:
        UserError: the file cannot be read, or lacks the column or texts in it.
    """
    text_column = normalised(text_column)
    table = _read(source, Columns(text_column, label=""), skip_bad, whole=True)
    refuse_types(source, table.frame[text_column], text_column, "text")
    return replace(table, frame=table.frame.drop(index=list(table.bad)))


def read_any(source: str) -> Table:
    """All columns of a file whose names are not given twice, by their names, but for encoded
    images, and all rows, bad ones too.

    Args:
        source: as for `read_table`.

    Raises:
        UserError: the file cannot be read.
    """
    return _read(source, Columns("", label=""), skip_bad=True, whole=True)


def _read(source: str, columns: Columns, skip_bad: bool, whole: bool = False) -> Table:
    ending = Path(source).suffix.lower()
    if ending not in READERS:
        raise unknown_ending(source)
    content = read_bytes(source)
    if not content.strip(_BLANK):
        raise UserError(f"{source} is empty; give a file with rows")
    if ending != ".parquet" and (kind := other_kind(source, content)):
        raise UserError(kind)
    table = READERS[ending](source, content, columns, whole)
    if table.refusal and not skip_bad:
        raise table.refusal
    if len(table.frame) == 0:
        raise table.refusal or UserError(
            f"{source} has a header and no rows; give a file with rows"
        )
    return table


def unknown_ending(source: str) -> UserError:
    """What a person is told of a file that nothing reads."""
    ending = Path(source).suffix.lower()
    if "://" in source and "?" in source:
        return UserError(
            f"{source.partition('?')[0]}?…: an address with a query is not read; download the file "
            "and give its path"
        )
    with suppress(OSError), Path(source).open("rb") as stream:
        if kind := other_kind(source, stream.read(LOOKED_AT)):
            return UserError(kind)
    return UserError(f"{source}: unknown file ending {ending!r}; known are {', '.join(READERS)}")


def images_in(source: str) -> list[str]:
    """The columns of a file that may hold encoded images; only Parquet has any.

    Raises:
        UserError: the file cannot be read.
    """
    if Path(source).suffix.lower() != ".parquet":
        return []
    import pyarrow as pa
    from pyarrow import parquet

    def read(stream: IO[bytes]) -> list[str]:
        try:
            return image_columns(parquet.read_schema(stream))
        except pa.ArrowException as error:
            raise damaged_parquet(source, error) from None

    try:
        return read_stream(source, read)
    except OSError as error:
        raise damaged_parquet(source, error) from None


def image_columns(schema: pa.Schema) -> list[str]:
    """The columns of a schema that may hold encoded images."""
    import pyarrow as pa

    found = []
    for field in schema:
        kind = field.type
        # Hugging Face writes images as structs of bytes and a path.
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            kind = kind.field("bytes").type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            found.append(field.name)
    return found


def _image_hint(schema: pa.Schema) -> str:
    """How to name the column of encoded images, where there is one."""
    return next((f"; for images: --image-column {name}" for name in image_columns(schema)), "")


def _read_delimited(
    separator: str, source: str, content: bytes, columns: Columns, whole: bool
) -> Table:
    import pandas as pd

    wanted = list(columns.named().values())
    text, remarks = decoded(source, content)
    records = read_records(source, text, separator, wanted)
    needed = records.header if whole or not set(wanted) <= set(records.header) else []
    if any(DAMAGED.search(name) for name in needed):
        raise damaged_header(source, text)
    refuse_unclear(source, columns, records.header)
    wanted = _columns(source, wanted, records.header, whole)
    places = [records.header.index(column) for column in wanted]
    # Labels such as "NA" and "01" are labels as they stand; only an empty field is missing.
    rows = [
        [row.fields[place] or None if place < len(row.fields) else None for place in places]
        for row in records.rows
    ]
    width = len(records.header)
    long = [n for n, row in enumerate(records.rows) if any(row.fields[width:])]
    damaged = [n for n, row in enumerate(rows) if any(v and DAMAGED.search(v) for v in row)]
    wrong = [n for n, row in enumerate(records.rows) if row.wrong]
    refusal = None
    if wrong:
        why = records.rows[wrong[0]].wrong
        refusal = UserError(
            f"{source} is malformed: {why}, or leave such rows out with --skip-bad-rows"
        )
    elif long:
        row = records.rows[long[0]]
        refusal = UserError(
            f"{source} is malformed: line {row.first} has {len(row.fields)} fields, and its header "
            f"has {width}; put texts that hold the separator in quotes, or leave such rows out "
            "with --skip-bad-rows"
        )
    elif damaged:
        refusal = damaged_lines(source, text, [records.rows[n].first for n in damaged])
    bad = {**dict.fromkeys(damaged, "not UTF-8"), **dict.fromkeys(long, "too many fields")}
    bad |= dict.fromkeys(wrong, "malformed")
    frame = pd.DataFrame(rows, columns=wanted, dtype=object)
    remarks = [*remarks, *records.remarks]
    return Table(frame, bad, remarks, refusal, tuple(records.header))


def _read_csv(source: str, content: bytes, columns: Columns, whole: bool) -> Table:
    return _read_delimited(",", source, content, columns, whole)


def _read_tsv(source: str, content: bytes, columns: Columns, whole: bool) -> Table:
    return _read_delimited("\t", source, content, columns, whole)


def _read_jsonl(source: str, content: bytes, columns: Columns, whole: bool) -> Table:
    import pandas as pd

    wanted = list(columns.named().values())
    text, remarks = decoded(source, content)
    rows: list[dict[str, Any]] = []
    bad, damaged, refusal = {}, [], None
    names: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _parsed(line)
        except ValueError as error:
            refusal = refusal or UserError(f"{source}, line {number} {error}")
            bad[len(rows)], row = "no JSON", {}
        except LookupError as error:
            raise UserError(f"{source}, line {number} {error}") from None
        if DAMAGED.search(line):
            damaged.append(number)
            bad[len(rows)], row = "not UTF-8", {}
        names |= dict.fromkeys(row)
        rows.append(row)
    if len(bad) < len(rows):
        refuse_unclear(source, columns, list(names))
    wanted = _columns(source, wanted, list(names), whole)
    if damaged and not refusal:
        refusal = damaged_lines(source, text, damaged)
    values = [[row.get(column) for column in wanted] for row in rows]
    frame = pd.DataFrame(values, columns=wanted, dtype=object)
    return Table(frame, bad, remarks, refusal, tuple(names))


def _parsed(line: str) -> dict[str, Any]:
    """A line of JSONL; names of columns are composed.

    Raises:
        ValueError: it is none; says what it is instead.
        LookupError: two columns have one name.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = {normalised(name): value for name, value in pairs}
        if len(found) < len(pairs):
            names = [normalised(name) for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise LookupError(f"has several columns {twice!r}; leave all but one out")
        return found

    try:
        row = json.loads(line, object_pairs_hook=once)
        if "\\ud" in line.lower():
            json.dumps(json.loads(DAMAGED.sub("?", line)), ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError("is nested too deeply; leave that field out") from None
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        raise ValueError(f"holds half a character ({half}); mend or remove it") from None
    if not isinstance(row, dict):
        raise ValueError("is no JSON object")
    return row


def _read_parquet(source: str, content: bytes, columns: Columns, whole: bool) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    wanted = list(columns.named().values())
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        schema = file.schema_arrow
        names = {normalised(name): name for name in schema.names}
        there = [normalised(name) for name in schema.names]
        refuse_left_out(left := left_out(schema), wanted)
        refuse_unclear(source, columns, there, _image_hint(schema))
        pictures = [] if wanted else [normalised(name) for name in image_columns(schema)]
        wanted = [name for name in _columns(source, wanted, there, whole) if name not in pictures]
        table = file.read([names[column] for column in dict.fromkeys(wanted)])
        table.validate(full=True)
        frame = as_frame(table)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged_parquet(source, error) from None
    for column, meaning in label_names(table.schema).items():
        if column in frame.columns:
            frame[column] = frame[column].map(meaning)
    frame = frame[[names[column] for column in wanted]]
    remarks = [f"column {name!r} is left out, for Parquet cannot hold it" for name in left]
    return Table(frame.set_axis(wanted, axis=1), {}, remarks, header=tuple(there), left_out=left)


def _columns(source: str, wanted: list[str], there: list[str], whole: bool) -> list[str]:
    """The columns to read: those that are wanted, or all, which then must be told apart; where none
    is wanted those that can be.

    Raises:
        UserError: all are to be read, and several have one name.
    """
    if not whole:
        return wanted
    if not wanted:
        return [name for name in there if there.count(name) == 1]
    twice = next((name for name in there if there.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{source} has several columns {twice!r}; rename all but one")
    return there


def as_frame(table: pa.Table) -> pd.DataFrame:
    """A table in pandas; integers stay what they are beside missing ones, and as categories."""
    import pyarrow as pa

    kinds = [(n, kind) for n, kind in enumerate(table.schema.types) if pa.types.is_dictionary(kind)]
    for place, kind in kinds:
        plain = table.column(place).cast(kind.value_type)
        table = table.set_column(place, table.schema.field(place).with_type(plain.type), plain)
    # The metadata of pandas would bring back its type "string", with NA for missing texts, and
    # make a column its index, which nobody writes.
    return table.to_pandas(ignore_metadata=True, integer_object_nulls=True)


def label_names(schema: pa.Schema) -> dict[str, dict[int, str]]:
    """Column → number → name, of the columns whose numbers Hugging Face's `datasets` wrote names
    with (its `ClassLabel`). A number that has none, such as -1, is a missing label.
    """
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        named = {c: f["names"] for c, f in features.items() if "names" in f}
        return {column: dict(enumerate(names)) for column, names in named.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def damaged_parquet(source: str, error: Exception) -> UserError:
    """What a person is told where `error` ended the reading of a Parquet file."""
    if isinstance(error, OSError) and error.errno:
        return UserError(f"cannot read {source}: {error.strerror}")
    return UserError(
        f"{source} is no Parquet file, or a damaged one: {str(error).splitlines()[0].rstrip('.')}; "
        "write it again"
    )


READERS = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
