"""Labelled images as they come, and those in Parquet files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

from bakeoff.data.characters import normalised
from bakeoff.data.columns import Columns, refuse_types, refuse_unclear
from bakeoff.data.files import as_frame, damaged_parquet, label_names
from bakeoff.data.frames import left_out, name_of, refuse_left_out
from bakeoff.errors import UserError
from bakeoff.remote import read_stream

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_SPLIT_NAME = re.compile(
    rf"(?P<of>.+[-_ ])?(?P<split>{'|'.join(_SPLITS)})(?:[-_ ]?(?:set|data|split|images))?", re.I
)

_SPLIT_BEFORE = re.compile(rf"(?P<split>{'|'.join(_SPLITS)})[-_ ](?P<of>.+)", re.I)


def split_of(name: str) -> tuple[str, str]:
    """The split that a folder or a value of a column names, and what it is the split of.

    >>> split_of("Validation_set"), split_of("seg_train"), split_of("forest")
    (('validation', ''), ('train', 'seg_'), ('', ''))
    """
    found = _SPLIT_NAME.fullmatch(name.strip())
    return (_SPLITS[found["split"].lower()], found["of"] or "") if found else ("", "")


def split_and_class(name: str) -> tuple[str, str]:
    """The split and the class that a folder names both, or two empty texts.

    >>> split_and_class("test_cat"), split_and_class("cat-train"), split_and_class("test_set")
    (('test', 'cat'), ('train', 'cat'), ('', ''))
    """
    split, of = split_of(name)
    if not split and (found := _SPLIT_BEFORE.fullmatch(name.strip())):
        split, of = _SPLITS[found["split"].lower()], found["of"]
    return (split, of.rstrip("-_ ")) if of else ("", "")


@dataclass(frozen=True)
class ImageSource:
    """Labelled images as they came, before decoding."""

    frame: pd.DataFrame
    """Columns name, label, and own: "train", "validation", "test", or "" where the data was never
    split. The row's number is the index."""
    read: Callable[[int], bytes | np.ndarray]
    """The file of a row, or its pixels: uint8, shape (height, width) for grey or (…, 3) for RGB."""
    name: str
    path: str
    label_column: str | None = None
    """None: labels are names of folders."""
    classes: list[str] | None = None
    """Names for the labels 0, 1, …; None takes the names from the labels."""
    places: Mapping[str, str] = field(default_factory=dict)
    """What the columns group and time of the frame are called, of those that there are."""


def read_parquet(source: str, columns: Columns) -> ImageSource:
    """Encoded images in a column of bytes or of Hugging Face's struct{bytes, path}.

    A column `split` (train, val, test) tells the splits the data comes with.

    Raises:
        UserError: the file cannot be read, a column is missing or holds something else.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    table, called = _table(source, columns)
    named = columns.named()
    image_column, label_column = named["input"], named["label"]
    images = table[called["input"]]
    if pa.types.is_struct(images.type) and images.type.get_field_index("bytes") >= 0:
        images = pc.struct_field(images, "bytes")
    kind = images.type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise UserError(
            f"{source}: column {image_column!r} holds {kind}, not encoded images (bytes); name "
            "the images with --image-column"
        )
    labels = as_frame(table.select([called["label"]]))[called["label"]]
    if names := label_names(table.schema).get(called["label"]):
        labels = labels.map(names)
    refuse_types(source, labels, label_column, "label")
    frame = pd.DataFrame(
        {
            "name": [f"row {row + 1}" for row in range(len(table))],
            "label": labels.astype(object),
            "own": _own(table, source, called["split"]) if "split" in called else "",
        }
    )
    places = {role: name for role, name in columns.places.items() if role != "split"}
    for role, column in places.items():
        frame[role] = as_frame(table.select([called[role]]))[called[role]]
        refuse_types(source, frame[role], column, role)

    def read(row: int) -> bytes:
        return images[row].as_py() or b""

    return ImageSource(frame, read, name_of(source), source, label_column, places=places)


def _table(source: str, columns: Columns) -> tuple[Any, dict[str, str]]:
    """The columns that are needed, and what the file calls them by what they hold."""
    import pyarrow as pa
    from pyarrow import parquet

    def read(stream: IO[bytes]) -> tuple[Any, dict[str, str]]:
        try:
            file = parquet.ParquetFile(stream)
            names = {normalised(name): name for name in file.schema_arrow.names}
            there = [normalised(name) for name in file.schema_arrow.names]
            wanted = replace(columns, split=columns.split or ("split" if "split" in there else ""))
            refuse_left_out(left_out(file.schema_arrow), wanted.named().values())
            refuse_unclear(source, wanted, there, kind="image")
            called = {role: names[column] for role, column in wanted.named().items()}
            return file.read(list(dict.fromkeys(called.values()))), called
        except pa.ArrowException as error:
            raise damaged_parquet(source, error) from None

    try:
        table, called = read_stream(source, read)
    except OSError as error:
        raise damaged_parquet(source, error) from None
    if not len(table):
        raise UserError(f"{source} has columns and no rows; give a file with labelled images")
    return table, called


def _own(table: Any, source: str, column: str) -> list[str]:
    names = table[column].to_pylist()
    own = [split_of(str(name))[0] for name in names]
    if "" in own:
        row = own.index("")
        raise UserError(
            f"{source}: column {column!r} holds {names[row]!r} in row {row + 1}; splits are train, "
            "val and test, so mend it, or remove the column"
        )
    return own
