"""What every model is measured against: always the same answer, whatever it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff.evaluation.metrics import classification_metrics
from bakeoff.evaluation.predictions import Evaluation, Predictions

NAME = "largest-class"
KIND = "baseline"


def largest_class(dataset: Mapping[str, Any], like: Evaluation) -> Evaluation:
    """The model that gives every row the shares of the classes in the training split, and so names
    the largest (scikit-learn's DummyClassifier, strategy "prior"). It costs nothing.

    Args:
        dataset: facts of the dataset: classes and class_counts.
        like: any evaluation; the baseline's is of the same rows.
    """
    counts = dataset["class_counts"]["train"]
    numbers = np.array([counts.get(name, 0) for name in dataset["classes"]], float)
    prior = numbers / numbers.sum()
    validation, test = (_answered(prior, part) for part in (like.validation, like.test))
    record = {
        "model": NAME,
        "kind": KIND,
        "seed": like.record["seed"],
        "seconds": 0.0,
        "timing": None,
        "peak_memory_bytes": 0,
        "parameters": len(prior),
        "size_bytes": 0,
        "validation": _metrics(validation, dataset["classes"]),
        "test": _metrics(test, dataset["classes"]),
    }
    return Evaluation(record, validation, test)


def _answered(prior: np.ndarray, part: Predictions) -> Predictions:
    shape = (len(part.labels), len(prior))
    return replace(part, probabilities=np.broadcast_to(prior, shape))


def _metrics(part: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    return classification_metrics(part.labels, part.probabilities, classes)
