"""Stratified splits that keep duplicates together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bakeoff.data.group_splits import nearest_split
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

    def remarks(self, rows: int) -> list[str]:
        """What a person should know who meant percentages, of data with so many rows."""
        sizes = (self.train, self.validation, self.test)
        if not self.absolute or sum(sizes) != 100 or rows <= 100:
            return []
        shares = ":".join(f"{size / 100:g}" for size in sizes)
        return [
            f"the split asks for 100 of {rows:,} rows, as sizes are rows: percentages are "
            f"written as shares, {shares}"
        ]

    def refuse_beyond(self, limit: int) -> None:
        """Raise a UserError if no data can be divided so, of which at most `limit` rows are used
        (0: all).
        """
        if limit < 0:
            raise UserError(f"limit {limit:,}: give a number of rows, or 0 for all")
        asked = int(self.train + self.validation + self.test) if self.absolute else len(NAMES)
        if 0 < limit < asked:
            raise UserError(
                f"the split asks for {asked:,} rows, and at most {limit:,} are used: raise the "
                "limit (0: all), or choose another split"
                if self.absolute
                else f"limit {limit}: three parts need a row each; give more, or 0 for all"
            )

    def sizes(self, rows: int, limit: int = 0) -> tuple[int, int, int]:
        """Rows of train, validation and test, of at most `limit` (0: all) of `rows` rows.

        Raises:
            UserError: more are asked for than there are, or too few for three parts.
        """
        usable = min(rows, limit) if limit else rows
        if not self.absolute:
            validation, test = round(usable * self.validation), round(usable * self.test)
            return _three(usable - validation - test, validation, test)
        return _within(rows, usable, int(self.train), int(self.validation), int(self.test))

    def sizes_beside(self, own: tuple[int, int, int], limit: int = 0) -> tuple[int, int, int]:
        """Rows of train, validation and test of data that comes with a test split of its own.

        Shares divide the training rows between train and validation, unless there is an own
        validation split, and a limit scales all parts alike. Sizes hold as they are, except that
        an own split gives at most what it has.

        Args:
            own: rows of its training, validation (0: none) and test split.
            limit: rows used at most; 0 uses all.

        Raises:
            UserError: more are asked for than there are, or too few for three parts.
        """
        rows = sum(own)
        usable = min(rows, limit) if limit else rows
        if self.absolute:
            train, test = int(self.train), min(int(self.test), own[2])
            validation = min(int(self.validation), own[1] or own[0])
            asked = train if own[1] else train + validation
            if asked > own[0]:
                raise UserError(
                    f"the split asks for {asked:,} training rows, and the data has {own[0]:,} "
                    "beside its own test split; ask for fewer with --split"
                )
            return _within(rows, usable, train, validation, test)
        validation, test = round(own[1] * usable / rows), round(own[2] * usable / rows)
        train = usable - validation - test
        if not own[1]:
            validation = round(train * self.validation / (self.train + self.validation))
            train -= validation
        return _three(train, validation, test)


def _three(train: int, validation: int, test: int) -> tuple[int, int, int]:
    """Refuse a part without rows."""
    if min(train, validation, test) < 1:
        raise UserError(
            f"the split of {train + validation + test:,} rows is {train}:{validation}:{test}, and "
            "every part needs one of each class; use more rows, or choose another --split"
        )
    return train, validation, test


def _within(rows: int, usable: int, train: int, validation: int, test: int) -> tuple[int, int, int]:
    """Refuse sizes of more rows than are usable."""
    if train + validation + test > usable:
        there = (
            f"the data has {rows:,}; ask for fewer with --split"
            if usable == rows
            else f"at most {usable:,} of {rows:,} are used; raise the limit, or choose another "
            "--preset or --split"
        )
        raise UserError(
            f"the split asks for {train + validation + test:,} rows "
            f"({train}:{validation}:{test}), and {there}"
        )
    return train, validation, test


def sample_by_class(labels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """At most `size` places in `labels`, every class with its share of them, rounded up or down."""
    shuffled = rng.permutation(len(labels))
    if size >= len(labels):
        return shuffled
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return by_class[((np.arange(size) + 0.5) * len(labels) / size).astype(int)]


def split_rows(
    labels: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    sizes: tuple[int, int, int],
    seed: int,
) -> dict[str, np.ndarray]:
    """Assign rows to splits of these sizes, with the class balance of the whole: exactly, or as
    near as can be where groups are too large for that.

    Args:
        labels: shape (n,), indices of classes.
        groups: shape (n,); rows of one group go to the same split.
        classes: names, for messages.
        sizes: rows of train, validation and test (0: none); further rows stay unused.
        seed: fixes the assignment and the order of rows.

    Returns:
        Split name → indices of its rows, shuffled.

    Raises:
        UserError: a class too small to be in every split.
    """
    rng = np.random.default_rng(seed)
    room = _rows_by_class(labels, len(classes), sizes)
    _refuse_small(labels, classes, sizes, room)
    order = rng.permutation(len(labels))
    assigned = _exactly(labels, groups, order, room, rng)
    if assigned is None:
        everything = (*sizes, len(labels) - sum(sizes))
        assigned = nearest_split(labels, groups, classes, everything, rng)
    return {name: order[assigned[order] == number] for number, name in enumerate(NAMES)}


def _refuse_small(
    labels: np.ndarray, classes: list[str], sizes: tuple[int, int, int], room: np.ndarray
) -> None:
    """Raise a UserError for a class that is too small to be in every part."""
    parts = np.flatnonzero(sizes)
    asked = ":".join(str(sizes[part]) for part in parts)
    used, there = sum(sizes), len(labels)
    limit = f"; only {used:,} of {there:,} rows take part" if used < there else ""
    more = "raise --limit (0: all)" if limit else "use more rows"
    if min(sizes[part] for part in parts) < len(classes):
        raise UserError(
            f"a split of {asked} has fewer rows in a part than there are classes, "
            f"{len(classes):,}, and every part needs one of each{limit}; {more}, or choose another "
            "--split"
        )
    lacking = np.flatnonzero(room[:, parts].min(axis=1) < 1)
    if len(lacking):
        label = lacking[0]
        others = f" (and {len(lacking) - 1:,} more classes)" if len(lacking) > 1 else ""
        raise UserError(
            f"class {classes[label]!r} has {int((labels == label).sum())} of {there:,} rows, too "
            f"few for a split of {asked}: every part needs one{others}{limit}; "
            f"{more if limit else 'add rows of that class'}, leave it out, or choose another "
            "--split"
        )


def _rows_by_class(labels: np.ndarray, classes: int, sizes: tuple[int, int, int]) -> np.ndarray:
    """Shape (classes, 4): rows of each class for train, validation, test and unused.

    Every exact share is rounded up or down so that rows and columns sum to what is there, as near
    to the shares as can be (controlled rounding, Cox and Ernst 1982; its linear program has whole
    numbers at its corners).
    """
    from scipy import sparse
    from scipy.optimize import linprog

    counts = np.bincount(labels, minlength=classes)
    wanted = np.array([*sizes, len(labels) - sum(sizes)])
    room, remainder = np.divmod(np.outer(counts, wanted), len(labels))
    sums_of_classes = sparse.kron(sparse.eye(classes), np.ones(4))
    sums_of_parts = sparse.kron(np.ones(classes), sparse.eye(4))
    rounded_up = linprog(
        -remainder.ravel() / len(labels),
        A_eq=sparse.vstack([sums_of_classes, sums_of_parts]),
        b_eq=np.concatenate([counts - room.sum(axis=1), wanted - room.sum(axis=0)]),
        bounds=np.stack([np.zeros(remainder.size), remainder.ravel() > 0], axis=1),
        method="highs-ds",
    ).x
    return room + rounded_up.round().astype(int).reshape(room.shape)


def _exactly(
    labels: np.ndarray,
    groups: np.ndarray,
    order: np.ndarray,
    room: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """The part of each row, shape (n,), or None where a group finds no room.

    Every group of several rows goes where there is room, in proportion to the room left: large ones
    first, while every side still has room. Single rows fill what is left.
    """
    room = room.copy()
    assigned = np.full(len(labels), -1)
    repeated = np.bincount(groups)[groups] > 1
    members: dict[int, list[int]] = {}
    for row in order[repeated[order]]:
        members.setdefault(int(groups[row]), []).append(int(row))
    for rows in sorted(members.values(), key=len, reverse=True):
        of_group, needed = np.unique(labels[rows], return_counts=True)
        fits = (room[of_group] >= needed[:, None]).all(axis=0)
        left = np.where(fits, room.sum(axis=0), 0)
        if not left.any():
            return None
        chosen = rng.choice(4, p=left / left.sum())
        room[of_group, chosen] -= needed
        assigned[rows] = chosen
    single = order[assigned[order] < 0]
    single = single[np.argsort(labels[single], kind="stable")]
    assigned[single] = np.repeat(np.tile(np.arange(4), len(room)), room.ravel())
    return assigned
