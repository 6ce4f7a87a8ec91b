"""What is told of data before its rows are read: whether a step can read it, and its columns."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from bakeoff.data.characters import normalised
from bakeoff.data.columns import Columns, refuse_places, refuse_unclear
from bakeoff.data.delimited import header
from bakeoff.data.encoding import decoded
from bakeoff.data.files import READERS, unknown_ending
from bakeoff.data.sources import NAMED_SETS, named_set, no_images, refuse_credentials
from bakeoff.errors import UserError
from bakeoff.remote import read_stream

_BLOCK = 1 << 20
"""Bytes in which a header stands; whole characters of UTF-16 and UTF-32."""
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def refuse_unreadable(source: str, modality: str, columns: Columns) -> None:
    """Refuse data by its name, its ending and its header, where these alone tell that reading it
    fails; folders and archives are passed over.

    Args:
        source: a name in `NAMED_SETS`, a path, or an fsspec URL.
        modality: "text" or "image".
        columns: those that a file is to have.

    Raises:
        UserError: it is not of that modality, has an ending that nothing reads, or no such column;
            or it is away.
    """
    if source in NAMED_SETS:
        named_set(source, modality)
        refuse_places(source, columns)
        return
    refuse_credentials(source)
    ending = Path(source).suffix.lower()
    if "://" not in source and not (Path(source).is_file() and ending in READERS):
        return
    if modality == "image" and ending != ".parquet":
        raise no_images(source)
    if ending not in READERS:
        raise unknown_ending(source)
    if (there := _header(source, ending, columns)) is not None:
        refuse_unclear(source, columns, there, kind=modality)


def _header(source: str, ending: str, columns: Columns) -> list[str] | None:
    """The names of a file's columns; None where its beginning does not tell them."""
    if ending == ".parquet":
        return read_stream(source, _names_of_parquet)
    if ending not in _SEPARATORS:
        return None  # A row of JSONL may have columns that those before it lack.
    content = read_stream(source, lambda stream: bytes(stream.read(_BLOCK)))
    try:
        text, _ = decoded(source, content)
    except UserError:
        return None  # Cut within a character, or damaged: whoever reads all of it tells.
    return header(text, _SEPARATORS[ending], list(columns.named().values())) or None


def _names_of_parquet(stream: IO[bytes]) -> list[str] | None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return [normalised(name) for name in parquet.read_schema(stream).names]
    except pa.ArrowException:
        return None
