"""The same facts as KFP artifacts, so that the KFP page shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bakeoff.report.summary import answer, metric_of


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
        classification.log_roc_curve(roc["fpr"], roc["tpr"], roc["thresholds"])
    # An output counts as cached only if its file exists.
    for artifact in (metrics, classification):
        Path(artifact.path).touch()
