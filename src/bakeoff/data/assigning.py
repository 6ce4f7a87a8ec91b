"""Which rows train, validate and test: by chance, by what columns say, and never a copy on two
sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bakeoff.data.cleaning import Rows
from bakeoff.data.columns import Columns
from bakeoff.data.near_copies import LEAST_ALIKE, united
from bakeoff.data.own_splits import by_time, own_splits, pools
from bakeoff.data.splitting import NAMES, SplitSpec, split_rows
from bakeoff.errors import UserError

_LEAST_SHARE = 0.5
"""Of the rows asked for in each part: near copies that leave less of one are not kept together."""


@dataclass(frozen=True)
class Assigned:
    """Rows by split, and what is to be told of how they got there."""

    parts: dict[str, np.ndarray]
    facts: dict[str, Any] = field(default_factory=dict)
    """near_copies, groups, times and split_column, where there are any; duplicates, where some
    were left out."""
    remarks: list[str] = field(default_factory=list)


def assign(rows: Rows, columns: Columns, spec: SplitSpec, limit: int, seed: int) -> Assigned:
    """Divide rows.

    With times the past trains and the future tests; splits that the data comes with stay as they
    are; otherwise chance decides, by class. Copies stay on one side, near copies and groups as
    well; where splits or times are given, copies of later sides' rows take no part, and near
    copies are only counted.

    Args:
        rows: with what their columns say.
        columns: what these are called.
        spec: the sizes asked for.
        limit: rows used at most; 0 uses all.
        seed: fixes the assignment and the order of rows.

    Raises:
        UserError: the rows cannot be divided so.
    """
    labels = rows.frame["label"].to_numpy()
    if rows.times is not None:
        own = by_time(rows.times, labels, spec, limit, seed)
        own, left_out = own_splits(own, rows.groups, labels, rows.classes)
        if not (own == "validation").any():
            # Drawn from the training rows anew, it would no longer follow them.
            raise UserError(
                f"by the time in column {columns.time!r} every validation row is a copy of a test "
                "row, and copies take no part: leave them out of the data, or give validation a "
                "larger part with --split"
            )
        made = Assigned(_shuffled(own, seed), _without_copies(rows, left_out))
    elif rows.own is not None and _has_test(rows.own, columns):
        own, left_out = own_splits(rows.own, rows.groups, labels, rows.classes)
        together = _bound(rows, columns, rows.groups, own)
        parts, asked = _drawn(rows, labels, together, pools(own, spec, limit), seed)
        made = Assigned(parts, _without_copies(rows, left_out), _deviation(parts, asked))
    else:
        made = _by_chance(rows, columns, labels, spec, limit, seed)
    _tell_near(made, rows)
    _tell_columns(made, rows, columns)
    return made


def _without_copies(rows: Rows, left_out: int) -> dict[str, Any]:
    return {"duplicates": {**rows.facts["duplicates"], "copies_left_out": left_out}}


def _has_test(own: np.ndarray, columns: Columns) -> bool:
    found = np.isin(own, ("validation", "test")).any()
    if columns.split and not (found and (own == "train").any()):
        raise UserError(
            f"column {columns.split!r} names rows of {' and '.join(sorted(set(own)))} only; both "
            "training and test rows are needed, so name another column with --split-column"
        )
    return bool(found)


def _by_chance(
    rows: Rows,
    columns: Columns,
    labels: np.ndarray,
    spec: SplitSpec,
    limit: int,
    seed: int,
) -> Assigned:
    """A split with near copies kept together, unless that leaves too little of a part."""
    draws = [(np.arange(len(labels)), spec.sizes(len(labels), limit))]
    if rows.nearly.max() < rows.groups.max():
        try:
            parts, asked = _drawn(rows, labels, _bound(rows, columns, rows.nearly), draws, seed)
        except UserError:
            pass
        else:
            if all(len(parts[name]) >= _LEAST_SHARE * asked[name] for name in NAMES):
                return Assigned(parts, remarks=_deviation(parts, asked))
    parts, asked = _drawn(rows, labels, _bound(rows, columns, rows.groups), draws, seed)
    return Assigned(parts, remarks=_deviation(parts, asked))


def _bound(
    rows: Rows, columns: Columns, copies: np.ndarray, own: np.ndarray | None = None
) -> np.ndarray:
    """Numbers of what stays together: copies, and the groups of a column.

    Raises:
        UserError: a group is on several of the sides that rows come with.
    """
    if rows.bound is None:
        return copies
    if own is not None:
        sides = np.unique(np.stack([rows.bound[own != ""], own[own != ""]]).astype(str), axis=1)
        names, n = np.unique(sides[0], return_counts=True)
        if (n > 1).any():
            raise UserError(
                f"{(n > 1).sum():,} groups of column {columns.group!r} are on several sides of the "
                f"split that the data comes with, such as {str(names[n > 1][0])!r}; a group is to "
                "be on one: leave out --group-column, or the column of the split"
            )
    return united(copies, np.unique(rows.bound, return_inverse=True)[1])


def _drawn(
    rows: Rows,
    labels: np.ndarray,
    groups: np.ndarray,
    draws: list[tuple[np.ndarray, tuple[int, int, int]]],
    seed: int,
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Split → its rows, and how many were asked for."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NAMES}
    for pool, sizes in draws:
        drawn = split_rows(labels[pool], groups[pool], rows.classes, sizes, seed)
        for name, chosen in drawn.items():
            parts[name].append(pool[chosen])
    asked = dict(zip(NAMES, np.sum([sizes for _, sizes in draws], axis=0).tolist(), strict=True))
    return {name: np.concatenate(drawn) for name, drawn in parts.items()}, asked


def _shuffled(own: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    order = np.random.default_rng(seed).permutation(len(own))
    return {name: order[own[order] == name] for name in NAMES}


def _deviation(parts: dict[str, np.ndarray], asked: dict[str, int]) -> list[str]:
    got = {name: len(part) for name, part in parts.items()}
    if got == asked:
        return []
    is_, were = (":".join(map(str, sizes.values())) for sizes in (got, asked))
    return [f"the split is {is_} instead of {were}: rows that belong together are not divided"]


def _tell_near(made: Assigned, rows: Rows) -> None:
    """Count the rows that are near copies of others, and say what became of them."""
    nearly = rows.nearly
    copies_in = np.bincount(np.unique(np.stack([nearly, rows.groups]), axis=1)[0])
    near = copies_in[nearly] > 1
    if not near.any():
        return
    sides = np.zeros((len(copies_in), len(NAMES)), dtype=bool)
    for number, name in enumerate(NAMES):
        sides[nearly[made.parts[name]], number] = True
    apart = near & (sides.sum(axis=1) > 1)[nearly]
    apart_used = sum(int(apart[part].sum()) for part in made.parts.values())
    n, groups = int(near.sum()), int((copies_in > 1).sum())
    made.facts["near_copies"] = {"rows": n, "groups": groups, "apart": apart_used}
    noun, how = (
        (
            "texts",
            f"share {100 * LEAST_ALIKE:.0f} % of their words or more, links, marks and account "
            "names aside",
        )
        if rows.pixels is None
        else ("images", "look the same by a perceptual hash")
    )
    what = f"{n:,} {noun} are near copies of others ({how})"
    if not apart_used:
        made.remarks.append(f"{what}: each group of them stands on one side")
        return
    why = "" if "duplicates" in made.facts else ", too many to keep together"
    made.remarks.append(
        f"{what}{why}: {apart_used:,} have one on another side, so results may flatter"
    )


def _tell_columns(made: Assigned, rows: Rows, columns: Columns) -> None:
    """Say by which columns rows were divided, and what that gave."""
    if rows.times is not None:
        said = rows.frame["time"].to_numpy()
        spans = {}
        for name, part in made.parts.items():
            ordered = part[np.argsort(rows.times[part], kind="stable")]
            spans[name] = [str(said[ordered[0]]), str(said[ordered[-1]])]
        made.facts["times"] = {"column": columns.time, **spans}
        listed = ", ".join(f"{name} {first} to {last}" for name, (first, last) in spans.items())
        made.remarks.append(f"divided by the time in column {columns.time!r}: {listed}")
    if rows.bound is not None:
        counts = {name: len(set(rows.bound[part])) for name, part in made.parts.items()}
        made.facts["groups"] = {"column": columns.group, **counts}
        listed = ", ".join(f"{name} {n:,}" for name, n in counts.items())
        made.remarks.append(f"no group of column {columns.group!r} is on two sides: {listed}")
    if columns.split:
        made.facts["split_column"] = columns.split
        made.remarks.append(f"the sides are those of column {columns.split!r}")
