"""The width of the LSTMs, taken from the RNNs' validation results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.artifacts import read_json
from bakeoff.changes import merged
from bakeoff.errors import UserError
from bakeoff.evaluation.choice import Candidate, Choice, choose_width
from bakeoff.evaluation.metrics import validation_metrics
from bakeoff.evaluation.scores import Metric, get_metric
from bakeoff.training.history import best_epoch
from bakeoff.training.trained import model_folders, read_model


def items_of_chosen_width(
    models: Sequence[Path], later: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The items of the next loop, each with the chosen width in its settings.

    Args:
        models: "models" artifacts, among them RNNs of several widths.
        later: items with model, seed and settings (see `bakeoff.changes`).
    """
    records = [
        {
            **read_model(folder),
            **read_json(folder / "training.json"),
            "validation": validation_metrics(folder),
        }
        for artifact in models
        for folder in model_folders(artifact)
    ]
    chosen = choice(records)
    assert chosen is not None
    events.tell(chosen.sentence)
    return [
        {
            **item,
            "seed": int(item["seed"]),
            "settings": merged(item["settings"], {"hidden": chosen.width}),
        }
        for item in later
    ]


def choice(records: Iterable[Mapping[str, Any]]) -> Choice | None:
    """The choice that follows from trained networks; None where they leave none.

    Args:
        records: model, seed, config, history, seconds and validation (metrics) of each training.
    """
    deciding = [record for record in records if decides(record["config"])]
    if len({record["config"]["hidden"] for record in deciding}) < 2:
        return None
    metric = get_metric(deciding[0]["config"]["training"]["metric"])
    return choose_width([_candidate(record, metric) for record in deciding], metric)


def decides(config: Mapping[str, Any]) -> bool:
    """Whether a configuration takes part in the choice."""
    return config.get("width_role") == "decides"


def follows(config: Mapping[str, Any]) -> bool:
    """Whether a configuration takes its width from the choice."""
    return config.get("width_role") == "follows"


def _candidate(record: Mapping[str, Any], metric: Metric) -> Candidate:
    best = best_epoch(record["history"], metric.name)
    validation = record["validation"]
    if validation[metric.key] is None:
        raise UserError(
            f"the {metric.words} means nothing on validation rows of one class: choose another "
            "--metric, or give validation rows of every class"
        )
    return Candidate(
        model=record["model"],
        width=record["config"]["hidden"],
        seed=record["seed"],
        validation_score=validation[metric.key],
        standard_error=validation[f"{metric.key}_error"],
        overfitting_gap=best["train_accuracy"] - best["validation_accuracy"],
        seconds=record["seconds"],
    )
