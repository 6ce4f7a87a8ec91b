"""The width of the LSTMs, taken from the RNNs' validation results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_json
from bakeoff.evaluation.choice import Candidate, Choice, choose_width
from bakeoff.training.trained import model_folders, read_model, read_probabilities


def items_of_chosen_width(
    models: Sequence[Path], later: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The items of the next loop, each with the chosen width in its configuration.

    Args:
        models: "models" artifacts, among them RNNs of several widths.
        later: items with model, seed and config (a JSON object).
    """
    width = choose(folder for artifact in models for folder in model_folders(artifact)).width
    return [
        {
            "model": item["model"],
            "seed": int(item["seed"]),
            "config": json.dumps({**json.loads(item["config"]), "hidden": width}),
        }
        for item in later
    ]


def choose(folders: Iterable[Path]) -> Choice:
    """The choice that follows from the RNNs among these model folders."""
    return choose_width([c for folder in folders if (c := _candidate(folder))])


def is_candidate(config: dict[str, Any]) -> bool:
    """Whether a configuration takes part in the choice: a plain RNN."""
    return config.get("encoder") == "rnn"


def follows_choice(config: dict[str, Any]) -> bool:
    """Whether a configuration takes its width from the choice: an LSTM."""
    return config.get("encoder") == "lstm"


def _candidate(folder: Path) -> Candidate | None:
    model = read_model(folder)
    if not is_candidate(model["config"]):
        return None
    training = read_json(folder / "training.json")
    best = min(training["history"], key=lambda record: record["validation_loss"])
    rows, _ = read_probabilities(folder / "validation.parquet")
    return Candidate(
        model=model["model"],
        width=model["config"]["hidden"],
        seed=model["seed"],
        validation_accuracy=best["validation_accuracy"],
        validation_rows=len(rows),
        overfitting_gap=best["train_accuracy"] - best["validation_accuracy"],
        seconds=training["seconds"],
    )
