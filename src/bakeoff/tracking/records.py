"""What a W&B run holds: which figures, under which names, and which way is better."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

AXES = ("epoch", "seconds", "examples")
"""What curves can be drawn over; the first is what they are drawn over unless asked otherwise."""

_FIGURES = {
    **{"top5_accuracy": "max", "precision": "max", "recall": "max", "f1": "max"},
    **{"mse": "min", "brier": "min", "ece": "min"},
}
"""Of an evaluation beside what curves show → which end is best."""
_SECRET = re.compile(
    r"(^|[_.-])(api_?key|secret|token|password|passwd|credentials?)($|[_.-])", re.I
)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY = re.compile(r"(\w://[^?#\s]*)[?#]\S*")


def without_secrets(value: Any) -> Any:
    """The same settings without entries named like secrets, and URLs without user:password@ and
    query, which may be a signature.

    >>> without_secrets({"api_key": "x", "max_tokens": 256, "data": "s3://me:pw@host/a?sig=b"})
    {'max_tokens': 256, 'data': 's3://host/a'}
    """
    if isinstance(value, Mapping):
        return {
            key: without_secrets(item) for key, item in value.items() if not _SECRET.search(key)
        }
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    if isinstance(value, str):
        return _QUERY.sub(r"\1", _LOGIN.sub("", value))
    return value


def define_metrics(run: Any) -> None:
    """Say what curves run over, and of each figure which way is better.

    Every part of a run says all of it: parts that were recorded offline replace what was said
    before.
    """
    curves = _curves()
    for axis in AXES:
        run.define_metric(axis, hidden=True)
    for name in ("train/*", "validation/*", "learning_rate", "epoch_seconds", "reconstruction/*"):
        run.define_metric(name, step_metric=AXES[0], summary="none")
    for key, best in curves.items():
        for split in ("train", "validation"):
            run.define_metric(f"{split}/{key}", step_metric=AXES[0], summary=best)
    for key, best in (curves | _FIGURES).items():
        for split in ("held_out", "test"):
            run.define_metric(f"{split}/{key}", summary=best)
    for key in ("knn_accuracy", "centroid_accuracy", "recall_at_1"):
        run.define_metric(f"test/{key}", summary="max")
    run.define_metric("evaluation/step", hidden=True)
    run.define_metric("evaluation/*", step_metric="evaluation/step")


def _curves() -> dict[str, str]:
    """What is measured of each epoch → which end of it is best."""
    from bakeoff.evaluation.scores import METRICS

    return {"loss": "min"} | {
        metric.key: "max" if metric.greater_is_better else "min" for metric in METRICS.values()
    }


def epoch_values(record: Mapping[str, Any], seconds: float, rows: int) -> dict[str, Any]:
    """A record of the history under W&B's names, without its pictures.

    Args:
        record: of one epoch.
        seconds: all epochs up to it took.
        rows: examples of an epoch; 0 if unknown.

    >>> epoch_values({"epoch": 2, "validation_loss": 0.5, "seconds": 9.0}, 19.0, 70)
    {'epoch': 2, 'validation/loss': 0.5, 'epoch_seconds': 9.0, 'seconds': 19.0, 'examples': 140}
    """
    names = {"seconds": "epoch_seconds"}
    figures = {
        names.get(key, re.sub("^(train|validation)_", r"\1/", key)): value
        for key, value in record.items()
        if value is not None and key != "pictures"
    }
    return figures | {"seconds": seconds} | ({"examples": record["epoch"] * rows} if rows else {})


def training_summary(training: Mapping[str, Any]) -> dict[str, Any]:
    """What a training took and found; `training` has the keys of training.json."""
    return {
        "parameters": training["parameters"],
        "train_seconds": training["seconds"],
        "threads": training["threads"],
        **_best(training["history"]),
        **{f"facts/{name}": value for name, value in training["facts"].items()},
    }


def _best(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The best of each curve, as `define_metrics` has it; nothing of models without epochs."""
    found: dict[str, Any] = {"epochs_trained": len(history)} if history else {}
    for split in ("train", "validation"):
        for key, best in _curves().items():
            values = [record.get(f"{split}_{key}") for record in history]
            if measured := [value for value in values if value is not None]:
                found[f"{split}/{key}"] = {best: min(measured) if best == "min" else max(measured)}
    return found


def evaluation_summary(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of an evaluation: `test`, and `held_out` of the weights that were kept on the
    validation split.
    """
    if "test" not in evaluation:
        figures = {"test/mse": evaluation["mse"]}
    else:
        figures = {
            f"{named}/{name}": value
            for split, named in (("validation", "held_out"), ("test", "test"))
            for name, value in evaluation[split].items()
            if isinstance(value, int | float)
        }
    speed = evaluation.get("predictions_per_second")
    return {
        **figures,
        **_neighbours(evaluation.get("embedding")),
        "size_bytes": evaluation["size_bytes"],
        **({"predictions_per_second": speed} if speed else {}),
    }


def _neighbours(embedding: Mapping[str, Any] | None) -> dict[str, float]:
    """What embeddings are good for; nothing where there are none."""
    if not embedding:
        return {}
    return {
        "test/knn_accuracy": embedding["knn"]["accuracy"],
        "test/centroid_accuracy": embedding["centroid"]["accuracy"],
        "test/recall_at_1": embedding["recall_at_1"]["accuracy"],
    }
