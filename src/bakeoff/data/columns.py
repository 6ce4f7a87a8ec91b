"""The columns of a labelled table, and what a person is told where one is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bakeoff.data.characters import normalised
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_MOST_NAMES, _LONGEST = 30, 60


@dataclass(frozen=True)
class Columns:
    """What a file's columns hold; "" where no column does."""

    input: str = "text"
    label: str = "label"
    split: str = ""
    """train, validation or test."""
    group: str = ""
    """What stays on one side of the split: a patient, a user, an author."""
    time: str = ""
    """By which the past trains and the future tests: numbers or ISO dates."""

    @classmethod
    def of(cls, modality: str, column: str = "", *others: str) -> Columns:
        """Those of a table of texts or images, whose `column` is called after them where nobody
        says otherwise; `others`: label, split, group and time.
        """
        return cls(column or modality, *others)

    def named(self) -> dict[str, str]:
        """The columns that there are to be, by what they hold."""
        return {role: normalised(column) for role, column in asdict(self).items() if column}

    @property
    def places(self) -> dict[str, str]:
        """Those that say where rows may go: split, group and time."""
        return {role: name for role, name in self.named().items() if role not in ("input", "label")}

    def check(self) -> None:
        """Raise a UserError for columns that contradict each other."""
        if self.input and self.input == self.label:
            raise UserError(
                f"column {self.input!r} is named for both inputs and labels, which a model would "
                "read off: name another with --label-column"
            )
        for other in ("split", "group"):
            if self.time and getattr(self, other):
                raise UserError(
                    f"--time-column and --{other}-column contradict each other: a time divides "
                    f"rows, whatever their {other}; give one of them"
                )


def refuse_places(source: str, columns: Columns) -> None:
    """Raise a UserError where data without further columns is asked for some."""
    for role in columns.places:
        raise UserError(
            f"{source} has no further columns, and --{role}-column names one: leave it out, or "
            "give a file"
        )


def refuse_unclear(
    source: str, columns: Columns, there: Sequence[str], hint: str = "", kind: str = "text"
) -> None:
    """Raise a UserError unless each column that is named is there once.

    Args:
        source: of the columns, for messages.
        columns: their names.
        there: the names that the file has.
        hint: what else may be meant.
        kind: of what models take: "text" or "image".
    """
    for role, column in columns.named().items():
        if list(there).count(column) == 1:
            continue
        many = "several columns" if column in there else "no column"
        advice = f"--{role}-column"
        if role in ("input", "label"):
            advice = f"--{kind}-column{' and --label-column' * bool(columns.label)}{hint}"
        raise UserError(
            f"{source} has {many} {column!r}; it has: {listed(there)} (name them with {advice})"
        )


def listed(names: Sequence[str]) -> str:
    """Names of columns on one line, however long, many and strange they are.

    >>> listed(["text", "two\\nlines"])
    'text, two\\\\nlines'
    """
    shown = [name if name.isprintable() else ascii(name)[1:-1] for name in names[:_MOST_NAMES]]
    shown = [f"{name[:_LONGEST]}…" if len(name) > _LONGEST else name for name in shown]
    more = [f"… ({len(names):,} columns)"] * (len(names) > _MOST_NAMES)
    return ", ".join([*shown, *more]) or "none"


def refuse_types(source: str, values: pd.Series, column: str, what: str) -> None:
    """Raise a UserError unless texts are strings, and others these or other single values such as
    numbers.

    Args:
        source: of the data, for messages.
        values: of the column; missing ones do not count.
        column: its name.
        what: "text", "label", or what else a column holds.
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
        elif what != "text":
            continue
        else:
            kind = f"values of the type {type(value).__name__}"
        raise UserError(
            f"{source}: column {column!r} holds {kind} instead of {what}s (row {row}); convert "
            f"it, or name another column with --{what}-column"
        )
