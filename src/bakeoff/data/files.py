"""Reading a labelled table: CSV, TSV, JSONL or Parquet, by path or fsspec URL."""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_TELLS_CONTENT = {
    *("etag", "generation", "version", "versionid", "sha", "sha256"),
    *("md5", "md5hash", "contentmd5", "digest", "checksum", "crc", "crc32c"),
    *("lastmodified", "modified", "mtime", "updated"),
}
"""What fsspec's file systems call facts that change with a file's content, without marks."""
_BLOCK = 1 << 20


def read_table(source: str, text_column: str, label_column: str) -> pd.DataFrame:
    """The two columns of a file, as text and label; the index is the row's number.

    Raises:
        UserError: the file cannot be read, lacks a column, or a column holds no text or no label.
    """
    ending = Path(source).suffix.lower()
    if ending not in _READERS:
        raise UserError(
            f"{source}: unknown file ending {ending!r}; known are {', '.join(_READERS)}"
        )
    content = _content(source)
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise UserError(f"{source} is empty; give a file with labelled rows")
    frame = _READERS[ending](source, content)
    columns = list(frame.columns)
    for column in (text_column, label_column):
        if columns.count(column) != 1:
            advice = f"--text-column and --label-column{_image_hint(frame)}"
            raise unclear_column(source, column, columns, advice)
    if frame.empty:
        raise UserError(f"{source} has a header and no rows; give a file with labelled rows")
    frame = frame[[text_column, label_column]].set_axis(["text", "label"], axis=1)
    frame = frame.reset_index(drop=True)
    refuse_types(source, frame["text"], text_column, "text")
    refuse_types(source, frame["label"], label_column, "label")
    return frame


def unclear_column(source: str, column: str, columns: Sequence[str], advice: str) -> UserError:
    """What a person is told where there is no column of a name, or more than one; `advice` names
    the options for it.
    """
    many = "several columns" if column in columns else "no column"
    return UserError(
        f"{source} has {many} {column!r}; it has: {', '.join(map(str, columns))} "
        f"(name them with {advice})"
    )


def _image_hint(frame: pd.DataFrame) -> str:
    """How to name the column of encoded images, where there is one."""
    for column in frame.columns:
        value = next(iter(frame[column].dropna()), None)
        # Hugging Face writes images as structs of bytes and a path.
        if isinstance(value.get("bytes") if isinstance(value, dict) else value, bytes):
            return f"; for images: --image-column {column}"
    return ""


def refuse_types(source: str, values: pd.Series, column: str, what: str) -> None:
    """Raise a UserError unless texts are strings, and labels these or other single values such as
    numbers.

    Args:
        source: of the data, for messages.
        values: of the column; missing ones do not count.
        column: its name.
        what: "text" or "label".
    """
    from pandas.api.types import is_list_like

    present = values.dropna()
    for row, value in zip(present.index + 1, present, strict=True):
        if isinstance(value, str):
            continue
        if isinstance(value, bytes):
            kind = "binary values"
        elif isinstance(value, dict):
            kind = "structs"
        elif is_list_like(value):
            kind = "lists"
        elif what == "label":
            continue
        else:
            kind = f"values of the type {type(value).__name__}"
        raise UserError(
            f"{source}: column {column!r} holds {kind} instead of {what}s (row {row}); convert "
            f"it, or name another column with --{what}-column"
        )


def _content(source: str) -> bytes:
    if "://" not in source:
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {source}: {error.strerror}") from None
    with explained_remote_errors(source):
        import fsspec

        with fsspec.open(source, "rb") as stream:
            return stream.read()


@contextmanager
def explained_remote_errors(source: str) -> Iterator[None]:
    """Turn whatever a remote file system raises into one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        missing = isinstance(error, FileNotFoundError)  # Of which fsspec tells only the path.
        reason = str(error.__cause__ or "there is no such file") if missing else str(error)
        reason = (reason or type(error).__name__).splitlines()[0]
        raise UserError(
            f"cannot read {source}: {reason}; check the address and the credentials"
        ) from None


def remote_checksum(source: str) -> str:
    """A hash of what a remote file system tells about a file, or of its content, where it tells
    neither checksum, version nor time of change.
    """
    with explained_remote_errors(source):
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(source)
        info = filesystem.info(path)
        known = {
            key: str(value)
            for key, value in info.items()
            if value and re.sub("[^a-z0-9]", "", key.lower()) in _TELLS_CONTENT
        }
        if known:
            facts = sorted({**known, "size": str(info.get("size"))}.items())
            return hashlib.sha256(repr(facts).encode()).hexdigest()
        content = hashlib.sha256()
        with fsspec.open(source, "rb") as stream:
            while block := stream.read(_BLOCK):
                content.update(block)
        return content.hexdigest()


def _decoded(source: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + len(content) - len(error.object)  # Without the byte order mark.
        line = content.count(b"\n", 0, start) + 1
        raise UserError(
            f"{source} is not UTF-8: byte {start} on line {line}; convert it first, for "
            "example with: iconv -f LATIN1 -t UTF-8"
        ) from None


def _read_delimited(separator: str, source: str, content: bytes) -> pd.DataFrame:
    import pandas as pd

    _decoded(source, content)
    try:
        # Labels such as "NA" and "01" are labels as they stand; only an empty field is missing.
        frame = pd.read_csv(
            io.BytesIO(content),
            sep=separator,
            encoding="utf-8-sig",
            dtype=str,
            keep_default_na=False,
            na_values=[""],
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UserError(f"{source} is malformed: {reason}; check the quotes there") from None
    # Where rows are longer than the header, pandas takes their first fields for an index.
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(
            f"{source} is malformed: its rows have more fields than its header; put texts that "
            "hold the separator in quotes"
        )
    return frame


def _read_csv(source: str, content: bytes) -> pd.DataFrame:
    return _read_delimited(",", source, content)


def _read_tsv(source: str, content: bytes) -> pd.DataFrame:
    return _read_delimited("\t", source, content)


def _read_jsonl(source: str, content: bytes) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for number, line in enumerate(_decoded(source, content).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "\\ud" in line.lower():
                json.dumps(row, ensure_ascii=False).encode()
        except json.JSONDecodeError as error:
            raise UserError(f"{source}, line {number} is no JSON: {error.msg}") from None
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])[1:-1]
            raise UserError(
                f"{source}, line {number} holds half a character ({half}); mend or remove it"
            ) from None
        if not isinstance(row, dict):
            raise UserError(f"{source}, line {number} is no JSON object")
        rows.append(row)
    return pd.DataFrame(rows)


def _read_parquet(source: str, content: bytes) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(content))
        table.validate(full=True)
        # The metadata of pandas would bring back its type "string", with NA for missing texts.
        frame = table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged_parquet(source, error) from None
    for column, names in label_names(table.schema).items():
        if list(frame.columns).count(column) == 1:
            frame[column] = frame[column].map(names)
    return frame


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
        f"{source} is no Parquet file, or a damaged one: {str(error).splitlines()[0]}; "
        "write it again"
    )


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
