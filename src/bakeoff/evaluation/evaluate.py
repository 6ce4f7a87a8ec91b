"""The evaluate step: trained models and the test split to metrics. The only reader of test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.artifacts import new_artifact, read_json, write_json
from bakeoff.data.splits import Split, read_split
from bakeoff.errors import UserError
from bakeoff.evaluation.metrics import classification_metrics
from bakeoff.predictors import Predictor
from bakeoff.tracking import open_run
from bakeoff.training.trained import model_folders, read_model, read_probabilities

MISTAKES = 20
"""Most confident mistakes that are kept with their text."""
_TEXT_LENGTH = 2000


def evaluate(
    models: Path, test: Path, evaluations: Path, *, load: Callable[[Path], Predictor]
) -> dict[str, float]:
    """Score every model of an artifact on the test split.

    Args:
        models: a "models" artifact.
        test: a "test" artifact.
        evaluations: where the "evaluations" artifact goes: a folder a model with evaluation.json
            and predictions.parquet (validation and test rows with their probabilities, length and,
            where the model is wrong, text).
        load: makes a predictor of a model folder.

    Returns:
        Model folder name → test accuracy.

    Raises:
        UserError: there is no model, or one knows other classes than the test split has, or
            predicts no numbers.
    """
    split = read_split(test, "test")
    folders = model_folders(models)
    if not folders:
        raise UserError(f"{models} holds no trained model; train one first")
    inputs = {"models": models, "test": test}
    accuracies = {}
    with new_artifact(evaluations, "evaluations", settings={}, inputs=inputs) as (out, _):
        for folder in folders:
            model = read_model(folder)
            if model["classes"] != split.classes:
                raise UserError(
                    f"{folder.name} knows the classes {model['classes']}, but the test split has "
                    f"{split.classes}; train on the same classes"
                )
            predictor = load(folder)
            started = time.perf_counter()
            probabilities = predictor.probabilities(split.inputs)
            seconds = time.perf_counter() - started
            probabilities = checked(probabilities, folder.name)
            target = out / folder.name
            target.mkdir()
            record = {
                **describe(folder),
                "predictions_per_second": len(split.labels) / seconds,
                "test": classification_metrics(split.labels, probabilities, split.classes),
                "mistakes": list(mistakes(split, probabilities)),
            }
            _write_predictions(target / "predictions.parquet", folder, split, probabilities)
            write_json(target / "evaluation.json", record)
            accuracies[folder.name] = record["test"]["accuracy"]
            name, seed, config = model["model"], model["seed"], model["config"]
            with open_run(name, seed, config, out, job="evaluate") as run:
                run.log_evaluation(record, split.labels, probabilities)
                run.log_model(folder, model["kind"])
    return accuracies


def checked(probabilities: np.ndarray, name: str) -> np.ndarray:
    """The probabilities that are measured: to the last bit those that predictions.parquet holds.

    Raises:
        UserError: the model `name` predicted no numbers.
    """
    if not np.isfinite(probabilities).all():
        raise UserError(
            f"{name} predicts probabilities that are no numbers: its training diverged; train it "
            "with a lower learning rate"
        )
    return probabilities.astype("float32").astype("float64")


def describe(folder: Path) -> dict[str, Any]:
    """What a model folder says about itself, its validation metrics included."""
    rows, probabilities = read_probabilities(folder / "validation.parquet")
    model, training = read_model(folder), read_json(folder / "training.json")
    return {
        **model,
        **training,
        "folder": str(folder),
        "size_bytes": sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
        "validation": classification_metrics(
            rows["label"].to_numpy("int64"), probabilities, model["classes"]
        ),
    }


def mistakes(split: Split, probabilities: np.ndarray) -> Iterator[dict[str, Any]]:
    """The mistakes a model was most certain of."""
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != split.labels)
    for row in wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]:
        yield {
            "id": int(split.ids[row]),
            "text": _cut(split.inputs[row]),
            "label": split.classes[split.labels[row]],
            "predicted": split.classes[predicted[row]],
            "probability": float(confidence[row]),
        }


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LENGTH else text[:_TEXT_LENGTH] + "…"


def _write_predictions(path: Path, folder: Path, split: Split, probabilities: np.ndarray) -> None:
    import pandas as pd

    validation = pd.read_parquet(folder / "validation.parquet").assign(split="validation")
    validation = validation.assign(words=0, text="")
    wrong = probabilities.argmax(axis=1) != split.labels
    texts = [_cut(text) if bad else "" for text, bad in zip(split.inputs, wrong, strict=True)]
    test = pd.DataFrame(
        {
            "id": split.ids,
            "label": split.labels,
            "split": "test",
            "words": [len(text.split()) for text in split.inputs],
            "text": texts,
        }
    )
    for index in range(probabilities.shape[1]):
        test[f"p{index}"] = probabilities[:, index].astype("float32")
    pd.concat([validation, test], ignore_index=True).to_parquet(path, index=False)
