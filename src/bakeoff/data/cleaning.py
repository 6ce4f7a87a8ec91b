"""From rows as they came to rows a model may see: checked, normalised, duplicates grouped."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bakeoff.data.characters import alike, normalised, written_alike
from bakeoff.data.near_copies import near_copies
from bakeoff.data.places import read_places
from bakeoff.data.sources import Source
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_SHOWN = 5


@dataclass(frozen=True)
class Rows:
    """Clean labelled texts or images."""

    frame: pd.DataFrame
    """Columns id (row in the source, from 0), label (index into `classes`), and text or name."""
    classes: list[str]
    keys: Sequence[Hashable]
    """Equal for copies, which are images of equal pixels, or texts that differ in case, spaces or
    line breaks only."""
    groups: np.ndarray
    """Shape (rows,): equal numbers for equal keys."""
    facts: dict[str, Any]
    """duplicates, dropped, image and remarks (sentences), as the manifest tells them."""
    times: np.ndarray | None = None
    """float64, shape (rows,): what orders rows that the past and the future divide; `frame` then
    has the column time, as it was written."""
    bound: np.ndarray | None = None
    """Texts, shape (rows,): equal for rows that stay on one side."""
    pixels: np.ndarray | None = None
    """Of images: uint8, or uint16 of 16 bits a pixel, shape (rows, height, width, channels)."""
    own: np.ndarray | None = None
    """Shape (rows,): the split each comes with, "" if with none."""

    def inputs(self) -> Any:
        """What models take: the texts, or the pixels."""
        return self.frame["text"].tolist() if self.pixels is None else self.pixels

    @cached_property
    def nearly(self) -> np.ndarray:
        """Shape (rows,): `groups`, with those joined whose texts or images are near copies."""
        return near_copies(self.groups, self.inputs())


def clean(source: Source, skip_bad_rows: bool = False, comparable: bool = True) -> Rows:
    """Check and normalise every row: Unicode NFC, no surrounding spaces.

    Args:
        source: rows as they came.
        skip_bad_rows: leave out rows without label or text, and count them, instead of refusing.
        comparable: refuse labels that no models could be compared on; see `encode`.

    Raises:
        UserError: rows without label or text, a single class, or labels that are no classes.
    """
    import pandas as pd

    frame = source.frame.drop(index=list(source.bad))
    places, unplaced = read_places(
        source.path, frame, source.places, "--skip-bad-rows", skip_bad_rows
    )
    frame = frame.drop(index=list(unplaced))
    missing = unlabelled(frame["label"])
    dropped = dict(Counter([*source.bad.values(), *unplaced.values()]))
    dropped |= _refuse(source, frame, missing, source.label_column, "label", skip_bad_rows)
    frame = frame[~missing]
    texts = [
        "" if text is None or text != text else normalised(str(text)) for text in frame["text"]
    ]
    empty = pd.Series([not text for text in texts], index=frame.index, dtype=bool)
    dropped |= _refuse(source, frame, empty, source.input_column, "text", skip_bad_rows)
    written = {"time": frame["time"].astype(str).to_numpy()} if "time" in places else {}
    frame = pd.DataFrame(
        {"id": frame.index, "text": texts, "label": frame["label"].to_numpy(), **written}
    )
    frame = frame[~empty.to_numpy()].reset_index(drop=True)

    labels, found = encode(frame["label"], source.path, source.label_column, comparable)
    frame["label"] = labels
    keys = [duplicate_key(text) for text in frame["text"]]
    groups, _ = pd.factorize(pd.Series(keys))
    classes = source.classes or found
    facts = {
        "duplicates": count_duplicates(groups, labels),
        "dropped": dropped,
        "remarks": [*source.remarks, *classes_alike(classes, labels)],
    }
    return Rows(frame, classes, keys, groups, facts, **arrays(places.loc[frame["id"]]))


def arrays(places: pd.DataFrame) -> dict[str, np.ndarray]:
    """What `read_places` gave, as `Rows` holds it."""
    kinds = {"split": ("own", "str"), "group": ("bound", "str"), "time": ("times", "float64")}
    return {kinds[role][0]: places[role].to_numpy(kinds[role][1]) for role in places.columns}


def unlabelled(labels: pd.Series) -> pd.Series:
    """Where a label is missing or blank."""
    return labels.isna() | (labels.astype(str).str.strip() == "")


def duplicate_key(text: str) -> str:
    """Equal for copies of a text: case, spaces and line breaks do not count."""
    return " ".join(text.lower().replace("<br />", " ").split())


def _refuse(
    source: Source, frame: pd.DataFrame, bad: pd.Series, column: str, what: str, skip: bool
) -> dict[str, int]:
    rows = [int(index) + 1 for index in frame.index[bad]]
    if not rows:
        return {}
    if skip:
        return {f"no {what}": len(rows)}
    shown = ", ".join(map(str, rows[:_SHOWN])) + (", …" if len(rows) > _SHOWN else "")
    plural = "row has" if len(rows) == 1 else "rows have"
    raise UserError(
        f"{source.path}: {len(rows)} {plural} no {what} in column {column!r} (row {shown}); "
        "mend them, or leave them out with --skip-bad-rows"
    )


def count_duplicates(groups: np.ndarray, labels: np.ndarray) -> dict[str, int]:
    """How many groups of several rows there are, and rows in them beyond the first."""
    import pandas as pd

    sizes = pd.Series(groups).value_counts()
    labels_of_group = pd.Series(labels).groupby(groups).nunique()
    return {
        "groups": int((sizes > 1).sum()),
        "surplus_rows": int((sizes - 1).sum()),
        "groups_with_conflicting_labels": int((labels_of_group > 1).sum()),
    }


def encode(
    labels: pd.Series, path: str, column: str | None, comparable: bool = True
) -> tuple[np.ndarray, list[str]]:
    """Labels as indices (int64), and the names they stand for, in order.

    Args:
        labels: without missing ones.
        path: of the data, for messages.
        column: where the labels are from; None for the folders of images.
        comparable: refuse labels that no models could be compared on; without, any will do, for
            models that know their classes already.

    Raises:
        UserError: no labels, a single class, or labels of a column that are no classes.
    """
    import pandas as pd

    where = f"{path}: column {column!r}" if column else path
    names = pd.Series(written_alike(labels))
    found = sorted(set(names), key=_order)
    if not found:
        raise UserError(f"{where}: no rows are left that can be used")
    if comparable and len(found) < 2:
        advice = "name another column with --label-column, or add rows"
        raise UserError(
            f"{where} holds the single class {found[0]!r}; a comparison needs "
            f"two or more: {advice if column else 'add folders of other classes'}"
        )
    if comparable and column and len(found) > max(2, len(names) // 3):
        raise UserError(
            f"{where} has {len(found)} different values in {len(names)} rows, too many to be "
            "classes; name the label with --label-column"
        )
    index = {name: number for number, name in enumerate(found)}
    return names.map(index).to_numpy("int64"), found


def classes_alike(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """A sentence for each set of classes that a person would read as the same: most likely one.

    Args:
        classes: names.
        labels: shape (n,), indices into them.
    """
    import numpy as np

    rows = np.bincount(labels, minlength=len(classes)).tolist()
    found: dict[str, list[str]] = defaultdict(list)
    for name, n in zip(classes, rows, strict=True):
        found[alike(name)].append(f"{name!r} ({n:,} row{'' if n == 1 else 's'})")
    return [
        f"classes {' and '.join(names)} differ in case, spaces or invisible marks only; are they "
        "one?"
        for names in found.values()
        if len(names) > 1
    ]


def _order(name: str) -> tuple[int, float, str]:
    numeric = re.fullmatch(r"-?\d+(\.\d+)?", name)
    return (0, float(name), name) if numeric else (1, 0.0, name)
