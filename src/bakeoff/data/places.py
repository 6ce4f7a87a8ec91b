"""What columns say about where rows may go: a split, a group that stays together, a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.data.characters import written
from bakeoff.data.image_files import split_of
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 5
_BEYOND_MICROSECONDS = re.compile(r"([.,]\d{6})\d+")


def read_places(
    path: str, frame: pd.DataFrame, columns: Mapping[str, str], skip_option: str, skip: bool
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Splits, groups and times as they can be compared, and the rows that lack one.

    Args:
        path: of the data, for messages.
        frame: with the columns split, group and time, or some of them.
        columns: what these are called in the data.
        skip_option: what leaves such rows out, for messages.
        skip: give rows without a value that can be used, instead of refusing the data.

    Returns:
        The same columns and rows: split as "train", "validation" or "test", group as a text, time
        as a number; and row → what it lacks.

    Raises:
        UserError: rows lack one.
    """
    import pandas as pd

    read: dict[str, pd.Series] = {}
    bad: dict[int, str] = {}
    for role, column in columns.items():
        values, advice = frame[role].astype(object), _ADVICE[role]
        values = values.where(values.map(lambda value: str(value).strip() != ""), None)
        read[role] = _READ[role](values)
        lacking = values.index[read[role].isna()]
        if len(lacking) and not skip:
            raise _refusal(
                path,
                role,
                column,
                values[lacking],
                f"{advice}, or leave such rows out with {skip_option}",
            )
        bad |= dict.fromkeys(map(int, lacking), f"no {role}")
    return pd.DataFrame(read, index=frame.index), bad


def _refusal(path: str, role: str, column: str, lacking: pd.Series, advice: str) -> UserError:
    shown = [
        f"{row + 1}" if value is None or value != value else f"{row + 1}: {str(value)[:40]!r}"
        for row, value in zip(lacking.index[:_SHOWN], lacking, strict=False)
    ]
    more = ", …" if len(lacking) > _SHOWN else ""
    rows = "row has" if len(lacking) == 1 else "rows have"
    return UserError(
        f"{path}: {len(lacking):,} {rows} no {role} in column {column!r} (row {', '.join(shown)}"
        f"{more}); {advice}"
    )


def _splits(values: pd.Series) -> pd.Series:
    return values.map(lambda value: None if _missing(value) else split_of(str(value))[0] or None)


def _groups(values: pd.Series) -> pd.Series:
    return values.map(lambda value: None if _missing(value) else written(value))


def _times(values: pd.Series) -> pd.Series:
    """As numbers, or where more of them can be read so, as dates (seconds since 1970)."""
    import pandas as pd

    texts = values.map(lambda value: value.isoformat() if hasattr(value, "isoformat") else value)
    numbers = pd.to_numeric(texts, errors="coerce")
    # The years 1 to 9999 fit into microseconds, and not into nanoseconds.
    spelled = texts.astype("str").str.replace(_BEYOND_MICROSECONDS, r"\1", regex=True)
    dates = pd.to_datetime(spelled, format="ISO8601", utc=True, errors="coerce")
    if numbers.notna().sum() >= dates.notna().sum():
        return numbers.astype(float)
    since = dates.dt.as_unit("us") - pd.Timestamp(0, tz="UTC").as_unit("us")
    seconds = since.dt.total_seconds()
    return seconds.where(~values.map(_missing))


def _missing(value: Any) -> bool:
    return value is None or value != value


_READ: dict[str, Callable[[pd.Series], pd.Series]] = {
    "split": _splits,
    "group": _groups,
    "time": _times,
}
_ADVICE = {
    "split": "splits are called train, validation and test: mend them",
    "group": "mend them",
    "time": "times are numbers, or dates as 2026-12-31: mend them",
}
