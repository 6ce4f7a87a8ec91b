"""Where a model comes from, as W&B artifacts: data set → model → evaluation.

Offline W&B records what a run made, not what it used; `bakeoff sync` adds that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def use_dataset(wandb: Any, run: Any, dataset: Mapping[str, Any]) -> None:
    """Say which data a run used: their name, hash and sizes, never the data.

    Args:
        wandb: the module.
        run: the W&B run.
        dataset: as in `Identity.dataset`.
    """
    if run.offline or not dataset:
        return
    name = f"{_name(dataset['data'])}-{dataset['data_hash'][:8]}"
    artifact = wandb.Artifact(name, type="dataset", metadata=dict(dataset))
    with artifact.new_file("dataset.json") as stream:
        json.dump(dataset, stream, indent=2, sort_keys=True)
    run.use_artifact(artifact)


def log_model(wandb: Any, run: Any, folder: Path, kind: str) -> Any:
    """A model folder as an artifact of type "model", the run's own.

    Offline, the artifact's record points to the folder, which must be where it stays; nothing is
    copied.
    """
    artifact = wandb.Artifact(run.id, type="model", metadata={"kind": kind})
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        artifact.add_file(str(path), name=str(path.relative_to(folder)), policy="immutable")
    return run.log_artifact(artifact)


def log_evaluation(wandb: Any, run: Any, model: Any, figures: Mapping[str, Any]) -> None:
    """Figures as an artifact of type "evaluation", made from the model."""
    if not run.offline:
        model.wait()
        run.use_artifact(model)
    artifact = wandb.Artifact(f"{run.id}-evaluation", type="evaluation", metadata=dict(figures))
    with artifact.new_file("figures.json") as stream:
        json.dump(figures, stream, indent=2, sort_keys=True)
    run.log_artifact(artifact)


def _name(text: str) -> str:
    """In the characters that the name of an artifact may have."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")[:80] or "data"
