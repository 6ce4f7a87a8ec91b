"""The evaluate step: trained models and the test split to metrics. The only reader of test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff import events
from bakeoff.artifacts import new_artifact, read_json, write_json
from bakeoff.data.exhibits import exhibit, extent
from bakeoff.data.splits import Split, read_split
from bakeoff.errors import UserError
from bakeoff.evaluation.cost import predictions_per_second
from bakeoff.evaluation.embeddings import Embedder, embedding_facts
from bakeoff.evaluation.metrics import classification_metrics, validation_metrics
from bakeoff.evaluation.reconstructions import Reconstructor, reconstruction_facts
from bakeoff.evaluation.scores import standing
from bakeoff.formats import duration, percent
from bakeoff.tracking import Identity, open_run
from bakeoff.training.trained import (
    Predictor,
    as_used,
    model_folders,
    probability_frame,
    read_model,
)

MISTAKES = 20
"""Most confident mistakes that are kept with their text or picture."""


def evaluate(
    models: Sequence[Path], test: Path, evaluations: Path, *, load: Callable[[Path], Predictor]
) -> dict[str, float]:
    """Score trained models on the test split.

    Args:
        models: "models" artifacts.
        test: a "test" artifact.
        evaluations: where the "evaluations" artifact goes: a folder a model with evaluation.json
            and predictions.parquet (validation and test rows with their probabilities; of test also
            extent, key (`Split.keys`) and, where the model is wrong, exhibit). Of an autoencoder,
            which says nothing of classes, the folder holds autoencoder.json instead.
        load: makes a predictor of a model folder.

    Returns:
        Model folder name → test accuracy.

    Raises:
        UserError: there is no model, or one knows other classes than the test split has, or
            predicts no numbers.
    """
    split = read_split(test, "test")
    folders = [(folder, artifact) for artifact in models for folder in model_folders(artifact)]
    if not folders:
        places = ", ".join(map(str, models)) or "what was given"
        raise UserError(f"{places} holds no trained model; train one first")
    inputs = {f"models{i}": path for i, path in enumerate(models)} | {"test": test}
    keys = split.keys()
    identities = {artifact: Identity.of_models(artifact) for artifact in models}
    accuracies = {}
    events.tell(f"score {len(folders)} trainings on {len(split.labels):,} test rows")
    with new_artifact(evaluations, "evaluations", settings={}, inputs=inputs) as (out, _):
        for folder, artifact in folders:
            model, identity = read_model(folder), identities[artifact]
            if model["classes"] != split.classes:
                raise UserError(
                    f"{folder.name} knows the classes {model['classes']}, but the test split has "
                    f"{split.classes}; train on the same classes"
                )
            predictor = load(folder)
            target = out / folder.name
            target.mkdir()
            described = describe(folder)
            name, seed, config = model["model"], model["seed"], as_used(described)
            if isinstance(predictor, Reconstructor):
                record = described | reconstruction_facts(predictor, folder, split)
                record["wandb"] = {"group": identity.group, "id": identity.run_id(name, seed)}
                write_json(target / "autoencoder.json", record)
                with open_run(name, seed, config, out, job="evaluate", identity=identity) as run:
                    run.log_evaluation(record, folder)
                continue
            started = time.perf_counter()
            probabilities = predictor.probabilities(split.inputs)
            seconds = time.perf_counter() - started
            probabilities = checked(probabilities, folder.name)
            speed = predictions_per_second(predictor.probabilities, split, seconds)
            record = {
                **described,
                "wandb": {"group": identity.group, "id": identity.run_id(name, seed)},
                "validation": validation_metrics(folder),
                "predictions_per_second": speed["median"],
                "timing": speed,
                "test": classification_metrics(split.labels, probabilities, split.classes),
                "mistakes": list(mistakes(split, probabilities)),
            }
            if isinstance(predictor, Embedder):
                record["embedding"] = embedding_facts(predictor, folder, split)
            _write_predictions(target, folder, split, keys, probabilities)
            write_json(target / "evaluation.json", record)
            accuracies[folder.name] = record["test"]["accuracy"]
            events.tell(
                f"{name} seed {seed}: accuracy {percent(accuracies[folder.name])} on test, "
                f"{duration(seconds)}"
            )
            with open_run(name, seed, config, out, job="evaluate", identity=identity) as run:
                run.log_evaluation(record, folder, split.labels, probabilities)
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
    """What a model folder says about itself."""
    return {
        **read_model(folder),
        **read_json(folder / "training.json"),
        "folder": str(folder),
        "size_bytes": sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
    }


def mistakes(split: Split, probabilities: np.ndarray) -> Iterator[dict[str, Any]]:
    """The mistakes a model was most certain of."""
    predicted = probabilities.argmax(axis=1)
    certainty = standing(probabilities).max(axis=1)
    wrong = np.flatnonzero(predicted != split.labels)
    for row in wrong[np.argsort(-certainty[wrong], kind="stable")][:MISTAKES]:
        yield {
            "id": int(split.ids[row]),
            split.modality: exhibit(split.inputs, row),
            "label": split.classes[split.labels[row]],
            "predicted": split.classes[predicted[row]],
            "probability": float(probabilities[row].max()),
        }


def _write_predictions(
    target: Path, folder: Path, split: Split, keys: np.ndarray, probabilities: np.ndarray
) -> None:
    import pandas as pd

    validation = pd.read_parquet(folder / "validation.parquet").assign(split="validation")
    validation = validation.assign(extent=0, key=0, exhibit="")
    wrong = probabilities.argmax(axis=1) != split.labels
    exhibits = [exhibit(split.inputs, row) if bad else "" for row, bad in enumerate(wrong)]
    test = probability_frame(split.ids, split.labels, probabilities).assign(
        split="test", extent=extent(split.inputs), key=keys, exhibit=exhibits
    )
    rows = pd.concat([validation, test], ignore_index=True)
    rows.to_parquet(target / "predictions.parquet", index=False)
