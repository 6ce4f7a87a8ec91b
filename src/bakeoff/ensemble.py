"""A weighted mean of the probabilities of other models, weights fitted on validation."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff import events
from bakeoff.artifacts import artifact_hash, new_artifact, read_json, write_json
from bakeoff.errors import UserError
from bakeoff.evaluation.mixture import cross_fitted, mixture_weights
from bakeoff.tracking import Identity, open_run
from bakeoff.training.trained import (
    Predictor,
    Trained,
    model_folders,
    read_model,
    read_probabilities,
    write_trained,
)

if TYPE_CHECKING:
    import pandas as pd

_WEIGHTS, _MEMBERS = "weights.json", "members"


@dataclass(frozen=True)
class _Validation:
    """The rows that members were validated on."""

    ids: np.ndarray
    labels: np.ndarray


class EnsemblePredictor:
    """The mean of its members' probabilities, each with its weight."""

    def __init__(self, classes: list[str], members: Mapping[str, tuple[float, Predictor]]) -> None:
        self.classes = classes
        self._members = members

    def probabilities(self, inputs: Sequence[Any]) -> np.ndarray:
        """Shape (inputs, classes), float64; rows sum to 1."""
        return np.sum(
            [weight * member.probabilities(inputs) for weight, member in self._members.values()],
            axis=0,
        )


def load_ensemble(
    folder: Path, model: Mapping[str, Any], load: Callable[[Path], Predictor]
) -> EnsemblePredictor:
    """The ensemble of a model folder; `model` is its model.json, `load` loads its members.

    Raises:
        UserError: a member lies outside the folder.
    """
    weights, inside = read_json(folder / _WEIGHTS), (folder / _MEMBERS).resolve()
    for name in weights:
        if (inside / name).resolve().parent != inside:
            raise UserError(
                f"{folder / _WEIGHTS} names the member {name!r}, which is not in {_MEMBERS}/; get "
                "the model again from where it was trained"
            )
    members = {name: (w, load(inside / name)) for name, w in weights.items()}
    return EnsemblePredictor(model["classes"], members)


def train_ensemble(
    members: Sequence[Path],
    models: Path,
    *,
    name: str,
    config: Mapping[str, Any],
    seeds: Sequence[int],
) -> None:
    """Mix trained models, once a seed; the folder of an ensemble holds copies of its members.

    Args:
        members: "models" artifacts.
        models: where the "models" artifact goes.
        name: of the ensemble in the registry.
        config: its configuration, as JSON holds it.
        seeds: of the trainings that are mixed with each other; a model that was trained once
            takes part in every ensemble.

    Raises:
        UserError: there is no model to mix.
    """
    folders: dict[str, dict[int, Path]] = {}
    for artifact in members:
        for folder in model_folders(artifact):
            model = read_model(folder)
            folders.setdefault(model["model"], {})[model["seed"]] = folder
    if not folders:
        raise UserError(f"{name} has no model to mix: name others beside it with --models")
    settings = {"name": name, "config": dict(config), "seeds": list(seeds)}
    inputs = {f"models{i}": path for i, path in enumerate(members)}
    identity = Identity.of_mixture(members[0], [settings, [artifact_hash(m) for m in members]])
    with new_artifact(models, "models", settings=settings, inputs=inputs) as (out, facts):
        facts["identity"] = identity.facts()
        for seed in seeds:
            chosen = [of_seed.get(seed) or min(of_seed.items())[1] for of_seed in folders.values()]
            trained, validation, classes = _mix(chosen, name, config, seed)
            write_trained(trained, out / trained.folder_name, classes, validation)
            events.tell(f"mixed, seed {seed}: {trained.facts['weights']}")
            with open_run(name, seed, config, out, job="train", identity=identity) as run:
                run.log_training(trained)


def _mix(
    folders: Sequence[Path], name: str, config: Mapping[str, Any], seed: int
) -> tuple[Trained, _Validation, list[str]]:
    started = time.perf_counter()
    rows, probabilities = zip(
        *(_sorted(read_probabilities(folder)) for folder in folders),
        strict=True,
    )
    labels = rows[0]["label"].to_numpy("int64")
    stacked = np.stack(probabilities)
    least = config["least_weight"]
    weights = mixture_weights(stacked, labels, least)
    mixed = [(f, float(w)) for f, w in zip(folders, weights, strict=True) if w > 0]
    costs = [read_json(folder / "training.json") for folder, _ in mixed]

    def save(target: Path) -> None:
        write_json(target / _WEIGHTS, {folder.name: weight for folder, weight in mixed})
        for folder, _ in mixed:
            shutil.copytree(folder, target / _MEMBERS / folder.name)

    trained = Trained(
        name=name,
        seed=seed,
        kind="ensemble",
        config=dict(config),
        parameters=sum(cost["parameters"] for cost in costs) + len(mixed),
        seconds=sum(cost["seconds"] for cost in costs) + time.perf_counter() - started,
        threads=max(cost["threads"] for cost in costs),
        validation_probabilities=cross_fitted(stacked, labels, least),
        save=save,
        facts={"weights": {folder.name: round(weight, 4) for folder, weight in mixed}},
    )
    validation = _Validation(rows[0]["id"].to_numpy("int64"), labels)
    return trained, validation, read_model(folders[0])["classes"]


def _sorted(read: tuple[pd.DataFrame, np.ndarray]) -> tuple[pd.DataFrame, np.ndarray]:
    frame, probabilities = read
    order = np.argsort(frame["id"].to_numpy(), kind="stable")
    return frame.iloc[order], probabilities[order]
