"""The predictions of all trainings of all models, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.artifacts import read_json
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import Metric
from bakeoff.training.trained import probabilities_in


@dataclass(frozen=True)
class Predictions:
    """Probabilities on one split; rows are in the order of their ids."""

    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    """Shape (rows, classes)."""
    extent: np.ndarray
    """Words of each row's text; 0 for validation rows, and for images."""
    keys: np.ndarray
    """Shape (rows,): `data.splits.Split.keys`; 0 for validation rows, and where an earlier version
    of bakeoff evaluated."""
    exhibits: np.ndarray
    """What to show of the test rows that were predicted wrong (data/exhibits.py); empty for the
    others."""


@dataclass(frozen=True)
class Evaluation:
    """One trained model, evaluated."""

    record: dict[str, Any]
    """evaluation.json."""
    validation: Predictions
    test: Predictions


def read_evaluations(artifacts: Iterable[Path]) -> list[Evaluation]:
    """Every training of some "evaluations" artifacts, in the order of seeds.

    Raises:
        UserError: there is none, or they do not speak of the same rows.
    """
    found = [
        read_evaluation(path.parent)
        for artifact in artifacts
        for path in sorted(artifact.glob("*/evaluation.json"))
    ]
    if not found:
        raise UserError("there is no evaluated model to compare; run `evaluate` first")
    for evaluation in found[1:]:
        if not np.array_equal(evaluation.test.ids, found[0].test.ids):
            raise UserError("the evaluations come from different test splits; run them again")
    return sorted(found, key=lambda evaluation: evaluation.record["seed"])


def first_trainings(evaluations: Iterable[Evaluation]) -> dict[str, Evaluation]:
    """Model name → its training with the lowest seed."""
    first: dict[str, Evaluation] = {}
    for evaluation in evaluations:
        first.setdefault(evaluation.record["model"], evaluation)
    return first


def values_by_model(
    evaluations: Iterable[Evaluation], metric: Metric, split: str
) -> dict[str, np.ndarray]:
    """Model name → shape (rows, trainings): what each row of a split adds to the score of each
    training (`Metric.rows`).

    Args:
        evaluations: all trainings of all models.
        metric: the score.
        split: "validation" or "test".
    """
    columns: dict[str, list[np.ndarray]] = {}
    for evaluation in evaluations:
        part: Predictions = getattr(evaluation, split)
        values = metric.rows(part.labels, part.probabilities)
        columns.setdefault(evaluation.record["model"], []).append(values)
    return {name: np.stack(c, axis=1) for name, c in columns.items()}


def read_evaluation(folder: Path) -> Evaluation:
    """One training from its folder in an "evaluations" artifact."""
    import pandas as pd

    frame = pd.read_parquet(folder / "predictions.parquet").sort_values("id", kind="stable")
    if "key" not in frame:
        frame["key"] = 0

    def part(split: str) -> Predictions:
        rows = frame[frame["split"] == split]
        return Predictions(
            rows["id"].to_numpy("int64"),
            rows["label"].to_numpy("int64"),
            probabilities_in(rows),
            rows["extent"].to_numpy("int64"),
            rows["key"].to_numpy("int64"),
            rows["exhibit"].to_numpy(),
        )

    return Evaluation(read_json(folder / "evaluation.json"), part("validation"), part("test"))
