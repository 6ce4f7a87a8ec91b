"""What models cost, and who is worth it, as far as the measurements can tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bakeoff.data.splits import Split
from bakeoff.evaluation.chance import of_difference
from bakeoff.evaluation.scores import Metric

TIMES_APART = 1.5
"""Training times within this factor are taken as equal: one and the same training differs by up to
as much from run to run on a machine that does other things too."""
REPEATS = 5
"""Timings of a prediction, after a first one that warms up and is not counted."""
SECONDS = 0.5
"""That one of these timings takes about: slow models are timed on a part of the rows."""
LEAST_ROWS = 32


def predictions_per_second(
    predict: Callable[[Any], Any], split: Split, first_seconds: float
) -> dict[str, float]:
    """How fast a model predicts, measured `REPEATS` times.

    Args:
        predict: of inputs.
        split: whose inputs are predicted.
        first_seconds: that a first prediction of all of them took.

    Returns:
        median, low and high of the timings in predictions a second, repeats, and the rows that each
        predicted.
    """
    affordable = int(len(split.labels) * SECONDS / max(first_seconds, 1e-9))
    rows = min(len(split.labels), max(LEAST_ROWS, affordable))
    inputs = split.part(np.arange(rows)).inputs
    rates = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        predict(inputs)
        rates.append(rows / (time.perf_counter() - started))
    return {
        "median": float(np.median(rates)),
        "low": min(rates),
        "high": max(rates),
        "repeats": REPEATS,
        "rows": rows,
    }


def front(
    leaderboard: Sequence[Mapping[str, Any]],
    values: Mapping[str, np.ndarray],
    metric: Metric,
    comparisons: Sequence[Mapping[str, Any]],
) -> set[str]:
    """The models that are worth their training time: of no other is it shown that it is as good in
    clearly less time, or clearly better in no more (a Pareto front that knows of noise).

    Args:
        leaderboard: model and train_seconds of each.
        values: model → shape (rows, trainings), what each row adds to the score of each training.
        metric: the score.
        comparisons: pairs whose verdict is known; the others are told apart by the paired interval
            of their difference.
    """
    verdicts = {(pair["first"], pair["second"]): pair["verdict"] for pair in comparisons}

    def better(one: str, other: str) -> bool:
        if (one, other) in verdicts:
            return verdicts[one, other] == "better"
        if (other, one) in verdicts:
            return verdicts[other, one] == "worse"
        return _clearly_better(values[one], values[other], metric)

    seconds = {row["model"]: row["train_seconds"] for row in leaderboard}

    def beats(one: str, other: str) -> bool:
        if seconds[one] * TIMES_APART < seconds[other]:
            return not better(other, one)
        return seconds[one] <= seconds[other] * TIMES_APART and better(one, other)

    return {name for name in seconds if not any(beats(o, name) for o in seconds if o != name)}


def _clearly_better(first: np.ndarray, second: np.ndarray, metric: Metric) -> bool:
    """Whether the 95 % interval of the difference, from its standard error over rows and trainings,
    lies above 0.
    """
    chance = of_difference(first, second)
    change = float((first.mean(axis=1) - second.mean(axis=1)).mean())
    return metric.merit(change) > chance.quantile * chance.error
