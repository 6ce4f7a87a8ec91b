"""Labelling new texts with a model of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bakeoff.running.runs import RunFolder, model_folder, trainings


def predict(run: RunFolder, texts: Sequence[str], model: str = "") -> list[dict[str, Any]]:
    """The label of each text and its probability.

    Args:
        run: a finished run.
        texts: what to label.
        model: a model of the run; none means the winner.

    Returns:
        One record a text: text, label, probability, probabilities by class.

    Raises:
        UserError: the run is not finished, has no such model, or the model was removed.
    """
    results = run.results
    entries = trainings(results, model or results["winner"]["model"])
    entry = entries[0]
    if not model:
        entry = next(e for e in entries if e["seed"] == results["winner"]["seed"])
    folder = model_folder(run, entry)
    from bakeoff.predictors import load

    predictor = load(folder)
    probabilities = predictor.probabilities(list(texts))
    return [
        {
            "text": text,
            "label": predictor.classes[int(row.argmax())],
            "probability": float(row.max()),
            "probabilities": dict(zip(predictor.classes, map(float, row), strict=True)),
        }
        for text, row in zip(texts, probabilities, strict=True)
    ]
