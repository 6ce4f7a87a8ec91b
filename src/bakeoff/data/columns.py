"""The columns of a labelled table, and what a person is told where one is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bakeoff.data.characters import composed
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

TEXT_ADVICE = "--text-column and --label-column"


@dataclass(frozen=True)
class Columns:
    """What a file's columns hold; "" where no column does."""

    input: str = "text"
    label: str = "label"

    def named(self) -> dict[str, str]:
        """The columns that there are to be, by what they hold."""
        return {role: composed(column) for role, column in asdict(self).items() if column}


def refuse_unclear(
    source: str, wanted: Sequence[str], there: Sequence[str], advice: str = ""
) -> None:
    """Raise a UserError unless each wanted column is there once.

    Args:
        source: of the columns, for messages.
        wanted: their names.
        there: the names that the file has.
        advice: what to name them with; "" is what names columns of texts, and of labels where more
            than one is wanted.
    """
    if not advice and len(wanted) == 1:
        advice = "--text-column"
    for column in wanted:
        if list(there).count(column) != 1:
            raise unclear_column(source, column, there, advice)


def unclear_column(source: str, column: str, columns: Sequence[str], advice: str = "") -> UserError:
    """What a person is told where there is no column of a name, or more than one; `advice` names
    the options for it, "" those of texts.
    """
    many = "several columns" if column in columns else "no column"
    return UserError(
        f"{source} has {many} {column!r}; it has: {', '.join(map(str, columns))} "
        f"(name them with {advice or TEXT_ADVICE})"
    )


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
