"""The train step of classical text models: from a dataset folder to a folder of models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from bakeoff import events
from bakeoff.artifacts import new_artifact
from bakeoff.container import CODE
from bakeoff.data.splits import read_split
from bakeoff.formats import duration
from bakeoff.text.classical.models import train_classical
from bakeoff.text.configs import LinearText, TreeText, from_dict
from bakeoff.tracking import Identity, open_run
from bakeoff.training.memory import forget_peak
from bakeoff.training.trained import write_trained


def train_text_classical(
    dataset: Path, models: Path, *, configs: Mapping[str, Any], seed: int
) -> None:
    """Train classical models, on features they share.

    Args:
        dataset: a "dataset" artifact.
        models: where the "models" artifact goes.
        configs: name → configuration, as JSON holds it.
        seed: fixes what is random in them.
    """
    typed = {
        name: cast(LinearText | TreeText, from_dict(config)) for name, config in configs.items()
    }
    training, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    settings = {"configs": dict(configs), "seed": seed}
    events.tell(f"train {', '.join(configs)} on {len(training.labels):,} rows")
    identity = Identity.of_step(dataset, [settings, os.environ.get(CODE)])
    with new_artifact(models, "models", settings=settings, inputs={"dataset": dataset}) as (
        out,
        facts,
    ):
        facts["identity"] = identity.facts()
        for trained in train_classical(typed, training, validation, seed=seed):
            folder = out / trained.folder_name
            write_trained(trained, folder, training.classes, validation)
            events.tell(f"trained {trained.name} in {duration(trained.seconds)}")
            with open_run(
                trained.name, seed, trained.config, out, job="train", identity=identity
            ) as run:
                run.log_training(trained)
            forget_peak()
