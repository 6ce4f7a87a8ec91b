"""Recognising what a person's data holds: texts or images, and in which columns.

A reading is taken only where no other is possible; where several are, a person is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bakeoff.data.characters import alike, normalised, written, written_alike
from bakeoff.data.columns import Columns, listed, refuse_unclear
from bakeoff.data.files import Table, images_in, read_any, unknown_ending
from bakeoff.data.folder_tree import visible_files
from bakeoff.data.frames import name_of, refuse_left_out
from bakeoff.data.image_files import split_of
from bakeoff.data.image_folders import is_image
from bakeoff.data.image_sets import local_set
from bakeoff.data.images import sample_of_sizes
from bakeoff.data.imdb import is_imdb
from bakeoff.data.sources import NAMED_SETS, holds_images, read_images, refuse_credentials
from bakeoff.data.text_folders import is_text
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
_SAMPLE = 1000
"""Rows that a column is judged by."""
_WORDS = 3
"""A text has so many, or so many times four characters where a script has no spaces."""
_FEW = 20
"""Classes that a column may have however few its rows are."""
_SHOWN = 5
SIDE = 64
"""Pixels a side that a CPU trains on within minutes."""
_SAMPLED_IMAGES = 200
_TIME = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*")
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+")
_SIGNS = re.compile(r"\S*(://|@|/)\S*|[0-9a-fA-F-]{12,}|\S+\.[A-Za-z]\w{1,4}|\W*")
"""Addresses, paths, account names, names of files and hexadecimal numbers."""


@dataclass(frozen=True)
class Reading:
    """What data holds, and where."""

    modality: str
    """ "text" or "image"."""
    input_column: str = ""
    """"": the data has no columns."""
    label_column: str = ""
    image_size: int = 0
    """Pixels a side that images are brought to which are no squares of one size; 0: they are, or
    nobody knows."""
    said: str = ""
    """What was taken and how to change that; "" where there was nothing to recognise."""


def recognise(
    source: str,
    modality: str = "",
    columns: Columns | None = None,
    class_level: int = 0,
    sized: bool = False,
) -> Reading:
    """What data holds, as far as nobody said it.

    Args:
        source: a named set, a path or an address.
        modality: "text" or "image" where that is known.
        columns: those that a person named; "" are to be found.
        class_level: as of `read_images`.
        sized: the size that images are brought to is known.

    Raises:
        UserError: there is no such data, it cannot be read, or more than one reading is possible.
    """
    named = columns or Columns("", "")
    if not source.strip():
        raise UserError("the data is empty; give a name, a path or an address")
    named.check()
    refuse_credentials(source)
    if source in NAMED_SETS:
        _refuse_columns(source, named)
        return Reading(NAMED_SETS[source].modality)
    if holds_images(source):
        _refuse_columns(source, named)
        _refuse_no_pictures(source)
        reading = Reading("image")
        return reading if sized else _sized(source, reading, named, class_level)
    if "://" not in source and (Path(source).is_dir() or is_imdb(Path(source))):
        _refuse_columns(source, named)
        return Reading("text")
    if is_image(Path(source)):
        raise UserError(f"{source} is one image; give the folder of folders, class/name.jpg")
    if Path(source).suffix.lower() not in _TABLES:
        raise unknown_ending(source)
    if modality and named.input and named.label:
        return Reading(modality, named.input, named.label)
    reading = _of_table(source, modality, named)
    if sized or reading.modality == "text" or "://" in source:
        return reading
    columns = replace(named, input=reading.input_column, label=reading.label_column)
    return _sized(source, reading, columns, 0)


def _sized(source: str, reading: Reading, columns: Columns, class_level: int) -> Reading:
    """The reading, with what a sample says of the sizes of images."""
    images = read_images(source, columns, class_level)
    found = set(sample_of_sizes(images, images.frame.index.to_numpy("int64"), _SAMPLED_IMAGES))
    squares = all(width == height for width, height in found)
    if not found or (len(found) == 1 and squares):
        return reading
    what = "several sizes" if len(found) > 1 else f"{'×'.join(map(str, *found))} pixels"
    said = f"pictures of {what} are brought to {SIDE}×{SIDE}; another size: --image-size"
    return replace(reading, image_size=SIDE, said="; ".join(filter(None, [reading.said, said])))


def _of_table(source: str, modality: str, named: Columns) -> Reading:
    pictures = [normalised(name) for name in images_in(source)] if modality != "text" else []
    table = read_any(source)
    given = named.named()
    asked = Columns(**{"input": "", "label": "", **given})
    refuse_left_out(table.left_out, given.values())
    refuse_unclear(source, asked, table.header, kind="image" if pictures else "text")
    frame = table.frame.drop(index=list(table.bad))
    if table.refusal and frame.empty:
        raise table.refusal
    judged = {name: _Column(name, frame[name]) for name in frame.columns}
    free = {name: c for name, c in judged.items() if name not in given.values()}
    texts = [name for name, column in free.items() if column.is_text]
    if not modality and pictures and not named.input and texts:
        raise UserError(
            f"{source} holds images ({_listed(pictures)}) and texts ({_listed(texts)}): say which "
            f"with bakeoff run images --data {source}, or bakeoff run text --data {source}"
        )
    modality = modality or ("image" if pictures and named.input in ("", *pictures) else "text")
    if modality == "image" and not pictures:
        raise UserError(
            f"{source} has no column of encoded images; its columns are {_listed(list(judged))}"
        )
    _refuse_no_header(source, judged, modality)
    if modality == "image":
        input_column = given.get("input") or _one(source, "image", pictures, pictures)
    else:
        candidates = _texts(free)
        if not candidates:
            _refuse_names_of_pictures(source, free)
        taken = set(given.values())
        input_column = given.get("input") or _one(source, "text", candidates, table.header, taken)
    free.pop(input_column, None)
    classes = [name for name, column in free.items() if column.is_label]
    taken = {input_column, *given.values()}
    label_column = given.get("label") or _one(source, "label", classes, table.header, taken)
    if label_column not in judged:
        raise UserError(
            f"{source}: column {label_column!r} holds binary values instead of labels; convert it, "
            "or name another column with --label-column"
        )
    return Reading(
        modality,
        input_column,
        label_column,
        said=_said(source, modality, input_column, judged[label_column], table, named),
    )


class _Column:
    """What the values of a column look like."""

    def __init__(self, name: str, values: pd.Series) -> None:
        self.name = name
        present = values.dropna()
        there = [value for value in present if not isinstance(value, str) or value.strip()]
        self.filled = len(there) > len(values) / 2
        plain = [value for value in there if isinstance(value, str | int | float | bool)]
        self.single = len(plain) == len(there)
        self.rows = len(there)
        self.values = {written(value) for value in plain}
        self.classes = set(written_alike(self.values))
        sample = there[:: max(1, len(there) // _SAMPLE)]
        self.strings = [value.strip() for value in sample if isinstance(value, str)]
        self.numeric = all(_NUMBER.fullmatch(value) for value in self.values)

    @property
    def is_splits(self) -> bool:
        """Whether it says train, validation or test, each of the same."""
        found = [split_of(value) for value in self.values]
        splits = {split for split, _ in found}
        one = len({of for _, of in found}) == 1
        return one and len(splits) > 1 and "" not in splits and len(found) < 5

    @property
    def is_label(self) -> bool:
        """Whether it may name classes: few values, which come again."""
        n, few = len(self.values), max(_FEW, self.rows // 10)
        whole = not self.numeric or (n <= _FEW and all("." not in v for v in self.classes))
        fitting = self.filled and self.single and whole
        return (
            fitting
            and not (self.is_splits or self._is_time)
            and 2 <= n <= min(max(2, self.rows // 3), few)
        )

    @property
    def is_text(self) -> bool:
        """Whether it reads as texts: several words, and seldom the same twice."""
        return self.is_wordy and median(map(_length, self.strings)) >= _WORDS

    @property
    def is_wordy(self) -> bool:
        """Whether its values are words that could be texts."""
        if not (self.filled and self.single and self.strings) or self.numeric or self._is_time:
            return False
        words = sum(not _is_sign(value) for value in self.strings)
        distinct = len(self.values) > self.rows / 2
        return distinct and words > len(self.strings) / 2

    @property
    def _is_time(self) -> bool:
        times = sum(bool(_TIME.fullmatch(value)) for value in self.strings)
        return bool(self.strings) and times > len(self.strings) / 2


def _is_sign(value: str) -> bool:
    """Whether it names something and says nothing: an address, an id, a number with its unit."""
    digits = sum(map(str.isdigit, value))
    spaced = any(map(str.isspace, value)) or any(ord(sign) > 0x0E00 for sign in value)
    letters = sum(map(str.isalpha, value))
    return bool(_SIGNS.fullmatch(value)) or (digits >= letters if spaced else digits > 0)


def _length(text: str) -> float:
    """Words of a text; where it has no spaces, a word for every four characters of its script."""
    return max(len(text.split()), sum(ord(sign) > 0x0E00 for sign in text) / 4)


def _texts(columns: dict[str, _Column]) -> list[str]:
    """Those that read as texts; where none does, those of words that name no classes."""
    columns = {name: column for name, column in columns.items() if alike(name) != "label"}
    found = [name for name, column in columns.items() if column.is_text]
    wordy = (name for name, c in columns.items() if c.is_wordy and not c.is_label)
    return found or list(wordy)


def _one(
    source: str,
    role: str,
    candidates: list[str],
    there: Sequence[str],
    taken: Set[str] = frozenset(),
) -> str:
    """The column of that role, of those that no other role has taken: the one called so, or the
    only candidate.
    """
    called_so = [name for name in there if alike(name) == role]
    called = [name for name in called_so if name not in taken]
    if len(called) == 1:
        return called[0]
    if len(set(called)) == 1:
        raise UserError(f"{source} has several columns {called[0]!r}; leave all but one out")
    candidates = called or candidates
    if len(candidates) == 1:
        return candidates[0]
    holds = {"text": "the texts", "image": "the images", "label": "the labels"}[role]
    if candidates:
        raise UserError(
            f"{source}: {holds} may be in any of the columns {_listed(candidates)}; name one with "
            f"--{role}-column"
        )
    why = f"column {called_so[0]!r} is named for another" if called_so else f"no column {role!r}"
    raise UserError(
        f"{source}: {why}, and none that must be {holds}; it has: "
        f"{listed(there)} (name them with --{role}-column)"
    )


def _refuse_no_header(source: str, columns: dict[str, _Column], modality: str) -> None:
    """Raise a UserError where the first line looks like a row: what it has for names are a text and
    a value that comes again below.
    """
    if modality == "image" or Path(source).suffix.lower() not in (".csv", ".tsv"):
        return
    texts = [name for name, c in columns.items() if c.is_text and _length(name) >= 2]
    known = [name for name, c in columns.items() if name in c.values and not c.is_text]
    if texts and known:
        raise UserError(
            f"{source} has no header: its first line, {known[0]!r} and {texts[0][:40]!r} …, looks "
            "like a row; add a line that names the columns, such as text,label in their order"
        )


def _refuse_names_of_pictures(source: str, columns: dict[str, _Column]) -> None:
    """Raise a UserError where a column names picture files."""
    for name, column in columns.items():
        named = [value for value in column.strings if is_image(Path(value))]
        if named and len(named) > len(column.strings) / 2:
            raise UserError(
                f"{source}: column {name!r} names pictures, such as {named[0]}, and holds none: "
                "give the folder of folders, class/name.jpg, or a Parquet file with their bytes"
            )


def _refuse_columns(source: str, named: Columns) -> None:
    """Raise a UserError for columns of inputs and labels that a person named where there are none
    to choose from.
    """
    for column in filter(None, (named.input, named.label)):
        raise UserError(
            f"{source} has no columns to choose from: leave out the option that names {column!r}"
        )


def _refuse_no_pictures(source: str) -> None:
    path = Path(source)
    if not path.is_dir() or local_set(path):
        return
    files = sorted(visible_files(path))
    if any(map(is_image, files)):
        return
    tables = [file.relative_to(path) for file in files if file.suffix.lower() in _TABLES]
    if len(tables) > 1:
        raise UserError(
            f"{source} is a folder of {len(tables)} tables ({listed(list(map(str, tables)))}); "
            "give one file with the rows of all, and where they are train and test a column that "
            "says which, named by --split-column"
        )
    if tables:
        raise UserError(
            f"{source} is a folder without pictures; if {tables[0]} in it is the data, give "
            f"{path / tables[0]}"
        )
    texts = any(is_text(file) for file in files)
    raise UserError(
        f"{source} has no class folders, as class/name.jpg or class/name.txt"
        + (": its texts say no class" if texts else f": it holds {_kinds(files)}")
    )


def _said(
    source: str, modality: str, taken: str, label: _Column, table: Table, named: Columns
) -> str:
    classes = [name if name.isprintable() else repr(name) for name in sorted(label.classes)]
    more = f", … ({len(classes):,} classes)" if len(classes) > _SHOWN else ""
    said = (
        f"{name_of(source)}: {modality}s are in column {taken!r}, labels in {label.name!r} "
        f"({', '.join(classes[:_SHOWN])}{more})"
    )
    found = {f"--{modality}-column": named.input, "--label-column": named.label}
    options = [option for option, given in found.items() if not given]
    splits = [
        name
        for name in table.frame.columns
        if name not in (taken, label.name) and _Column(name, table.frame[name]).is_splits
    ]
    said += f"; others: {' and '.join(options)}"
    if splits and not named.split:
        said += f"; {splits[0]!r} names splits, which --split-column {splits[0]} takes over"
    return said


def _kinds(files: Sequence[Path]) -> str:
    """The endings of files, the most frequent first."""
    endings = Counter(file.suffix.lower() or "no ending" for file in files)
    found = ", ".join(ending for ending, _ in endings.most_common(_SHOWN))
    return f"files of {found}" if files else "nothing"


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
