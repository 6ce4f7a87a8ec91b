"""Differences between two models: how large, how sure, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bakeoff.evaluation.bootstrap import difference_interval
from bakeoff.report.formats import p_value, points


def difference(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Mean accuracy of `first` minus that of `second`, with its paired 95 % interval.

    Args:
        first: shape (rows, trainings), 1 where a training of the first model is right.
        second: the same rows, for the second model.
    """
    low, high = difference_interval(first, second)
    return {"difference": float(first.mean() - second.mean()), "low": low, "high": high}


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


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction of p-values, in their order."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    return corrected.tolist()


def sentence(comparison: dict[str, Any], rows: int) -> str:
    """A comparison in words, from its figures.

    It is called a difference if the interval of the difference leaves out 0 and the corrected
    p-value is below 0.05.
    """
    low, high, p = comparison["low"], comparison["high"], comparison["holm_p"]
    shown = p_value(p) if p < 0.001 else f"= {p_value(p)}"
    first, second = comparison["first"], comparison["second"]
    if low <= 0 <= high or p >= 0.05:
        return (
            f"{first} against {second}: no difference that {rows:,} rows can show "
            f"({points(comparison['difference'])} points, {points(low)} to {points(high)}; "
            f"p {shown})"
        )
    word = "better" if low > 0 else "worse"
    near, far = sorted((abs(low), abs(high)))
    return (
        f"{first} is {word} than {second} by {100 * abs(comparison['difference']):.1f} points "
        f"(95\u202f% interval {100 * near:.1f} to {100 * far:.1f}; p {shown})"
    )
