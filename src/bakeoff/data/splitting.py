"""Stratified splits that keep duplicates together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bakeoff.errors import UserError

NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitSpec:
    """How many rows go where."""

    train: float
    validation: float
    test: float
    absolute: bool
    """Whether the three are rows, not shares of the whole."""

    @classmethod
    def parse(cls, text: str) -> SplitSpec:
        """Read "36000:4000:10000" or "0.7:0.1:0.2" (train:validation:test).

        Raises:
            UserError: not three positive numbers, or shares that do not sum to 1.
        """
        try:
            parts = [float(part) for part in text.split(":")]
        except ValueError:
            parts = []
        if len(parts) != 3 or not all(0 < part < float("inf") for part in parts):
            raise UserError(
                f"split {text!r}: give three numbers, train:validation:test, as in "
                "36000:4000:10000 or 0.7:0.1:0.2"
            )
        absolute = all(part >= 1 for part in parts)
        if absolute and not all(part.is_integer() for part in parts):
            raise UserError(f"split {text!r}: sizes are whole numbers of rows")
        if not absolute and abs(sum(parts) - 1) > 1e-6:
            raise UserError(f"split {text!r}: the shares sum to {sum(parts):g}, not to 1")
        train, validation, test = parts
        return cls(train, validation, test, absolute)

    def sizes(self, rows: int, limit: int = 0) -> tuple[int, int, int]:
        """Rows of train, validation and test, of at most `limit` (0: all) of `rows` rows.

        Raises:
            UserError: more are asked for than there are.
        """
        usable = min(rows, limit) if limit else rows
        if not self.absolute:
            validation, test = round(usable * self.validation), round(usable * self.test)
            return usable - validation - test, validation, test
        wanted = int(self.train), int(self.validation), int(self.test)
        if sum(wanted) > usable:
            raise UserError(
                f"the split asks for {sum(wanted):,} rows ({':'.join(map(str, wanted))}), and the "
                f"data has {usable:,}; ask for fewer with --split"
            )
        return wanted


def split_rows(
    labels: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    sizes: tuple[int, int, int],
    seed: int,
) -> dict[str, np.ndarray]:
    """Assign rows to splits of exactly these sizes, with the class balance of the whole.

    Args:
        labels: shape (n,), indices of classes.
        groups: shape (n,); rows of one group go to the same split.
        classes: names, for messages.
        sizes: rows of train, validation and test; further rows stay unused.
        seed: fixes the assignment and the order of rows.

    Returns:
        Split name → indices of its rows, shuffled.

    Raises:
        UserError: a class too small to be in every split.
    """
    rng = np.random.default_rng(seed)
    room = _rows_by_class(labels, len(classes), sizes)
    for label, name in enumerate(classes):
        if room[label, :3].min() < 1:
            raise UserError(
                f"class {name!r} has {int((labels == label).sum())} rows, too few for a split of "
                f"{':'.join(map(str, sizes))}: every part needs one; add rows of that class, "
                "leave it out, or choose another --split"
            )
    assigned = np.full(len(labels), -1)
    order = rng.permutation(len(labels))
    _assign_groups(labels, groups, order, room, assigned, rng)
    for label in range(len(classes)):
        single = order[(labels[order] == label) & (assigned[order] < 0)]
        assigned[single] = np.repeat(np.arange(4), room[label])
    return {name: order[assigned[order] == number] for number, name in enumerate(NAMES)}


def _rows_by_class(labels: np.ndarray, classes: int, sizes: tuple[int, int, int]) -> np.ndarray:
    """Shape (classes, 4): rows of each class for train, validation, test and unused."""
    counts = np.bincount(labels, minlength=classes)
    unused = len(labels) - sum(sizes)
    room = np.zeros((classes, 4), dtype=int)
    for column, size in ((1, sizes[1]), (2, sizes[2]), (3, unused)):
        room[:, column] = _largest_remainder(counts, size)
    room[:, 0] = counts - room.sum(axis=1)
    return room


def _largest_remainder(counts: np.ndarray, size: int) -> np.ndarray:
    """Whole numbers proportional to `counts` that sum to `size` (Hamilton's method)."""
    exact = size * counts / counts.sum()
    whole = np.floor(exact).astype(int)
    first = np.argsort(whole - exact, kind="stable")[: size - whole.sum()]
    whole[first] += 1
    return whole


def _assign_groups(
    labels: np.ndarray,
    groups: np.ndarray,
    order: np.ndarray,
    room: np.ndarray,
    assigned: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Place every group of several rows where there is room, in proportion to the room left."""
    repeated = np.bincount(groups)[groups] > 1
    members: dict[int, list[int]] = {}
    for row in order[repeated[order]]:
        members.setdefault(int(groups[row]), []).append(int(row))
    for rows in members.values():
        needed = np.bincount(labels[rows], minlength=len(room))
        left = np.where((room >= needed[:, None]).all(axis=0), room.sum(axis=0), 0)
        if not left.any():
            raise UserError(
                f"{len(rows)} rows have the same text and fit on no side of the split together; "
                "remove repeated rows, or choose another --split"
            )
        chosen = rng.choice(4, p=left / left.sum())
        room[:, chosen] -= needed
        assigned[rows] = chosen
