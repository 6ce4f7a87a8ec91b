"""Data that comes with a test split of its own."""

from __future__ import annotations

import numpy as np

from bakeoff.data.splitting import NAMES, SplitSpec
from bakeoff.errors import UserError

Sizes = tuple[int, int, int]


def own_splits(
    own: np.ndarray, groups: np.ndarray, labels: np.ndarray, classes: list[str]
) -> tuple[np.ndarray | None, int]:
    """Make the splits that rows come with fit for use.

    Validation is the test split where there is no other. Training and validation copies of test
    rows, and training copies of validation rows, take no part any more.

    Args:
        own: shape (n,): "train", "validation", "test", or "" in data that was never split.
        groups: shape (n,): equal numbers for copies.
        labels: shape (n,): indices of classes.
        classes: names, for messages.

    Returns:
        The split of each row ("": none), or None where there is no test split; and how many rows
        were left out.

    Raises:
        UserError: a class is not in each of the splits.
    """
    own = np.where(own == "validation", "test", own) if not (own == "test").any() else own.copy()
    if not (own == "test").any():
        return None, 0
    before = (own != "").sum()
    for later, earlier in (("test", ("train", "validation")), ("validation", ("train",))):
        copies = np.isin(groups, groups[own == later]) & np.isin(own, earlier)
        own[copies] = ""
    _refuse_missing(own, labels, classes)
    return own, int(before - (own != "").sum())


def _refuse_missing(own: np.ndarray, labels: np.ndarray, classes: list[str]) -> None:
    """Raise a UserError for the first class that is not in all of the splits that there are."""
    titles = {"train": "training", "validation": "validation", "test": "test"}
    counts = {
        titles[name]: np.bincount(labels[own == name], minlength=len(classes))
        for name in NAMES
        if name != "validation" or (own == name).any()
    }
    for label, name in enumerate(classes):
        has = {title: bool(count[label]) for title, count in counts.items()}
        if all(has.values()):
            continue
        if not any(has.values()):
            raise UserError(
                f"class {name!r} is in neither the training nor the test split (copies left "
                "aside); add images of it to both, or leave the class out"
            )
        here = next(title for title in has if has[title])
        there = next(title for title in has if not has[title])
        raise UserError(
            f"class {name!r} is in the {here} split and not in the {there} split (copies left "
            "aside); add images of it there, or leave the class out"
        )


def pools(own: np.ndarray, spec: SplitSpec, limit: int) -> list[tuple[np.ndarray, Sizes]]:
    """The rows to draw from, and how many of them go to train, validation and test.

    Raises:
        UserError: more are asked for than there are.
    """
    rows = {name: np.flatnonzero(own == name) for name in NAMES}
    counts = (len(rows["train"]), len(rows["validation"]), len(rows["test"]))
    train, validation, test = spec.sizes_beside(counts, limit)
    if not counts[1]:
        return [(rows["train"], (train, validation, 0)), (rows["test"], (0, 0, test))]
    return [
        (rows["train"], (train, 0, 0)),
        (rows["validation"], (0, validation, 0)),
        (rows["test"], (0, 0, test)),
    ]
