"""Tables, charts and pictures of a W&B run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MOST_CHART_CLASSES = 20
"""Classes up to which ROC, PR and the confusion matrix are charts a person can read."""


def reconstructions(wandb: Any, pictures: Mapping[str, str]) -> dict[str, Any]:
    """What an autoencoder made of pictures in one epoch, name → data: URI."""
    return {f"reconstruction/{name}": _image(wandb, uri) for name, uri in pictures.items()}


def of_autoencoder(wandb: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """Examples of what it makes of test pictures, and its embeddings; of autoencoder.json."""
    charts = {
        name: [_image(wandb, uri) for uri in uris] for name, uris in record["examples"].items()
    }
    return charts | _embeddings(wandb, record["embedding"], record["classes"])


def of_evaluation(
    wandb: Any,
    evaluation: Mapping[str, Any],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> dict[str, Any]:
    """Name → chart or table; up to `MOST_CHART_CLASSES` with confusion matrix, ROC and PR curves.

    Args:
        evaluation: the content of evaluation.json.
        labels: of the test split, shape (n,).
        probabilities: shape (n, classes).
    """
    classes, test = evaluation["classes"], evaluation["test"]
    charts = {
        "mistakes": _mistakes(wandb, evaluation["mistakes"]),
        "classes": table(wandb, test["per_class"]),
        "calibration": _calibration(wandb, test["calibration"]),
    }
    if "embedding" in evaluation:
        charts |= _embeddings(wandb, evaluation["embedding"], classes)
    if len(classes) <= MOST_CHART_CLASSES:
        charts["confusion_matrix"] = wandb.plot.confusion_matrix(
            y_true=labels.tolist(),
            preds=probabilities.argmax(axis=1).tolist(),
            class_names=list(classes),
        )
        charts["roc"] = wandb.plot.roc_curve(labels, probabilities, labels=list(classes))
        charts["pr"] = wandb.plot.pr_curve(labels, probabilities, labels=list(classes))
    return charts


def table(wandb: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Records as a W&B table; what a record lacks is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return wandb.Table(columns=columns, data=[[row.get(name) for name in columns] for row in rows])


def _embeddings(wandb: Any, embedding: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Both maps as one table, by which W&B can draw them, and t-SNE's as a picture."""
    maps = embedding["maps"]
    points = [
        {"map": name, "x": point["x"], "y": point["y"], "class": classes[point["class"]]}
        for name, drawn in maps.items()
        for point in drawn
    ]
    return {
        "embeddings": table(wandb, points),
        "tsne": _map(wandb, maps["tsne"], classes),
    }


def _image(wandb: Any, uri: str, caption: str | None = None) -> Any:
    """A data: URI as W&B's image."""
    import base64
    import io

    from PIL import Image

    content = base64.b64decode(uri.partition(",")[2])
    return wandb.Image(Image.open(io.BytesIO(content)), caption=caption)


def _map(wandb: Any, points: list[dict[str, Any]], classes: Sequence[str]) -> Any:
    """Embeddings in two dimensions as a picture, a colour and a mark a class: W&B's scatter plots
    have one colour.
    """
    import io

    import matplotlib
    from matplotlib.figure import Figure
    from PIL import Image

    from bakeoff.maps import AS_WRITTEN, MOST_CLASSES_NAMED, draw_map

    stream = io.BytesIO()
    with matplotlib.rc_context(AS_WRITTEN):
        figure = Figure(figsize=(8, 6), layout="constrained")
        handles, labels = draw_map(figure.subplots(), points, classes)
        if len(classes) <= MOST_CLASSES_NAMED:
            figure.legend(handles, labels, loc="outside right upper", fontsize=8)
        figure.savefig(stream, format="png", dpi=120)
    return wandb.Image(Image.open(stream), caption="t-SNE of embeddings")


def _calibration(wandb: Any, bins: list[dict[str, Any]]) -> Any:
    """Stated probability against the share that was right."""
    filled = table(wandb, [row for row in bins if row["n"]])
    return wandb.plot.line(filled, "mean_probability", "accuracy", title="Calibration")


def _mistakes(wandb: Any, rows: list[dict[str, Any]]) -> Any:
    """A table of texts, or pictures with what was said of them."""
    if not rows or "image" not in rows[0]:
        return table(wandb, rows)
    return [
        _image(wandb, row["image"], f"{row['label']}, predicted {row['predicted']}") for row in rows
    ]
