"""The train step of classical text models: from a dataset folder to a folder of models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from bakeoff.artifacts import new_artifact
from bakeoff.data.splits import read_split
from bakeoff.text.classical.models import train_classical
from bakeoff.text.configs import LinearText, TreeText, from_dict
from bakeoff.tracking import open_run
from bakeoff.training.memory import forget_peak
from bakeoff.training.trained import write_trained


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
            forget_peak()
