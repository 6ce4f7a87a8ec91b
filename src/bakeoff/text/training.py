"""The train steps of text: from a dataset folder to a folder of models."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from bakeoff.artifacts import artifact_hash, new_artifact, settings_hash
from bakeoff.data.splits import read_split
from bakeoff.text.configs import LinearText, TextNetwork, TreeText, from_dict
from bakeoff.tracking import open_run
from bakeoff.training.trained import write_trained

CHECKPOINTS = "BAKEOFF_CHECKPOINTS"
"""Folder for the checkpoints of interrupted networks; without the variable none are written."""


def train_text_classical(
    dataset: Path, models: Path, *, lineup: Mapping[str, Any], seed: int
) -> None:
    """Train every classical model of the line-up, on features they share.

    Args:
        dataset: a "dataset" artifact.
        models: where the "models" artifact goes.
        lineup: name → configuration, as JSON holds it.
        seed: fixes what is random in them.
    """
    from bakeoff.text.classical import train_classical

    configs = {
        name: cast(LinearText | TreeText, from_dict(config)) for name, config in lineup.items()
    }
    training, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    settings = {"lineup": dict(lineup), "seed": seed}
    with new_artifact(models, "models", settings=settings, inputs={"dataset": dataset}) as (out, _):
        for trained in train_classical(configs, training, validation, seed=seed):
            folder = out / trained.folder_name
            write_trained(trained, folder, training.classes, validation)
            with open_run(trained.name, seed, trained.config, out, job="train") as run:
                run.log_training(trained)


def train_text_network(
    dataset: Path,
    models: Path,
    *,
    name: str,
    config: Mapping[str, Any],
    seed: int,
    threads: int,
    code: str = "",
    vectors: str = "",
) -> None:
    """Train one network; an interrupted one goes on from its last epoch.

    Args:
        dataset: a "dataset" artifact.
        models: where the "models" artifact goes; it holds this one model.
        name: of the model in the registry.
        config: its configuration, as JSON holds it.
        seed: fixes weights, order of batches and dropout.
        threads: CPU threads; a result repeats bit for bit on the same number only.
        code: hash of the code that trains; a checkpoint of other code is not continued.
        vectors: hash of the file of word vectors, likewise.
    """
    from bakeoff.text.network import train_network
    from bakeoff.training.loop import EventObserver

    training, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    settings = {"name": name, "config": dict(config), "seed": seed, "threads": threads}
    checkpoint = None
    if root := os.environ.get(CHECKPOINTS):
        checkpoint = Path(root) / settings_hash([settings, artifact_hash(dataset), code, vectors])
    with (
        new_artifact(models, "models", settings=settings, inputs={"dataset": dataset}) as (out, _),
        open_run(name, seed, dict(config), out, job="train") as run,
    ):
        trained = train_network(
            name,
            cast(TextNetwork, from_dict(config)),
            training,
            validation,
            seed=seed,
            threads=threads,
            checkpoint=checkpoint,
            observers=[EventObserver(name, seed), run],
        )
        folder = out / trained.folder_name
        write_trained(trained, folder, training.classes, validation)
        run.log_training(trained)
    if checkpoint:
        shutil.rmtree(checkpoint, ignore_errors=True)
