"""Differences between two models: how large, and how sure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bakeoff.evaluation.bootstrap import difference_interval
from bakeoff.evaluation.chance import over_both

PERMUTATIONS = 4999
_BLOCK = 1_000_000
"""Signs drawn at a time."""


def difference(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Mean score of `first` minus that of `second`, with its paired 95 % interval.

    Args:
        first: shape (rows, trainings), what each row adds to the score of each training of the
            first model.
        second: the same rows, for the second model.
    """
    low, high = difference_interval(first, second)
    return {"difference": float(first.mean() - second.mean()), "low": low, "high": high}


def unpaired(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Mean score of `first` minus that of `second` on other rows, with its 95 % interval and the
    two-sided p of Welch's (1947) test, over rows and trainings.

    Args:
        first: shape (rows, trainings), what each row adds to the score of each training of the
            first model.
        second: other rows, for the second model.
    """
    from scipy.stats import t

    change = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2:
        return {"difference": change, "low": -np.inf, "high": np.inf, "p": 1.0}
    chance = over_both(first) + over_both(second)
    if not chance.error:
        return {"difference": change, "low": change, "high": change, "p": float(change == 0)}
    reach = chance.quantile * chance.error
    p = float(2 * t.sf(abs(change) / chance.error, chance.freedom))
    return {"difference": change, "low": change - reach, "high": change + reach, "p": p}


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Mid-p value of McNemar's test (Fagerland, Lydersen & Laake 2013).

    Args:
        first: shape (rows,), whether the first model is right.
        second: the same rows, for the second model.

    Returns:
        Two-sided p; 1 where both models alone are right equally often, or never.
    """
    from scipy.stats import binom

    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    discordant = only_first + only_second
    if not discordant:
        return 1.0
    fewer = min(only_first, only_second)
    p = 2 * binom.cdf(fewer, discordant, 0.5) - binom.pmf(fewer, discordant, 0.5)
    return float(min(p, 1.0))


def permutation(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of a paired permutation test: how often the models' scores differ as much where
    chance says of each row which model's is whose (Good 2005, §3.6.2).

    Args:
        first: shape (rows,), what each row adds to the score of the first model.
        second: the same rows, for the second model.

    Returns:
        1 / (PERMUTATIONS + 1) at least.
    """
    differences = np.sort(first - second)
    differences = differences[differences != 0]
    # What rounding leaves of a tie is one.
    observed = abs(differences.sum()) - 1e-9 * np.abs(differences).sum()
    rng = np.random.default_rng(0)
    block = max(1, _BLOCK // max(len(differences), 1))
    reached = 0
    for start in range(0, PERMUTATIONS, block):
        size = min(block, PERMUTATIONS - start)
        signs = rng.integers(0, 2, (size, len(differences)), dtype=np.int8) * 2 - 1
        reached += int((np.abs(signs @ differences) >= observed).sum())
    return (reached + 1) / (PERMUTATIONS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction of p-values, in their order."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    return corrected.tolist()


def verdict(low: float, high: float, p: float) -> str:
    """Whether the first of two models is "better", "worse" or "undecided": told apart are those
    whose difference has an interval without 0 and a corrected p-value below 0.05.

    >>> verdict(0.01, 0.03, 0.002)
    'better'
    >>> verdict(0.01, 0.03, 0.08)
    'undecided'

    Args:
        low: lower bound of the difference.
        high: upper bound of the difference.
        p: corrected for all comparisons made.
    """
    if low <= 0 <= high or p >= 0.05:
        return "undecided"
    return "better" if low > 0 else "worse"
