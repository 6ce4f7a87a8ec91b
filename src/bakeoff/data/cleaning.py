"""From rows as they came to rows a model may see: checked, normalised, duplicates grouped."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.data.sources import Source
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_CLASSES = 1000
_SHOWN = 5


@dataclass(frozen=True)
class Rows:
    """Clean labelled texts."""

    frame: pd.DataFrame
    """Columns id (row in the source, from 0), text, label (index into `classes`)."""
    classes: list[str]
    groups: np.ndarray
    """Shape (rows,): equal numbers for texts that differ in case, spaces or line breaks only."""
    facts: dict[str, Any]
    """duplicates and dropped, as the manifest tells them."""


def clean(source: Source, skip_bad_rows: bool = False) -> Rows:
    """Check and normalise every row: Unicode NFC, no surrounding spaces.

    Args:
        source: rows as they came.
        skip_bad_rows: leave out rows without label or text, and count them, instead of refusing.

    Raises:
        UserError: rows without label or text, a single class, or labels that are no classes.
    """
    import pandas as pd

    frame = source.frame
    missing = frame["label"].isna() | (frame["label"].astype(str).str.strip() == "")
    dropped = _refuse(source, frame, missing, source.label_column, "label", skip_bad_rows)
    frame = frame[~missing]
    texts = [
        "" if text is None or text != text else _normalised(str(text)) for text in frame["text"]
    ]
    empty = pd.Series([not text for text in texts], index=frame.index, dtype=bool)
    dropped |= _refuse(source, frame, empty, source.text_column, "text", skip_bad_rows)
    frame = pd.DataFrame({"id": frame.index, "text": texts, "label": frame["label"].to_numpy()})
    frame = frame[~empty.to_numpy()].reset_index(drop=True)

    labels, classes = _encoded(source, frame["label"])
    frame["label"] = labels
    groups, _ = pd.factorize(pd.Series([duplicate_key(text) for text in frame["text"]]))
    sizes = pd.Series(groups).value_counts()
    labels_of_group = pd.Series(labels).groupby(groups).nunique()
    duplicates = {
        "groups": int((sizes > 1).sum()),
        "surplus_rows": int((sizes - 1).sum()),
        "groups_with_conflicting_labels": int((labels_of_group > 1).sum()),
    }
    return Rows(frame, classes, groups, {"duplicates": duplicates, "dropped": dropped})


def _normalised(text: str) -> str:
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


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


def _encoded(source: Source, labels: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Labels as indices, and the names they stand for, in order."""
    names = labels.map(_name)
    found = sorted(set(names), key=_order)
    if len(found) < 2:
        raise UserError(
            f"{source.path}: column {source.label_column!r} holds the single class "
            f"{', '.join(found) or '(none)'!r}; a comparison needs two or more: name another "
            "column with --label-column, or add rows"
        )
    if len(found) > min(MOST_CLASSES, max(2, len(names) // 3)):
        raise UserError(
            f"{source.path}: column {source.label_column!r} has {len(found)} different values in "
            f"{len(names)} rows, too many to be classes; name the label with --label-column"
        )
    index = {name: number for number, name in enumerate(found)}
    return names.map(index).to_numpy("int64"), source.classes or found


def _name(label: Any) -> str:
    """A label as text; 1.0 (an integer read as a float) and 1 are the same class."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()


def _order(name: str) -> tuple[int, float, str]:
    numeric = re.fullmatch(r"-?\d+(\.\d+)?", name)
    return (0, float(name), name) if numeric else (1, 0.0, name)
