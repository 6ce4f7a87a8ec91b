"""The width of the LSTMs, taken from the RNNs' validation results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_json
from bakeoff.evaluation.choice import Candidate, Choice, choose_width
from bakeoff.training.history import best_epoch
from bakeoff.training.trained import model_folders, read_model, read_probabilities


def items_of_chosen_width(
    models: Sequence[Path], later: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The items of the next loop, each with the chosen width in its configuration.

    Args:
        models: "models" artifacts, among them RNNs of several widths.
        later: items with model, seed and configs (a JSON object, name → configuration).
    """
    records = [
        {
            **read_model(folder),
            **read_json(folder / "training.json"),
            "validation": {"n": len(read_probabilities(folder)[0])},
        }
        for artifact in models
        for folder in model_folders(artifact)
    ]
    chosen = choice(records)
    assert chosen is not None
    return [
        {
            **item,
            "seed": int(item["seed"]),
            "configs": json.dumps(
                {
                    name: {**config, "hidden": chosen.width}
                    for name, config in json.loads(item["configs"]).items()
                }
            ),
        }
        for item in later
    ]


def choice(records: Iterable[Mapping[str, Any]]) -> Choice | None:
    """The choice that follows from trained networks; None where they leave none.

    Args:
        records: model, seed, config, history, seconds and validation (n) of each training.
    """
    candidates = [_candidate(record) for record in records if decides(record["config"])]
    return choose_width(candidates) if len({c.width for c in candidates}) > 1 else None


def decides(config: Mapping[str, Any]) -> bool:
    """Whether a configuration takes part in the choice."""
    return config.get("width_role") == "decides"


def follows(config: Mapping[str, Any]) -> bool:
    """Whether a configuration takes its width from the choice."""
    return config.get("width_role") == "follows"


def _candidate(record: Mapping[str, Any]) -> Candidate:
    best = best_epoch(record["history"])
    return Candidate(
        model=record["model"],
        width=record["config"]["hidden"],
        seed=record["seed"],
        validation_accuracy=best["validation_accuracy"],
        validation_rows=record["validation"]["n"],
        overfitting_gap=best["train_accuracy"] - best["validation_accuracy"],
        seconds=record["seconds"],
    )
