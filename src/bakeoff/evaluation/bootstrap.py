"""95 % intervals of differences between models, by the percentile bootstrap over rows and seeds."""

from __future__ import annotations

import numpy as np

REPLICATES = 2000
_BLOCK = 1_000_000
"""Numbers drawn at a time: bounds memory, whatever the number of rows and trainings."""
_ALIKE = 10
"""Rows that share a pattern on average, from which on it is faster to draw patterns than rows."""


def difference_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean score of `first` minus that of `second`, paired.

    A replicate draws rows, the same ones for both models, and trainings of each model, all with
    replacement (Efron & Tibshirani 1993, ch. 13). Rows on which the same trainings score the same
    are alike; where many are, it is enough to draw how many rows there are of each such pattern,
    from a multinomial distribution. The result does not depend on the order of rows.

    Args:
        first: shape (rows, trainings), what each row adds to the score of each training of the
            first model: 1 where it is right, for accuracy.
        second: the same rows, with the trainings of the second model.
    """
    rows = len(first)
    patterns, counts = np.unique(np.hstack([first, second]), axis=0, return_counts=True)
    few = len(counts) * _ALIKE <= rows
    if not few:
        patterns = np.repeat(patterns, counts, axis=0)
    rng = np.random.default_rng(0)
    block = max(1, _BLOCK // len(patterns))
    differences = []
    for start in range(0, REPLICATES, block):
        size = min(block, REPLICATES - start)
        if few:
            means = rng.multinomial(rows, counts / rows, size) @ patterns / rows
        else:
            drawn = rng.integers(0, rows, (size, rows))
            means = np.stack([column[drawn].mean(axis=1) for column in patterns.T], axis=1)
        shares = np.hstack(
            [_shares(rng, first.shape[1], size), -_shares(rng, second.shape[1], size)]
        )
        differences.append((means * shares).sum(axis=1))
    low, high = np.quantile(np.concatenate(differences), [0.025, 0.975])
    return float(low), float(high)


def _shares(rng: np.random.Generator, trainings: int, size: int) -> np.ndarray:
    """The share of each training in `size` resamples of them, shape (size, trainings)."""
    return rng.multinomial(trainings, np.full(trainings, 1 / trainings), size) / trainings
