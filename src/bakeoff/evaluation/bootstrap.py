"""95 % intervals of differences between models, by the percentile bootstrap over rows."""

from __future__ import annotations

import numpy as np

from bakeoff.evaluation.chance import of_difference, over_rows

REPLICATES = 2000
_BLOCK = 1_000_000
"""Numbers drawn at a time: bounds memory, whatever the number of rows."""
_ALIKE = 10
"""Rows that share a value on average, from which on it is faster to draw values than rows."""


def difference_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean score of `first` minus that of `second`, paired.

    A replicate draws rows, the same ones for both models, with replacement (Efron & Tibshirani
    1993, ch. 13). Trainings that disagree stretch what that gives to the standard error over rows
    and trainings, times Student's quantile for how few tell of it: two or three resampled would
    claim to know their spread. It keeps the skew of the rows. The result does not depend on the
    order of rows.

    Args:
        first: shape (rows, trainings), what each row adds to the score of each training of the
            first model: 1 where it is right, for accuracy.
        second: the same rows, with the trainings of the second model.
    """
    changes = np.sort(first.mean(axis=1) - second.mean(axis=1))
    mean, rows = float(changes.mean()), over_rows(changes)
    whole = of_difference(first, second)
    if not rows.value:
        reach = whole.quantile * whole.error
        return mean - reach, mean + reach
    stretched = whole.quantile * whole.error / (rows.quantile * rows.error)
    low, high = np.quantile(_resampled(changes), [0.025, 0.975])
    return mean - stretched * (mean - float(low)), mean + stretched * (float(high) - mean)


def _resampled(scores: np.ndarray) -> np.ndarray:
    """Means of `REPLICATES` resamples of scores, shape (rows,). Where many rows have the same
    score, it is enough to draw how many have each, from a multinomial distribution.
    """
    rows = len(scores)
    patterns, counts = np.unique(scores, return_counts=True)
    few = len(counts) * _ALIKE <= rows
    if not few:
        patterns = np.repeat(patterns, counts)
    rng = np.random.default_rng(0)
    block = max(1, _BLOCK // len(patterns))
    means = []
    for start in range(0, REPLICATES, block):
        size = min(block, REPLICATES - start)
        if few:
            means.append(rng.multinomial(rows, counts / rows, size) @ patterns / rows)
        else:
            means.append(patterns[rng.integers(0, rows, (size, rows))].mean(axis=1))
    return np.concatenate(means)
