"""Percentile bootstrap with resamples that all models share, so that differences are paired."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

REPLICATES = 2000
_BLOCK = 5_000_000
"""Numbers drawn at a time: bounds memory, whatever the number of rows."""


def resampled_means(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Means of the columns of `values` over resampled rows (Efron & Tibshirani 1993, ch. 13).

    The same seed and number of rows give the same resamples, so that means of several calls belong
    together replicate by replicate.

    Args:
        values: shape (rows, columns), such as 1 where a model is right.
        seed: of the resamples.

    Returns:
        Shape (`REPLICATES`, columns).
    """
    rows = len(values)
    means = [counts @ values / rows for counts in _resample_counts(rows, seed)]
    return np.concatenate(means)


def _resample_counts(rows: int, seed: int) -> Iterator[np.ndarray]:
    """How often each row is drawn: blocks of shape (some replicates, rows), float32."""
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // rows)
    for start in range(0, REPLICATES, block):
        size = min(block, REPLICATES - start)
        drawn = rng.integers(0, rows, (size, rows))
        drawn += np.arange(size)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows)
        yield counts.reshape(size, rows).astype(np.float32)


def mean_over_seeds(correct: np.ndarray, seed: int = 0) -> np.ndarray:
    """Resampled mean accuracies of one model; trainings are resampled as well as rows.

    Args:
        correct: shape (rows, trainings), 1 where a training of the model is right.
        seed: of the resamples of rows.

    Returns:
        Shape (`REPLICATES`,).
    """
    means = resampled_means(correct, seed)
    trainings = means.shape[1]
    if trainings == 1:
        return means[:, 0]
    # Draws of trainings are of their own: those of two models are independent.
    rng = np.random.default_rng([seed, trainings, int(correct.sum())])
    drawn = rng.integers(0, trainings, means.shape)
    return np.take_along_axis(means, drawn, axis=1).mean(axis=1)


def interval(replicates: np.ndarray) -> tuple[float, float]:
    """The central 95 % of resampled values."""
    low, high = np.quantile(replicates, [0.025, 0.975])
    return float(low), float(high)
