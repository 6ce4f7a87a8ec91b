"""The figures that may choose: each with its direction, and what every row adds to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bakeoff.errors import unknown_name
from bakeoff.formats import MINUS, decimal, interval, percent, points

_NEARLY_SURE = 1 - 2**-10
"""A probability above which float32 tells little more apart."""
_BLOCK = 64
"""Classes ranked at a time: bounds memory, whatever their number."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure by which models are compared."""

    name: str
    """As --metric takes it."""
    words: str
    """As a sentence names it."""
    rows: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """Of labels (n,) and probabilities (n, k) what each row adds, shape (n,): their mean is the
    figure. Of figures that are no mean over rows these are its value plus the influence of a row
    (Hampel 1974), so that the mean over resampled rows is the resampled figure to first order. NaN
    where the figure means nothing."""
    greater_is_better: bool = True
    share: bool = True
    """Between 0 and 1, and 1 is perfect."""
    percent: bool = False
    """Printed as a percentage, and its differences in points."""
    even: bool = True
    """Every class weighs as much, however many rows it has."""

    @property
    def key(self) -> str:
        """Its name in records."""
        return self.name.replace("-", "_")

    @property
    def heading(self) -> str:
        """Above a column."""
        return self.words[0].upper() + self.words[1:]

    def merit(self, value: float) -> float:
        """The value, turned so that greater is better."""
        return value if self.greater_is_better else -value

    def of(self, labels: np.ndarray, probabilities: np.ndarray) -> float | None:
        """The figure; None where it means nothing."""
        return self.mean(self.rows(labels, probabilities))

    def mean(self, rows: np.ndarray) -> float | None:
        """The figure of what each row adds."""
        value = float(rows.mean())
        return None if np.isnan(value) else min(max(value, 0.0), 1.0) if self.share else value

    def show(self, value: float) -> str:
        """The value as people read it."""
        return percent(value) if self.percent else decimal(value)

    def show_interval(self, low: float, high: float) -> str:
        return interval(low, high) if self.percent else f"{decimal(low)} to {decimal(high)}"

    def show_difference(self, difference: float) -> str:
        """With its sign; of percentages in points."""
        if self.percent:
            return points(difference)
        return f"{difference:+.3f}".replace("-", MINUS)


def _accuracy(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    return (probabilities.argmax(axis=1) == labels).astype(float)


def _balanced_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that have rows."""
    n, k = probabilities.shape
    right = _accuracy(labels, probabilities)
    counts = np.bincount(labels, minlength=k)
    recall = np.bincount(labels, right, minlength=k) / np.maximum(counts, 1)
    present = counts > 0
    moved = (right - recall[labels]) / counts[labels]
    return recall[present].mean() + n / present.sum() * moved


def _macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes that have rows or predictions, 2 TP / (rows + predictions)."""
    n, k = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    right = (predicted == labels).astype(float)
    total = np.bincount(labels, minlength=k) + np.bincount(predicted, minlength=k)
    f1 = 2 * np.bincount(labels, right, minlength=k) / np.maximum(total, 1)
    present = total > 0
    share = 1 / np.maximum(total, 1)
    moved = 2 * right * share[labels]
    moved -= (f1 * share)[labels] + (f1 * share)[predicted]
    return f1[present].mean() + n / present.sum() * moved


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    return np.log(1 / np.maximum(probabilities[np.arange(len(labels)), labels], 1e-15))


def standing(probabilities: np.ndarray) -> np.ndarray:
    """Scores that rank rows as the probabilities of each class do, shape (n, k), also where these
    are rounded to 1: from `_NEARLY_SURE` on by how little is left for the other classes.
    """
    scores = np.array(probabilities, dtype=float)
    rows, columns = np.nonzero(scores > _NEARLY_SURE)
    rest = scores[rows]
    rest[np.arange(len(rows)), columns] = 0
    scores[rows, columns] = 1 / np.maximum(rest.sum(axis=1), np.finfo(float).tiny)
    return scores


def _auc(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The area under the ROC curve; of more than two classes the mean over classes, each against
    the rest. What a row adds are the placements of DeLong et al. (1988).
    """
    from scipy.stats import rankdata

    n, k = probabilities.shape
    counts = np.bincount(labels, minlength=k)
    asked = np.flatnonzero((counts > 0) & (counts < n))
    if k == 2:
        asked = asked[-1:]
    if not len(asked):
        return np.full(n, np.nan)
    area, moved, standings = 0.0, np.zeros(n), standing(probabilities)
    for start in range(0, len(asked), _BLOCK):
        some = asked[start : start + _BLOCK]
        ranks = rankdata(standings[:, some], axis=0)
        for column, index in enumerate(some):
            positive = labels == index
            scores, placed = standings[:, index], np.empty(n)
            ours, others = counts[index], n - counts[index]
            own = rankdata(scores[positive])
            placed[positive] = (ranks[positive, column] - own) / others
            own = rankdata(scores[~positive])
            placed[~positive] = 1 - (ranks[~positive, column] - own) / ours
            value = placed[positive].mean()
            area += value
            moved += (placed - value) / np.where(positive, ours, others)
    return (area + n * moved) / len(asked)


METRICS = {
    metric.name: metric
    for metric in (
        Metric(name="accuracy", words="accuracy", rows=_accuracy, percent=True, even=False),
        Metric(name="macro-f1", words="macro F1", rows=_macro_f1),
        Metric(
            name="balanced-accuracy",
            words="balanced accuracy",
            rows=_balanced_accuracy,
            percent=True,
        ),
        Metric(
            name="log-loss",
            words="log loss",
            rows=_log_loss,
            greater_is_better=False,
            share=False,
            even=False,
        ),
        Metric(name="auc", words="AUC", rows=_auc),
    )
}
"""Every metric that may choose, by name."""

ACCURACY = METRICS["accuracy"]
LOG_LOSS = METRICS["log-loss"]


def get_metric(name: str) -> Metric:
    """The metric of that name, or a UserError that suggests the nearest."""
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name]
