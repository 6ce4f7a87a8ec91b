"""Labelling new texts or images with a model of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bakeoff.errors import UserError
from bakeoff.running.runs import RunFolder, model_folder, trainings


def predict(run: RunFolder, inputs: Sequence[str], model: str = "") -> list[dict[str, Any]]:
    """The label of each text or image and its probability.

    Args:
        run: a finished run.
        inputs: what to label: texts, or paths of image files.
        model: a model of the run; none means the winner.

    Returns:
        One record an input: text or image (its path), label, probability, probabilities by class.

    Raises:
        UserError: the run is not finished, has no such model, or the model was removed; an image
            cannot be used.
    """
    results = run.results
    entries = trainings(results, model or results["winner"]["model"])
    entry = entries[0]
    if not model:
        entry = next(e for e in entries if e["seed"] == results["winner"]["seed"])
    folder = model_folder(run, entry)
    from bakeoff.predictors import load

    predictor = load(folder)
    modality = results["dataset"]["modality"]
    probabilities: Any
    if modality == "text":
        probabilities = predictor.probabilities(list(inputs))
    else:
        # One by one: some may be grey.
        sides = results["dataset"]["image"]
        probabilities = [predictor.probabilities(_image(path, sides))[0] for path in inputs]
    return [
        {
            modality: given,
            "label": predictor.classes[int(row.argmax())],
            "probability": float(row.max()),
            "probabilities": dict(zip(predictor.classes, map(float, row), strict=True)),
        }
        for given, row in zip(inputs, probabilities, strict=True)
    ]


def _image(path: str, sides: Mapping[str, int]) -> Any:
    """An image file in the size of the run's own, uint8 (1, height, width, channels)."""
    from bakeoff.data.decoding import UnusableError, decode

    try:
        return decode(Path(path).read_bytes(), (sides["width"], sides["height"]))[None]
    except (OSError, UnusableError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"cannot use the image {path}: {reason}") from None
