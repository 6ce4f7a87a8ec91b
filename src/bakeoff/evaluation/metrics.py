"""Metrics of a classifier, for two classes and for many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evaluation.intervals import score_interval, share_interval, standard_error
from bakeoff.evaluation.scores import METRICS, standing
from bakeoff.training.trained import read_model, read_probabilities

BINS = 10
"""Equal-width bins of confidence."""
ROC_POINTS = 200
MOST_CONFUSION_CLASSES = 300
"""Classes up to which the whole confusion matrix is kept: it has their square of numbers."""
CONFUSED = 20
"""Pairs of classes that are listed."""
_SCORES = ("precision", "recall", "f1")


def validation_metrics(folder: Path) -> dict[str, Any]:
    """`classification_metrics` of a model folder on the validation split."""
    rows, probabilities = read_probabilities(folder)
    labels = rows["label"].to_numpy("int64")
    return classification_metrics(labels, probabilities, read_model(folder)["classes"])


def classification_metrics(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Everything a report says about one model on one split.

    With two classes precision, recall and F1 are those of the second, the positive one; with more
    they are means over the classes that have rows or predictions. A ratio without cases is 0.

    Args:
        labels: shape (n,), indices of classes.
        probabilities: shape (n, k); rows sum to 1.
        classes: k names.

    Returns:
        n; of every metric in `scores.METRICS`, by its key, the value, key_low and key_high (its
        95 % interval) and key_error (its standard error), all None where it means nothing;
        precision, recall, f1 and their `average`; per_class, macro and weighted means; confusion
        (rows are true classes; None with more than MOST_CONFUSION_CLASSES) and confused, the
        commonest errors: records label, predicted and n; brier (Brier 1950: with two classes the
        mean squared error of the probability of the second, 0 to 1; with more the sum over classes,
        0 to 2), ece (Guo et al. 2017), calibration bins, and for two classes roc, which is None
        otherwise. With more than five classes also top5_accuracy, with top5_low and top5_high.
    """
    from sklearn.metrics import confusion_matrix

    n, k = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    confusion = confusion_matrix(labels, predicted, labels=np.arange(k))
    per_class = _per_class(labels, predicted, classes)
    macro, weighted = (_mean(labels, predicted, average) for average in ("macro", "weighted"))
    of_truth = probabilities[np.arange(n), labels]
    squares = (probabilities**2).sum(axis=1) - 2 * of_truth + 1
    ece, calibration = _calibration(probabilities.max(axis=1), correct)
    result = {
        "n": n,
        **_scored(labels, probabilities),
        **({name: per_class[1][name] for name in _SCORES} if k == 2 else macro),
        "average": f"binary: {classes[1]}" if k == 2 else "macro",
        "per_class": per_class,
        "macro": macro,
        "weighted": weighted,
        "confusion": confusion.tolist() if k <= MOST_CONFUSION_CLASSES else None,
        "confused": _confused(confusion, classes),
        "brier": max(float(squares.mean()), 0.0) / (2 if k == 2 else 1),
        "ece": ece,
        "calibration": calibration,
        "roc": _roc(labels, probabilities) if k == 2 else None,
    }
    if k > 5:
        best = np.argpartition(-probabilities, 5, axis=1)[:, :5]
        share = float((best == labels[:, None]).any(axis=1).mean())
        result["top5_accuracy"] = share
        result["top5_low"], result["top5_high"] = share_interval(share, n)
    return result


def _scored(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Every metric with its interval and its standard error."""
    found: dict[str, float | None] = {}
    for metric in METRICS.values():
        rows = metric.rows(labels, probabilities)
        values = rows[:, None]
        value, low, high, error = metric.mean(rows), None, None, None
        if value is not None:
            low, high = score_interval(metric, labels, values)
            error = standard_error(values)
        names = (f"{metric.key}{part}" for part in ("", "_low", "_high", "_error"))
        found |= dict(zip(names, (value, low, high, error), strict=True))
    return found


def _mean(labels: np.ndarray, predicted: np.ndarray, average: str) -> dict[str, float]:
    from sklearn.metrics import precision_recall_fscore_support

    means = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
    return dict(zip(_SCORES, map(float, means[:3]), strict=True))


def _per_class(
    labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> list[dict[str, Any]]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        labels, predicted, labels=np.arange(len(classes)), zero_division=0
    )
    rows = []
    for name, precision, recall, f1, support in zip(classes, *columns, strict=True):
        # The share of a class that is found: what image studies call class-wise accuracy.
        low, high = share_interval(float(recall), int(support))
        rows.append(
            {
                "label": name,
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "support": int(support),
                "accuracy": float(recall),
                "accuracy_low": low,
                "accuracy_high": high,
            }
        )
    return rows


def _confused(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The commonest errors, most rows first."""
    truth, predicted = np.nonzero(confusion)
    wrong = truth != predicted
    truth, predicted = truth[wrong], predicted[wrong]
    counts = confusion[truth, predicted]
    return [
        {
            "label": classes[truth[pair]],
            "predicted": classes[predicted[pair]],
            "n": int(counts[pair]),
        }
        for pair in np.argsort(-counts, kind="stable")[:CONFUSED]
    ]


def _calibration(confidence: np.ndarray, correct: np.ndarray) -> tuple[float, list[dict[str, Any]]]:
    """Expected calibration error, and the bins that hold any row."""
    edges = np.linspace(0, 1, BINS + 1)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    ece, records = 0.0, []
    for index in range(BINS):
        inside = bins == index
        if not inside.any():
            continue
        mean, accuracy = float(confidence[inside].mean()), float(correct[inside].mean())
        ece += inside.mean() * abs(mean - accuracy)
        records.append(
            {
                "low": float(edges[index]),
                "high": float(edges[index + 1]),
                "mean_probability": mean,
                "accuracy": accuracy,
                "n": int(inside.sum()),
            }
        )
    return float(ece), records


def _roc(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, list[float]] | None:
    """The ROC curve of the second of two classes, thinned to `ROC_POINTS`; its thresholds are
    probabilities. None where a class has no row.
    """
    from sklearn.metrics import roc_curve

    if len(np.unique(labels)) < 2:
        return None
    fpr, tpr, scores = roc_curve(labels, standing(probabilities)[:, 1])
    # It begins above every score, at infinity, which JSON does not know.
    sure = scores > 1
    thresholds = np.where(sure, 1 - 1 / np.where(sure, scores, 1), scores)
    kept = np.unique(np.linspace(0, len(fpr) - 1, ROC_POINTS).round().astype(int))
    return {
        "fpr": fpr[kept].tolist(),
        "tpr": tpr[kept].tolist(),
        "thresholds": thresholds[kept].tolist(),
    }
