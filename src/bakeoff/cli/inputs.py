"""What `predict` is given, and the table it gives back."""

from __future__ import annotations

import datetime
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts import written_atomically
from bakeoff.errors import UserError, first_line

if TYPE_CHECKING:
    import pandas as pd

_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
_OTHERS = (
    *(".txt", ".text", ".md", ".log", ".json", ".html", ".htm", ".xml", ".pdf", ".doc", ".docx"),
    *(".xls", ".xlsx", ".ods", ".gz", ".bz2", ".xz", ".zst", ".zip", ".jpg", ".jpeg", ".png"),
)
"""Endings of what is a file, and no text."""
_ADDED = ("label", "probability")


@dataclass(frozen=True)
class Inputs:
    """What to label."""

    content: list[Any]
    """Texts, or images as `picture` has them; blank ones have no label."""
    modality: str
    """ "text" or "image"."""
    table: pd.DataFrame | None = None
    """The table that the texts are a column of; of images the other columns."""

    def labelled(self, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """The table, or one of the inputs alone, with the columns label and probability; where it
        has one of these, they are predicted_label and predicted_probability.

        Raises:
            UserError: it has these as well.
        """
        import pandas as pd

        table = pd.DataFrame({self.modality: self.content}) if self.table is None else self.table
        names = self._names(table)
        return table.assign(
            **{name: [row[key] for row in rows] for key, name in zip(_ADDED, names, strict=True)}
        )

    def check(self, output: Path) -> None:
        """Raise a UserError where `write` could not, before anything is labelled."""
        _writer(output)
        if not output.parent.is_dir():
            raise UserError(f"no such folder: {output.parent}; make it, or name another --output")
        if output.is_dir():
            raise UserError(f"--output {output} is a folder; name a file")
        if self.table is not None:
            self._names(self.table)

    def write(self, rows: Sequence[Mapping[str, Any]], output: Path) -> None:
        """Write the table atomically.

        Raises:
            UserError: its ending is no table's, or it cannot be written.
        """
        write, labelled = _writer(output), self.labelled(rows)
        with written_atomically(output) as temporary:
            try:
                write(labelled, temporary)
            except (ValueError, TypeError, OverflowError, RecursionError) as error:
                raise UserError(
                    f"cannot write {output}: {first_line(error)}; name a .csv"
                ) from None

    def _names(self, table: pd.DataFrame) -> tuple[str, ...]:
        for names in (_ADDED, tuple(f"predicted_{name}" for name in _ADDED)):
            if not set(names) & set(table.columns):
                return names
        taken = [name for name in (*_ADDED, *names) if name in table.columns]
        raise UserError(
            f"the table has the columns {' and '.join(taken)} already; rename one of them"
        )


def text_inputs(given: str | None, column: str, skip_bad: bool = False) -> Inputs:
    """A text as it stands, the lines of a file or of stdin, or the column of a table.

    Raises:
        UserError: there is nothing, or no such file.
    """
    if given in (None, "-"):
        return Inputs(_lines(_stdin(given), "stdin"), "text")
    assert given is not None
    here = given.strip() != "" and _exists(given)
    ending = Path(given).suffix.lower()
    if ending in _TABLES and (here or "://" in given):
        return _of_table(given, column, skip_bad)
    if here:
        try:
            return Inputs(_lines(Path(given).read_bytes(), given), "text")
        except OSError as error:
            advice = f"give a file{_OR_STDIN}"
            raise UserError(f"cannot read {given}: {error.strerror}; {advice}") from None
    spaced = any(map(str.isspace, given))
    if ending in (*_TABLES, *_OTHERS) or (os.sep in given and not spaced):
        raise UserError(f"no such file: {given}; check the path{_OR_STDIN}")
    return Inputs(_lines(given.replace("\n", " ").encode(), "the text"), "text")


def _of_table(source: str, column: str, skip_bad: bool) -> Inputs:
    from bakeoff.data.characters import normalised
    from bakeoff.data.files import read_whole_table

    table = read_whole_table(source, column, skip_bad)
    remarks = list(table.remarks)
    if table.bad:
        rows = "1 row that" if len(table.bad) == 1 else f"{len(table.bad):,} rows that"
        remarks.append(f"left out {rows} cannot be read")
    for remark in remarks:
        print(f"{source}: {remark}", file=sys.stderr)
    texts = table.frame[normalised(column)].astype(object).fillna("").tolist()
    return Inputs(texts, "text", table.frame)


def image_inputs(given: str | None, dataset: Mapping[str, Any]) -> Inputs:
    """The path of an image, those in a folder, those that stdin names, or the column of a Parquet
    file that is called as a run's, of which results.json says `dataset`.

    Raises:
        UserError: there is nothing, or no such column.
    """
    if given in (None, "-"):
        return Inputs(_lines(_stdin(given), "stdin"), "image")
    assert given is not None
    from bakeoff.data.folder_tree import visible_files
    from bakeoff.data.image_folders import is_image

    if not given.strip():
        raise UserError("the path is empty; give an image or a folder of images")
    path = Path(given)
    if path.suffix.lower() == ".parquet":
        return _of_parquet(given, dataset)
    folder = _exists(given) and path.is_dir()
    found = sorted(filter(is_image, visible_files(path))) if folder else [path]
    if not found:
        raise UserError(f"{given} holds no images; give an image or a folder of images")
    return Inputs([str(file) for file in found], "image")


def _of_parquet(source: str, dataset: Mapping[str, Any]) -> Inputs:
    import pyarrow as pa
    from pyarrow import parquet

    from bakeoff.data.files import as_frame, damaged_parquet
    from bakeoff.remote import read_bytes
    from bakeoff.running.predict import inputs_of, picture

    try:
        file = io.BytesIO(read_bytes(source))
        table = as_frame(parquet.read_table(file))
    except (pa.ArrowException, OSError) as error:
        raise damaged_parquet(source, error) from None
    column = inputs_of(table, dataset, source)
    content = [picture(value) for value in column]
    if any(one is None for one in content):
        raise UserError(f"{source}: column {column.name!r} holds no encoded images (bytes)")
    return Inputs(content, "image", table.drop(columns=column.name))


def _exists(given: str) -> bool:
    try:
        return Path(given).exists()
    except OSError:  # A long text is no file name.
        return False


_OR_STDIN = ", or the text itself on stdin: echo TEXT | bakeoff predict RUN -"


def _stdin(given: str | None) -> bytes:
    if sys.stdin is None or (given is None and sys.stdin.isatty()):
        raise UserError(
            'nothing to label: give a text, as in: bakeoff predict latest "What a film!"; or '
            "an image: bakeoff predict latest cat.jpg"
        )
    return sys.stdin.buffer.read()


def _lines(content: bytes, name: str) -> list[str]:
    """The lines without surrounding spaces; blank ones keep their place."""
    from bakeoff.data.encoding import DAMAGED, decoded

    text, _ = decoded(name, content)
    texts = [line.strip() for line in text.removesuffix("\n").split("\n")]
    damaged = next((n for n, line in enumerate(texts, start=1) if DAMAGED.search(line)), None)
    if damaged:
        raise UserError(f"{name} is not UTF-8 (line {damaged}); mend or convert it first")
    if not any(texts):
        raise UserError(f"{name} is empty; give at least one line")
    return texts


def _writer(output: Path) -> Callable[[pd.DataFrame, Path], None]:
    if output.suffix.lower() not in _WRITERS:
        raise UserError(
            f"--output {output}: unknown file ending {output.suffix!r}; known are "
            f"{', '.join(_WRITERS)}"
        )
    return _WRITERS[output.suffix.lower()]


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    """With dates and times as ISO 8601 spells them."""
    import pandas as pd

    dated = {
        str(name): pd.Series([_iso(value) for value in values], frame.index, object)
        for name, values in frame.items()
        if any(isinstance(value, datetime.date) for value in values)
    }
    frame.assign(**dated).to_json(
        path,
        orient="records",
        lines=True,
        force_ascii=False,
        double_precision=15,
        date_format="iso",
        date_unit="us",
    )


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) and value == value else value


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    from pandas.api.types import infer_dtype

    unsigned = [
        name
        for name, values in frame.items()
        if values.dtype == object and infer_dtype(values) == "integer" and values.max() >= 1 << 63
    ]
    frame.astype(dict.fromkeys(unsigned, "UInt64")).to_parquet(path, index=False)


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
