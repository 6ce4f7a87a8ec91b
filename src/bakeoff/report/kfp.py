"""The same facts as KFP artifacts, so that the KFP page shows them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from bakeoff.report.summary import answer, metric_of

POINTS = 50
"""Of a ROC curve: kfp prints what goes into its metadata, point by point."""


def log_results(results: dict[str, Any], metrics: Any, classification: Any) -> None:
    """Fill a `dsl.Metrics` with the leaderboard and a `dsl.ClassificationMetrics` with the
    winner's confusion matrix and, for two classes, its ROC curve.
    """
    metric = metric_of(results)
    for row in results["leaderboard"]:
        metrics.log_metric(f"{row['model']} {metric.words}", row[metric.key])
    metrics.metadata["winner"] = results["winner"]["model"]
    metrics.metadata["verdict"] = answer(results)
    winner = next(
        model
        for model in results["models"]
        if (model["model"], model["seed"])
        == (results["winner"]["model"], results["winner"]["seed"])
    )
    test = winner["test"]
    if test["confusion"]:
        classification.log_confusion_matrix(results["classes"], test["confusion"])
    if test["roc"]:
        roc = test["roc"]
        chosen = _along(roc["fpr"], roc["tpr"])
        curve = ([roc[name][i] for i in chosen] for name in ("fpr", "tpr", "thresholds"))
        classification.log_roc_curve(*curve)
    # An output counts as cached only if its file exists.
    for artifact in (metrics, classification):
        Path(artifact.path).touch()


def _along(x: Sequence[float], y: Sequence[float]) -> list[int]:
    """At most `POINTS` points of a curve, spread evenly along its length, its ends among them."""
    if len(x) <= POINTS:
        return list(range(len(x)))
    steps = [abs(x[i + 1] - x[i]) + abs(y[i + 1] - y[i]) for i in range(len(x) - 1)]
    length = list(accumulate(steps, initial=0.0))
    wanted = (length[-1] * n / (POINTS - 1) for n in range(POINTS))
    nearest = {min(bisect_left(length, place), len(x) - 1) for place in wanted}
    return sorted(nearest | {0, len(x) - 1})[-POINTS:]
