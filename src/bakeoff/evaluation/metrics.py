"""Metrics of a classifier, for two classes and for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bakeoff.evaluation.bootstrap import accuracy_interval

BINS = 10
"""Equal-width bins of confidence."""
ROC_POINTS = 200


def classification_metrics(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Everything a report says about one model on one split.

    With two classes precision, recall and F1 are those of the second, the positive one; with more
    they are macro means. A ratio without cases is 0.

    Args:
        labels: shape (n,), indices of classes.
        probabilities: shape (n, k); rows sum to 1.
        classes: k names.

    Returns:
        n, accuracy with its 95 % interval, precision, recall, f1 and their `average`, per_class,
        macro and weighted means, confusion (rows are true classes), log_loss, brier (sum over
        classes of squared errors, mean over rows; Brier 1950), ece (Guo et al. 2017), calibration
        bins, and for two classes roc and auc, which are None otherwise. With more than five classes
        also top5_accuracy, with top5_low and top5_high.
    """
    n, k = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    low, high = accuracy_interval(correct[:, None].astype(float))
    confusion = np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)
    per_class = _per_class(confusion, classes)
    support = confusion.sum(axis=1)
    macro = {name: float(np.mean([row[name] for row in per_class])) for name in _SCORES}
    weighted = {
        name: float(np.average([row[name] for row in per_class], weights=support))
        for name in _SCORES
    }
    summary = {name: per_class[1][name] for name in _SCORES} if k == 2 else macro
    truth = np.eye(k)[labels]
    of_truth = probabilities[np.arange(n), labels]
    ece, calibration = _calibration(probabilities.max(axis=1), correct)
    roc, auc = _roc(labels, probabilities[:, 1]) if k == 2 else (None, None)
    result = {
        "n": n,
        "accuracy": float(correct.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        **summary,
        "average": f"binary: {classes[1]}" if k == 2 else "macro",
        "per_class": per_class,
        "macro": macro,
        "weighted": weighted,
        "confusion": confusion.tolist(),
        "log_loss": float(np.log(1 / np.maximum(of_truth, 1e-15)).mean()),
        "brier": float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        "ece": ece,
        "calibration": calibration,
        "roc": roc,
        "auc": auc,
    }
    if k > 5:
        best = np.argpartition(-probabilities, 5, axis=1)[:, :5]
        hits = int((best == labels[:, None]).any(axis=1).sum())
        result["top5_accuracy"] = hits / n
        result["top5_low"], result["top5_high"] = _interval(hits, n)
    return result


_SCORES = ("precision", "recall", "f1")


def _per_class(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    hits = np.diag(confusion)
    intervals = [_interval(*pair) for pair in zip(hits, confusion.sum(axis=1), strict=True)]
    precision = _ratio(hits, confusion.sum(axis=0))
    recall = _ratio(hits, confusion.sum(axis=1))
    f1 = _ratio(2 * precision * recall, precision + recall)
    return [
        {
            "label": name,
            "precision": float(precision[index]),
            "recall": float(recall[index]),
            "f1": float(f1[index]),
            "support": int(confusion[index].sum()),
            # The share of a class that is found: what image studies call class-wise accuracy.
            "accuracy": float(recall[index]),
            "accuracy_low": intervals[index][0],
            "accuracy_high": intervals[index][1],
        }
        for index, name in enumerate(classes)
    ]


def _interval(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): that of all shares where there is no case."""
    from scipy.stats import binomtest

    if not n:
        return 0.0, 1.0
    low, high = binomtest(int(hits), int(n)).proportion_ci(method="wilson")
    return float(low), float(high)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(
        numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0, dtype=float
    )


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


def _roc(
    labels: np.ndarray, scores: np.ndarray
) -> tuple[dict[str, list[float]] | None, float | None]:
    """The ROC curve, thinned to `ROC_POINTS`, and the area under the whole of it."""
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if not positives or not negatives:
        return None, None
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], labels[order] == 1
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    tpr = np.concatenate([[0.0], np.cumsum(hits)[last] / positives])
    fpr = np.concatenate([[0.0], np.cumsum(~hits)[last] / negatives])
    thresholds = np.concatenate([[1.0], ranked[last]])
    auc = float(np.trapezoid(tpr, fpr))
    kept = np.unique(np.linspace(0, len(fpr) - 1, ROC_POINTS).round().astype(int))
    curve = {
        "fpr": fpr[kept].tolist(),
        "tpr": tpr[kept].tolist(),
        "thresholds": thresholds[kept].tolist(),
    }
    return curve, auc
