"""95 % intervals of what models reach: exact ones of shares, bootstraps of the rest."""

from __future__ import annotations

import numpy as np

from bakeoff.evaluation.bootstrap import difference_interval
from bakeoff.evaluation.chance import over_both, over_rows
from bakeoff.evaluation.scores import Metric

_TAIL = 0.025


def share_interval(share: float, rows: float) -> tuple[float, float]:
    """The exact binomial interval of a share of rows (Clopper & Pearson 1934): never too narrow,
    and higher the more rows count, up to the edges. That of all shares where there is no row.

    >>> [round(100 * bound, 2) for bound in share_interval(358 / 359, 359)]
    [98.46, 99.99]

    Args:
        share: 0 to 1.
        rows: how many there are, or how many independent ones they are worth.
    """
    from scipy.special import betaincinv

    if rows <= 0:
        return 0.0, 1.0
    hits = share * rows
    misses = rows - hits
    low = betaincinv(hits, misses + 1, _TAIL) if hits > 0 else 0.0
    high = betaincinv(hits + 1, misses, 1 - _TAIL) if misses > 0 else 1.0
    return float(low), float(high)


def standard_error(values: np.ndarray) -> float:
    """Of the mean of a metric's values, shape (rows, trainings): rows and trainings are both drawn
    by chance.
    """
    return over_both(values).error


def score_interval(metric: Metric, labels: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a model's mean score.

    Of shares it is the exact one on as many rows as would have the score's standard error, fewer
    where few trainings tell of it (Korn & Graubard 1998), at most as many as there are; where every
    class weighs alike, as many as weigh as much. So one training's accuracy has the exact interval
    of its rows, seeds that disagree widen it, and where nothing is wrong it is still as wide as the
    rows are few. Of other scores it is the bootstrap of `difference_interval`.

    Args:
        metric: whose values they are.
        labels: shape (rows,), indices of classes.
        values: shape (rows, trainings), what each row adds to the score of each training.
    """
    if not metric.share:
        return difference_interval(values, np.zeros_like(values[:, :1]))
    score = min(max(float(values.mean()), 0.0), 1.0)
    most = float(len(labels))
    if metric.even:
        counts = np.bincount(labels)
        counts = counts[counts > 0]
        most = len(counts) ** 2 / float((1 / counts).sum())
    rows, whole = over_rows(values.mean(axis=1)), over_both(values)
    error = whole.error * whole.quantile / rows.quantile
    worth = min(most, 1 + score * (1 - score) / error**2) if error else most
    return share_interval(score, worth if 0 < score < 1 else most)
