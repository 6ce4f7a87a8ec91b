"""What a W&B run holds: which figures, tables and charts, under which names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.training.trained import Trained

MOST_CHART_CLASSES = 20
"""Classes up to which ROC, PR and the confusion matrix are charts a person can read."""

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


def define_metrics(_: Any, run: Any) -> None:
    """Curves run over epochs."""
    run.define_metric("epoch", hidden=True)
    for name in ("train/*", "validation/*", "learning_rate", "epoch_seconds"):
        run.define_metric(name, step_metric="epoch")


def epoch_values(wandb: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the history under W&B's names, its pictures as W&B's images.

    >>> epoch_values(None, {"epoch": 1, "train_loss": 0.6, "validation_loss": 0.5, "seconds": 9.0})
    {'epoch': 1, 'train/loss': 0.6, 'validation/loss': 0.5, 'epoch_seconds': 9.0}
    """
    names = {"seconds": "epoch_seconds"}
    figures = {
        names.get(key, re.sub("^(train|validation)_", r"\1/", key)): value
        for key, value in record.items()
        if value is not None and key != "pictures"
    }
    pictures = record.get("pictures", {})
    return figures | {
        f"reconstruction/{name}": _image(wandb, uri) for name, uri in pictures.items()
    }


def log_reconstructions(wandb: Any, run: Any, record: Mapping[str, Any]) -> None:
    """Test error, nearest neighbours and examples of an autoencoder."""
    run.summary.update(
        {"test/mse": record["mse"], "size_bytes": record["size_bytes"], **_neighbours(record)}
    )
    run.define_metric("evaluation/step", hidden=True)
    run.define_metric("evaluation/*", step_metric="evaluation/step")
    examples = {
        f"evaluation/{name}": [_image(wandb, uri) for uri in uris]
        for name, uris in record["examples"].items()
    }
    points = record["embedding"]["maps"]["tsne"]
    examples["evaluation/tsne"] = _map(wandb, points, record["classes"])
    run.log({"evaluation/step": 0, **examples})


def _neighbours(record: Mapping[str, Any]) -> dict[str, float]:
    """What embeddings are good for, as figures of the summary; none where there are none."""
    embedding = record.get("embedding")
    if not embedding:
        return {}
    return {
        "test/knn_accuracy": embedding["knn"]["accuracy"],
        "test/centroid_accuracy": embedding["centroid"]["accuracy"],
        "test/recall_at_1": embedding["recall_at_1"]["accuracy"],
    }


def _image(wandb: Any, uri: str, caption: str | None = None) -> Any:
    """A data: URI as W&B's image."""
    import base64
    import io

    from PIL import Image

    content = base64.b64decode(uri.partition(",")[2])
    return wandb.Image(Image.open(io.BytesIO(content)), caption=caption)


def log_training(wandb: Any, run: Any, trained: Trained) -> None:
    """Cost and layers of a trained model."""
    run.summary.update(
        {
            "parameters": trained.parameters,
            "train_seconds": trained.seconds,
            "threads": trained.threads,
            **{f"facts/{name}": value for name, value in trained.facts.items()},
        }
    )
    if trained.layers:
        run.summary["layers"] = _table(wandb, trained.layers)


def log_model(wandb: Any, run: Any, folder: Path, kind: str) -> None:
    """A model folder as an artifact of type "model".

    Offline, the artifact's record points to the folder, which must be where it stays; nothing is
    copied.
    """
    artifact = wandb.Artifact(run.id, type="model", metadata={"kind": kind})
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        artifact.add_file(str(path), name=str(path.relative_to(folder)), policy="immutable")
    run.log_artifact(artifact)


def log_evaluation(
    wandb: Any,
    run: Any,
    evaluation: Mapping[str, Any],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Summary, tables and charts of an evaluation, on a step metric of their own.

    Offline, evaluation writes a second folder of the same run that begins at step 0 again, so it
    must not add points to the curves of training.
    """
    classes, test = evaluation["classes"], evaluation["test"]
    summary = {
        f"{split}/{name}": value
        for split in ("validation", "test")
        for name, value in evaluation[split].items()
        if isinstance(value, int | float)
    }
    run.summary.update(
        {**summary, **_neighbours(evaluation), "size_bytes": evaluation["size_bytes"]}
    )
    charts = {
        "mistakes": _mistakes(wandb, evaluation["mistakes"]),
        "classes": _table(wandb, test["per_class"]),
        "calibration": _calibration(wandb, test["calibration"]),
    }
    if "embedding" in evaluation:
        charts["tsne"] = _map(wandb, evaluation["embedding"]["maps"]["tsne"], classes)
    if len(classes) <= MOST_CHART_CLASSES:
        charts["confusion_matrix"] = wandb.plot.confusion_matrix(
            y_true=labels.tolist(),
            preds=probabilities.argmax(axis=1).tolist(),
            class_names=list(classes),
        )
        charts["roc"] = wandb.plot.roc_curve(labels, probabilities, labels=list(classes))
        charts["pr"] = wandb.plot.pr_curve(labels, probabilities, labels=list(classes))
    run.define_metric("evaluation/step", hidden=True)
    run.define_metric("evaluation/*", step_metric="evaluation/step")
    run.log({"evaluation/step": 0, **{f"evaluation/{key}": chart for key, chart in charts.items()}})


def _map(wandb: Any, points: list[dict[str, Any]], classes: Sequence[str]) -> Any:
    """Embeddings in two dimensions as a picture, a colour and a mark a class: W&B's scatter plots
    have one colour.
    """
    import io

    from matplotlib.figure import Figure
    from PIL import Image

    from bakeoff.maps import MOST_CLASSES_NAMED, draw_map

    figure = Figure(figsize=(8, 6), layout="constrained")
    draw_map(figure.subplots(), points, classes)
    if len(classes) <= MOST_CLASSES_NAMED:
        figure.legend(loc="outside right upper", fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    return wandb.Image(Image.open(stream), caption="t-SNE of embeddings")


def _calibration(wandb: Any, bins: list[dict[str, Any]]) -> Any:
    """Stated probability against the share that was right."""
    table = _table(wandb, [row for row in bins if row["n"]])
    return wandb.plot.line(table, "mean_probability", "accuracy", title="Calibration")


def _mistakes(wandb: Any, rows: list[dict[str, Any]]) -> Any:
    """A table of texts, or pictures with what was said of them."""
    if not rows or "image" not in rows[0]:
        return _table(wandb, rows)
    return [
        _image(wandb, row["image"], f"{row['label']}, predicted {row['predicted']}") for row in rows
    ]


def _table(wandb: Any, rows: list[dict[str, Any]]) -> Any:
    """Records with equal keys as a W&B table."""
    columns = list(rows[0]) if rows else []
    return wandb.Table(columns=columns, data=[[row[name] for name in columns] for row in rows])
