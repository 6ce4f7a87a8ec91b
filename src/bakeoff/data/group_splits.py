"""Splits of rows that come in groups too large for exact sizes: as near to them as can be."""

from __future__ import annotations

import numpy as np

from bakeoff.errors import UserError


def nearest_split(
    labels: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    sizes: tuple[int, ...],
    rng: np.random.Generator,
) -> np.ndarray:
    """Put every group into one part, so that parts come near their sizes and class balance.

    Every class first gets its smallest groups into the parts that lack it. Then each group, large
    ones first, goes where it lessens the squared distance from the wanted rows of each class,
    relative to these, most.

    Args:
        labels: shape (n,), indices of classes.
        groups: shape (n,); rows of one group go to the same part.
        classes: names, for messages.
        sizes: rows wanted in each part; together n. The last part needs no rows of any class, and
            a part of size 0 gets none.
        rng: breaks ties.

    Returns:
        Shape (n,): the part of each row.

    Raises:
        UserError: a class is in too few groups to be in every part.
    """
    group_of, counts = _counts(labels, groups)
    n_groups = int(group_of.max()) + 1
    wanted = np.outer(np.bincount(labels, minlength=len(classes)), sizes) / len(labels)
    scale = np.maximum(wanted, 1e-6)
    have = np.zeros_like(wanted)
    part_of = np.full(n_groups, -1)
    open_parts = np.flatnonzero(sizes).tolist()

    def place(group: int, part: int) -> None:
        part_of[group] = part
        for label, rows in counts[group].items():
            have[label, part] += rows

    size_of = np.bincount(group_of)
    small_first = np.argsort(size_of + rng.random(n_groups), kind="stable")
    of_class: list[list[int]] = [[] for _ in classes]
    for group in small_first:
        for label in counts[group]:
            of_class[label].append(int(group))
    needed = [part for part in open_parts if part < len(sizes) - 1]
    for label in np.argsort([len(found) for found in of_class], kind="stable"):
        for part in sorted(needed, key=lambda part: sizes[part]):
            if have[label, part]:
                continue
            group = next((g for g in of_class[label] if part_of[g] < 0), None)
            if group is None:
                n = len(of_class[label])
                raise UserError(
                    f"class {classes[label]!r} is in {n} group{'s' * (n > 1)} of rows that "
                    f"stay together, too few for {len(needed)} parts of the split; add rows of "
                    "that class, or leave it out"
                )
            place(group, part)
    for group in small_first[::-1]:
        if part_of[group] >= 0:
            continue
        label, rows = (np.array(list(x)) for x in zip(*counts[group].items(), strict=True))
        rows = rows[:, None]
        beyond = have[label] - wanted[label]
        cost = (rows * (2 * beyond + rows) / scale[label]).sum(axis=0)
        place(group, open_parts[int(np.argmin(cost[open_parts]))])
    return part_of[group_of]


def _counts(labels: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, list[dict[int, int]]]:
    """Groups by number, and of each how many rows of which class it holds."""
    _, group_of = np.unique(groups, return_inverse=True)
    pairs, rows = np.unique(np.stack([group_of, labels]), axis=1, return_counts=True)
    counts: list[dict[int, int]] = [{} for _ in range(int(group_of.max()) + 1)]
    for group, label, n in zip(*pairs, rows, strict=True):
        counts[group][int(label)] = int(n)
    return group_of, counts
