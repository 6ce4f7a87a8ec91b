"""How far a mean over rows and trainings lies off by chance, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variance:
    """Of a mean, with its degrees of freedom."""

    value: float
    freedom: float

    def __add__(self, other: Variance) -> Variance:
        """Of a sum of independent means (Satterthwaite 1946)."""
        value = self.value + other.value
        parts = [part.value**2 / part.freedom for part in (self, other) if part.value]
        return Variance(value, value**2 / sum(parts) if parts else np.inf)

    @property
    def error(self) -> float:
        """The standard error."""
        return float(np.sqrt(self.value))

    @property
    def quantile(self) -> float:
        """How many standard errors 95 % of such means keep within (Student 1908)."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom))


def over_rows(scores: np.ndarray) -> Variance:
    """Of the mean of what each row adds to a score, shape (rows,), to the bit in any order."""
    freedom, scores = max(len(scores) - 1, 1), np.sort(scores)
    # Of equal scores rounding leaves some.
    equal = scores[-1] - scores[0] <= 1e-12 * np.abs(scores).max()
    return Variance(0.0 if equal else float(scores.var()) / freedom, freedom)


def over_trainings(values: np.ndarray) -> Variance:
    """Of the mean over trainings, of values of shape (rows, trainings), as far as it is more than
    their rows' chance, which `over_rows` of the means counts (the component of variance of a
    crossed design, Searle, Casella & McCulloch 1992, ch. 4), to the bit in any order of rows.
    Nothing is known of it by one.
    """
    rows, trainings = values.shape
    if trainings < 2 or rows < 2:
        return Variance(0.0, np.inf)
    values = values[np.lexsort(values.T)]
    means = values.mean(axis=0)
    apart = values - values.mean(axis=1, keepdims=True) - means + means.mean()
    chance = float((apart**2).sum()) / ((rows - 1) * (trainings - 1) * rows)
    return Variance(max(float(means.var(ddof=1)) - chance, 0.0) / trainings, trainings - 1)


def over_both(values: np.ndarray) -> Variance:
    """Of the mean of values of shape (rows, trainings), both of which chance draws."""
    return over_rows(values.mean(axis=1)) + over_trainings(values)


def of_difference(first: np.ndarray, second: np.ndarray) -> Variance:
    """Of the difference of two models' means on the same rows, each of shape (rows, trainings)."""
    paired = over_rows(first.mean(axis=1) - second.mean(axis=1))
    return paired + over_trainings(first) + over_trainings(second)
