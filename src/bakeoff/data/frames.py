"""Data that stands in memory: a pandas frame, or what turns into one, kept as a Parquet file."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts import make_folder, written_atomically
from bakeoff.data.characters import alike, normalised
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FRAME = "the data frame"
_KEPT = re.compile(r"frame-([0-9a-f]{16})\.parquet")
"""The name of a file as `kept` gives it."""
_SPLIT = "split"
_REFUSED = (ValueError, TypeError, OverflowError, NotImplementedError)
"""What becomes of a column that Parquet cannot hold; Arrow's own errors are of these."""
_LEFT_OUT = "bakeoff left out"
_NEEDED = ("text", "image", "label")
"""Columns with the names that are taken where nobody says another."""


def split_column(data: Any) -> str:
    """The column that tells the splits of what is kept of a dictionary of several; else ""."""
    return _SPLIT if isinstance(data, dict) and len(data) > 1 else ""


def kept(data: Any, folder: Path) -> str:
    """The path of a Parquet file in `folder` with this content, named by its hash. It remembers
    columns that Parquet cannot hold (see `left_out`).

    Args:
        data: a pandas frame, or anything with `to_pandas`, such as a data set of Hugging Face
            (whose names of classes are kept), of polars or of Arrow; or a dictionary of such, from
            train, validation and test, as Hugging Face's DatasetDict.
        folder: where such files are.

    Raises:
        UserError: it is nothing of these, or cannot be kept so.
    """
    frame = _frame(data)
    if not len(frame):
        raise UserError("the data has no rows; give some")
    frame.attrs = {}
    content = io.BytesIO()
    try:
        frame.to_parquet(content, index=False)
    except _REFUSED:
        content = io.BytesIO()
        _written(frame).to_parquet(content, index=False)
    name = f"frame-{hashlib.sha256(content.getbuffer()).hexdigest()[:16]}.parquet"
    path = folder / name
    if not path.exists():
        make_folder(folder)
        with written_atomically(path) as temporary:
            temporary.write_bytes(content.getbuffer())
    return str(path)


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, with texts and numbers in one column as texts, numbers after names that come
    twice, and without columns that Parquet cannot hold.

    Raises:
        UserError: one of these is surely needed, or no other is there.
    """
    import pandas as pd

    columns: list[pd.Series] = []
    left: dict[str, str] = {}
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        try:
            values.to_frame().to_parquet(io.BytesIO())
        except _REFUSED as error:
            if not {type(value) for value in values[values.notna()]} <= {str, int, float, bool}:
                left[normalised(name)] = str(error.args[0])
                continue
            values = values.map(str, na_action="ignore")
        again = list(frame.columns).count(name) > 1
        columns.append(values.rename(f"{name} ({place + 1})" if again else name))
    refuse_left_out(left, [name for name in left if not columns or alike(name) in _NEEDED])
    frame = pd.concat(columns, axis=1)
    frame.attrs = {_LEFT_OUT: list(left)}
    return frame


def left_out(schema: pa.Schema) -> list[str]:
    """The columns of kept data that Parquet cannot hold."""
    try:
        return list(map(str, json.loads((schema.metadata or {})[b"PANDAS_ATTRS"])[_LEFT_OUT]))
    except (KeyError, TypeError, ValueError):
        return []


def refuse_left_out(left: Collection[str], needed: Iterable[str]) -> None:
    """Raise a UserError for a needed column that was left out of kept data; `left` may say why."""
    for name in needed:
        if name in left:
            why = f": {left[name]}" if isinstance(left, Mapping) else ""
            raise UserError(
                f"column {name!r} of the data cannot be kept as Parquet{why}; leave it out, or "
                "give texts, numbers or bytes"
            )


def name_of(source: str) -> str:
    """What data is called in lists: a kept frame by the beginning of its hash, a file without its
    folder.

    >>> name_of("data/reviews.csv"), name_of("runs/.store/data/frame-0123456789abcdef.parquet")
    ('reviews.csv', 'frame 012345')
    """
    name = Path(source).name or source
    found = _KEPT.fullmatch(name)
    return f"frame {found[1][:6]}" if found else name


def is_kept(source: str) -> bool:
    """Whether this is the path of a kept frame."""
    return bool(_KEPT.fullmatch(Path(source).name))


def in_words(text: str, source: str) -> str:
    """A message about data, in which the path of a kept frame is "the data frame"."""
    if not is_kept(source):
        return text
    return text.replace(str(Path(source).resolve()), _FRAME).replace(source, _FRAME)


@contextmanager
def refused_in_words(source: str) -> Iterator[None]:
    """Have errors name a kept frame as people know it.

    Raises:
        UserError: that of the block.
    """
    try:
        yield
    except UserError as error:
        error.args = (in_words(str(error), source),)
        raise


def _frame(data: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, dict):
        return _of_splits(data)
    if not isinstance(data, pd.DataFrame):
        if not hasattr(data, "to_pandas"):
            raise UserError(
                f"the data is of the type {type(data).__name__}; give a path, a name, a pandas "
                "frame, or what has to_pandas()"
            )
        try:
            # Of Arrow and polars; integers beside missing ones would be floats.
            frame = data.to_pandas(integer_object_nulls=True)
        except TypeError:
            frame = data.to_pandas()
        if not isinstance(frame, pd.DataFrame):
            raise UserError("the data has a single column; give texts or images with labels")
    else:
        frame = data
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    for name, feature in (getattr(data, "features", None) or {}).items():
        if names := getattr(feature, "names", None):
            frame[name] = frame[name].map(dict(enumerate(names)))
    # Categories are what they stand for.
    categories = frame.select_dtypes("category").columns
    frame = frame.astype(dict.fromkeys(categories, object))
    for name, values in frame.select_dtypes(object).items():
        if any(isinstance(value, dict) for value in values):
            frame[name] = values.map(_with_bytes)
    return frame


def _of_splits(parts: dict[Any, Any]) -> pd.DataFrame:
    import pandas as pd

    from bakeoff.data.image_files import split_of  # It needs names of this module.

    if not parts:
        raise UserError("the data is a dictionary of nothing; give its splits, as train and test")
    if not all(split_of(str(name))[0] for name in parts):
        raise UserError(
            f"the data is a dictionary of {', '.join(map(repr, parts))}, and splits are train, "
            "validation and test; give only such, or one of them, as data[…]"
        )
    frames = {str(name): _frame(part) for name, part in parts.items()}
    if len(frames) == 1:
        return next(iter(frames.values()))
    for name, frame in frames.items():
        if _SPLIT in frame:
            raise UserError(
                f"{name} has a column {_SPLIT!r}, which is to tell train, validation and test; "
                "rename it"
            )
    return pd.concat([frame.assign(**{_SPLIT: name}) for name, frame in frames.items()])


def _with_bytes(value: Any) -> Any:
    """An image as Hugging Face has it, read where it is only named by its path."""
    if not isinstance(value, dict) or value.get("bytes") is not None or not value.get("path"):
        return value
    try:
        return value | {"bytes": Path(value["path"]).read_bytes()}
    except OSError as error:
        raise UserError(
            f"the data names the image {value['path']}, which cannot be read: {error.strerror}; "
            "mend the path, or give the image's bytes"
        ) from None
