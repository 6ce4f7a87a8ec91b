"""Where models go wrong together, how far they agree, and what length does to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bakeoff.evaluation.predictions import Evaluation, Predictions, first_trainings

QUANTILES = 5
"""Groups by length, of about equal size."""
SHARED = 20
"""Mistakes of all models that are shown."""


def analyse_errors(
    evaluations: Sequence[Evaluation], classes: Sequence[str], modality: str
) -> dict[str, Any]:
    """Compare the mistakes of models on the test split; the first training of each counts.

    Returns:
        agreement: models and matrix (the share of rows on which two models say the same);
        by_length: records with low, high (words), n and accuracy by model; texts of equal length
            are in the same one;
        shared_mistakes: records with id, text, label, predicted (by most models), models (how
            many), those that the models are surest of first.
    """
    first = first_trainings(evaluations)
    names = list(first)
    some = first[names[0]].test
    probabilities = np.stack([first[name].test.probabilities for name in names])
    predicted = probabilities.argmax(axis=2)
    agreement = [[float((one == other).mean()) for other in predicted] for one in predicted]
    return {
        "agreement": {"models": names, "matrix": agreement},
        "by_length": _by_length(names, predicted == some.labels, some.extent)
        if modality == "text"
        else [],
        "shared_mistakes": _shared(some, probabilities, classes, modality),
    }


def _by_length(
    names: Sequence[str], correct: np.ndarray, words: np.ndarray
) -> list[dict[str, Any]]:
    """`correct` has the shape (models, rows)."""
    bounds = np.unique(np.quantile(words, np.arange(1, QUANTILES) / QUANTILES))
    group = np.searchsorted(bounds, words)
    return [
        {
            "low": int(words[rows].min()),
            "high": int(words[rows].max()),
            "n": int(rows.sum()),
            "accuracy": {
                name: float(right[rows].mean()) for name, right in zip(names, correct, strict=True)
            },
        }
        for rows in (group == index for index in np.unique(group))
    ]


def _shared(
    test: Predictions, probabilities: np.ndarray, classes: Sequence[str], modality: str
) -> list[dict[str, Any]]:
    predicted = probabilities.argmax(axis=2)
    wrong = np.flatnonzero((predicted != test.labels).all(axis=0))
    truth = probabilities[:, wrong, test.labels[wrong]].mean(axis=0)
    return [
        {
            "id": int(test.ids[row]),
            modality: test.exhibits[row],
            "label": classes[test.labels[row]],
            "predicted": classes[int(np.bincount(predicted[:, row]).argmax())],
            "models": len(probabilities),
        }
        for row in wrong[np.argsort(truth, kind="stable")][:SHARED]
    ]
