"""Labelling new texts or images with a model of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.data.characters import normalised
from bakeoff.errors import UserError
from bakeoff.running.runs import RunFolder, model_folder, trainings

if TYPE_CHECKING:
    import numpy as np

_UNLABELLED: dict[str, Any] = {"label": None, "probability": None, "probabilities": {}}


def predict(run: RunFolder, inputs: Sequence[str], model: str = "") -> list[dict[str, Any]]:
    """The label of each text or image and its probability.

    Args:
        run: a finished run.
        inputs: what to label: texts, or paths of image files.
        model: a model of the run; none means the winner.

    Returns:
        One record an input: text or image (its path), label, probability, probabilities by class.
        A blank input has no label: None, None and an empty dictionary.

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
    given = [one for one in inputs if one.strip()]
    content = (
        [normalised(text) for text in given]
        if modality == "text"
        else _pictures(given, results["dataset"]["image"])
    )
    rows = iter(predictor.probabilities(content) if given else ())

    def labelled(one: str) -> dict[str, Any]:
        return _record(predictor.classes, next(rows)) if one.strip() else _UNLABELLED

    return [{modality: one, **labelled(one)} for one in inputs]


def _record(classes: Sequence[str], row: np.ndarray) -> dict[str, Any]:
    return {
        "label": classes[int(row.argmax())],
        "probability": float(row.max()),
        "probabilities": dict(zip(classes, map(float, row), strict=True)),
    }


def _pictures(paths: Sequence[str], own: Mapping[str, Any]) -> np.ndarray:
    """Image files in the size and the range of values of the run's own: uint8, shape (n, height,
    width, channels).
    """
    from bakeoff.data.decoding import pack
    from bakeoff.data.depth import as_learned

    size = (own["width"], own["height"])
    packed = pack(lambda row: Path(paths[row]).read_bytes(), paths, size, "the images")
    if packed.unusable:
        row, reason = next(iter(packed.unusable.items()))
        raise UserError(f"cannot use the image {paths[row]}: {reason}")
    return as_learned(packed.pixels, own, "the images")
