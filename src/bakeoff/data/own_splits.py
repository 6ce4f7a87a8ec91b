"""Data whose test split is not for chance to decide: it comes with one, or time gives it."""

from __future__ import annotations

import numpy as np

from bakeoff.data.splitting import NAMES, SplitSpec, sample_by_class
from bakeoff.errors import UserError

Sizes = tuple[int, int, int]


def own_splits(
    own: np.ndarray, groups: np.ndarray, labels: np.ndarray, classes: list[str]
) -> tuple[np.ndarray, int]:
    """Make the splits that rows come with fit for use.

    Validation is the test split where there is no other. Training and validation copies of test
    rows, and training copies of validation rows, take no part any more.

    Args:
        own: shape (n,): "train", "validation", "test", or "" for rows that take no part; some are
            of validation or test.
        groups: shape (n,): equal numbers for copies.
        labels: shape (n,): indices of classes.
        classes: names, for messages.

    Returns:
        The split of each row ("": none), and how many rows were left out.

    Raises:
        UserError: a class is not in each of the splits.
    """
    own = np.where(own == "validation", "test", own) if not (own == "test").any() else own.copy()
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
                "aside); add some of it to both, or leave the class out"
            )
        here = next(title for title in has if has[title])
        there = next(title for title in has if not has[title])
        raise UserError(
            f"class {name!r} is in the {here} split and not in the {there} split (copies left "
            "aside); add some of it there, or leave the class out"
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


def by_time(
    times: np.ndarray, labels: np.ndarray, spec: SplitSpec, limit: int, seed: int
) -> np.ndarray:
    """The past for training, what follows for validation, the latest for the test; rows of one
    time are on one side, so that sizes are as near as can be.

    Args:
        times: shape (n,), in any unit.
        labels: shape (n,): indices of classes, which a sample keeps in their shares.
        spec: the sizes asked for.
        limit: rows used at most, sampled by class; 0 uses all.
        seed: fixes the sample.

    Returns:
        Shape (n,): "train", "validation", "test", or "" for rows that are not used.

    Raises:
        UserError: fewer than three different times.
    """
    train, validation, test = spec.sizes(len(times), limit)
    used = sample_by_class(labels, train + validation + test, np.random.default_rng(seed))
    used = used[np.argsort(times[used], kind="stable")]
    # Where the time changes, rows may be divided.
    edges = np.flatnonzero(np.diff(times[used])) + 1
    if len(edges) < 2:
        raise UserError(
            f"the column of times holds {len(edges) + 1} different ones, and three sides need "
            "three; name another with --time-column"
        )
    first = edges[:-1][np.argmin(np.abs(edges[:-1] - train))]
    later = edges[edges > first]
    second = later[np.argmin(np.abs(later - train - validation))]
    own = np.full(len(times), "", dtype="<U10")
    for name, part in zip(NAMES, np.split(used, [first, second]), strict=True):
        own[part] = name
    return own
