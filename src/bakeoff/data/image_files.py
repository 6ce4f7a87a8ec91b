"""Labelled images in folders and in Parquet files."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.data.files import damaged_parquet, explained_remote_errors
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""What folders and columns call splits."""
_LIKE_SPLITS = re.compile(r"(train|val|test|dev|eval)", re.IGNORECASE)
_JUNK = ("Thumbs.db", "desktop.ini", "__MACOSX")


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


def read_folder(path: Path) -> ImageSource:
    """Images as class/name.jpg, or below train/, val/ and test/; hidden files do not count.

    Raises:
        UserError: there are no class folders, one is empty, images lie outside them, other folders
            stand beside train/, or folders look like splits and none is train/.
    """
    import pandas as pd

    parts = {"": path}
    top = _folders(path)
    if any(SPLITS.get(folder.name.lower()) == "train" for folder in top):
        others = [folder.name for folder in top if folder.name.lower() not in SPLITS]
        if others:
            raise UserError(
                f"{path} has the folder {others[0]!r} beside its training split; splits are "
                "train, val and test, so move everything else away"
            )
        parts = {folder.name: folder for folder in top}
    elif top and all(_LIKE_SPLITS.match(folder.name) and _folders(folder) for folder in top):
        alike = ", ".join(folder.name for folder in top)
        raise UserError(
            f"{path} has no folder train, and {alike} look like splits; name them train, val and "
            "test"
        )
    rows = []
    for part, folder in parts.items():
        _refuse_loose_files(folder)
        if not _folders(folder):
            raise UserError(
                f"{folder} holds no images; put them into a folder a class: class/name.jpg"
            )
        for of_class in _folders(folder):
            files = sorted(visible_files(of_class))
            if not files:
                raise UserError(f"{of_class} is an empty class folder; add images, or remove it")
            own = SPLITS[part.lower()] if part else ""
            rows += [(file.relative_to(path).as_posix(), of_class.name, own) for file in files]
    frame = pd.DataFrame(rows, columns=["name", "label", "own"])
    names = frame["name"].tolist()
    return ImageSource(
        frame, lambda row: (path / names[row]).read_bytes(), path.resolve().name, str(path)
    )


def _folders(path: Path) -> list[Path]:
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and not _hidden(folder))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _JUNK


def visible_files(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders that are not hidden, nor in a hidden one."""
    entries = [entry for entry in folder.iterdir() if not _hidden(entry)]
    below = [visible_files(entry) for entry in entries if entry.is_dir()]
    return [entry for entry in entries if entry.is_file()] + [file for f in below for file in f]


def _refuse_loose_files(folder: Path) -> None:
    from PIL import Image

    endings = Image.registered_extensions()
    for file in sorted(folder.iterdir()):
        if file.is_file() and not _hidden(file) and file.suffix.lower() in endings:
            raise UserError(
                f"{file} lies outside the class folders; put it into the folder of its class "
                "(class/name.jpg)"
            )


def read_parquet(source: str, image_column: str, label_column: str) -> ImageSource:
    """Encoded images in a column of bytes or of Hugging Face's struct{bytes, path}.

    A column `split` (train, val, test) tells the splits the data comes with.

    Raises:
        UserError: the file cannot be read, a column is missing or holds something else.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _table(source, image_column, label_column)
    images = table[image_column]
    if pa.types.is_struct(images.type) and images.type.get_field_index("bytes") >= 0:
        images = pc.struct_field(images, "bytes")
    kind = images.type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise UserError(
            f"{source}: column {image_column!r} holds {kind}, not encoded images (bytes); name "
            "the images with --image-column"
        )
    frame = pd.DataFrame(
        {
            "name": [f"row {row + 1}" for row in range(len(table))],
            "label": table[label_column].to_pandas().astype(object),
            "own": _own(table["split"].to_pylist(), source)
            if "split" in table.schema.names
            else "",
        }
    )

    def read(row: int) -> bytes:
        return images[row].as_py() or b""

    return ImageSource(frame, read, Path(source).name, source, label_column)


def _table(source: str, image_column: str, label_column: str) -> Any:
    import fsspec
    import pyarrow as pa
    from pyarrow import parquet

    remote = "://" in source
    with explained_remote_errors(source) if remote else nullcontext():
        try:
            with fsspec.open(source, "rb") if remote else Path(source).open("rb") as stream:
                file = parquet.ParquetFile(stream)
                known = file.schema_arrow.names
                for column in (image_column, label_column):
                    if column not in known:
                        raise UserError(
                            f"{source} has no column {column!r}; it has: {', '.join(known)} "
                            "(name them with --image-column and --label-column)"
                        )
                table = file.read(list({image_column, label_column, "split"} & set(known)))
        except (pa.ArrowException, OSError) as error:
            if remote and isinstance(error, OSError):
                raise
            raise damaged_parquet(source, error) from None
    if not len(table):
        raise UserError(f"{source} has columns and no rows; give a file with labelled images")
    return table


def _own(names: list[Any], source: str) -> list[str]:
    own = [SPLITS.get(str(name).strip().lower(), "") for name in names]
    if "" in own:
        row = own.index("")
        raise UserError(
            f"{source}: column 'split' holds {names[row]!r} in row {row + 1}; splits are train, "
            "val and test, so mend it, or remove the column"
        )
    return own
