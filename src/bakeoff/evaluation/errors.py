"""Where models go wrong together, how far they agree, and what length does to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bakeoff.evaluation.predictions import Evaluation

QUANTILES = 5
"""Groups of equal size, by length."""
SHARED = 20
"""Mistakes of all models that are shown."""


def analyse_errors(evaluations: Sequence[Evaluation], classes: Sequence[str]) -> dict[str, Any]:
    """Compare the mistakes of models on the test split; the first training of each counts.

    Returns:
        agreement: {models, matrix}, the share of rows on which two models say the same;
        by_length: records with low, high (words), n and accuracy by model;
        shared_mistakes: records with id, text, label, predicted (by most models), models (how
            many), those that the models are surest of first.
    """
    first = {e.record["model"]: e for e in reversed(evaluations)}
    names = list(first)[::-1]
    some = first[names[0]].test
    probabilities = np.stack([first[name].test.probabilities for name in names])
    predicted = probabilities.argmax(axis=2)
    matrix = np.array([[(one == other).mean() for other in predicted] for one in predicted])
    return {
        "agreement": {"models": names, "matrix": matrix.tolist()},
        "by_length": _by_length(names, predicted == some.labels, some.words),
        "shared_mistakes": _shared(first[names[0]], probabilities, classes),
    }


def _by_length(
    names: Sequence[str], correct: np.ndarray, words: np.ndarray
) -> list[dict[str, Any]]:
    """`correct` has the shape (models, rows)."""
    groups = np.array_split(np.argsort(words, kind="stable"), QUANTILES)
    return [
        {
            "low": int(words[rows].min()),
            "high": int(words[rows].max()),
            "n": len(rows),
            "accuracy": {
                name: float(right[rows].mean()) for name, right in zip(names, correct, strict=True)
            },
        }
        for rows in groups
        if len(rows)
    ]


def _shared(
    evaluation: Evaluation, probabilities: np.ndarray, classes: Sequence[str]
) -> list[dict[str, Any]]:
    test = evaluation.test
    wrong = np.flatnonzero((probabilities.argmax(axis=2) != test.labels).all(axis=0))
    mean = probabilities.mean(axis=0)
    surest = wrong[np.argsort(mean[wrong, test.labels[wrong]], kind="stable")]
    return [
        {
            "id": int(test.ids[row]),
            "text": test.texts[row],
            "label": classes[test.labels[row]],
            "predicted": classes[int(mean[row].argmax())],
            "models": len(probabilities),
        }
        for row in surest[:SHARED]
    ]
