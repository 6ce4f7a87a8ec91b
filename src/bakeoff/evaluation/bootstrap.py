"""95 % intervals of accuracies and of their differences, by the percentile bootstrap."""

from __future__ import annotations

import numpy as np

REPLICATES = 2000
_BLOCK = 1_000_000
"""Numbers drawn at a time: bounds memory, whatever the number of rows and trainings."""


def accuracy_interval(correct: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a model's mean accuracy.

    Where every row is right, or every one wrong, no resample differs and the bootstrap would have
    no width; there it is the exact binomial interval over rows (Clopper & Pearson 1934).

    Args:
        correct: shape (rows, trainings), 1 where a training of the model is right.
        seed: of the resamples.
    """
    if correct.all() or not correct.any():
        reach = 1 - 0.025 ** (1 / len(correct))
        return (1 - reach, 1.0) if correct.all() else (0.0, reach)
    return difference_interval(correct, np.zeros_like(correct[:, :1]), seed)


def difference_interval(
    first: np.ndarray, second: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of the mean accuracy of `first` minus that of `second`, paired.

    A replicate draws rows, the same ones for both models, and trainings of each model, all with
    replacement (Efron & Tibshirani 1993, ch. 13). Rows on which the same trainings are right are
    alike, so it is enough to draw how many rows there are of each such pattern, from a multinomial
    distribution: neither memory nor result depends on the number or the order of rows.

    Args:
        first: shape (rows, trainings), 1 where a training of the first model is right.
        second: the same rows, with the trainings of the second model.
        seed: of the resamples.
    """
    rows = len(first)
    patterns, counts = np.unique(np.hstack([first, second]), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(counts))
    differences = []
    for start in range(0, REPLICATES, block):
        size = min(block, REPLICATES - start)
        drawn = rng.multinomial(rows, counts / rows, size)
        shares = np.hstack(
            [_shares(rng, first.shape[1], size), -_shares(rng, second.shape[1], size)]
        )
        differences.append((drawn * (shares @ patterns.T)).sum(axis=1) / rows)
    low, high = np.quantile(np.concatenate(differences), [0.025, 0.975])
    return float(low), float(high)


def _shares(rng: np.random.Generator, trainings: int, size: int) -> np.ndarray:
    """The share of each training in `size` resamples of them, shape (size, trainings)."""
    return rng.multinomial(trainings, np.full(trainings, 1 / trainings), size) / trainings
