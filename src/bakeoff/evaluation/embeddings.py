"""What a model's embeddings say without its head: neighbours, centroids, and maps of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bakeoff.data.splits import Split
from bakeoff.evaluation.intervals import share_interval

NEIGHBOURS = 20
MAPPED = 1000
"""Test rows on a map, at most."""
_BLOCK = 256
"""Rows whose nearest are looked for at once: similarities to all others stay small."""
_PERPLEXITY = 30
_LEAST_MAPPED = 3
_SAME = 1e-6
"""Embeddings of length 1 that differ by less are the same one."""


@runtime_checkable
class Embedder(Protocol):
    """A model that embeds what it classifies."""

    def embeddings(self, inputs: Any) -> np.ndarray:
        """Shape (n, width), float32."""
        ...

    def reference(self, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of the training rows, and their labels, from the model's folder."""
        ...


def embedding_facts(model: Embedder, folder: Path, split: Split) -> dict[str, Any]:
    """Judge the embeddings of a split by their neighbours among those of training; cosine distances
    throughout.

    Returns:
        knn (the NEIGHBOURS nearest vote, weighted by nearness), centroid (the nearest class mean
        decides) and recall_at_1 (the nearest other row of the split decides), each with accuracy
        and its 95 % interval low and high; and `maps`: pca and tsne (van der Maaten & Hinton 2008),
        records x, y, class (its index) of at most MAPPED rows.
    """
    known, labels = model.reference(folder)
    known, asked = _normalised(known), _normalised(model.embeddings(split.inputs))
    return {
        "knn": _scored(_knn(known, labels, asked, len(split.classes)) == split.labels),
        "centroid": _scored(
            _nearest_centroid(known, labels, asked, len(split.classes)) == split.labels
        ),
        "recall_at_1": _scored(_nearest_other_agrees(asked, split.labels)),
        "maps": _maps(asked[:MAPPED], split.labels[:MAPPED]),
    }


def _normalised(embeddings: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.maximum(norms, 1e-12)


def _scored(right: np.ndarray) -> dict[str, float]:
    accuracy = float(right.mean())
    low, high = share_interval(accuracy, len(right))
    return {"accuracy": accuracy, "low": low, "high": high}


def _knn(known: np.ndarray, labels: np.ndarray, asked: np.ndarray, classes: int) -> np.ndarray:
    k = min(NEIGHBOURS, len(known))
    votes = np.zeros((len(asked), classes))
    for rows in _blocks(len(asked)):
        similarity = asked[rows] @ known.T
        nearest = np.argpartition(similarity, -k, axis=1)[:, -k:]
        weights = np.take_along_axis(similarity, nearest, axis=1) + 1
        np.add.at(votes, (rows[:, None], labels[nearest]), weights)
    return votes.argmax(axis=1)


def _blocks(rows: int) -> list[np.ndarray]:
    return [np.arange(start, min(start + _BLOCK, rows)) for start in range(0, rows, _BLOCK)]


def _nearest_centroid(
    known: np.ndarray, labels: np.ndarray, asked: np.ndarray, classes: int
) -> np.ndarray:
    sums = np.zeros((classes, known.shape[1]))
    np.add.at(sums, labels, known)
    return (asked @ _normalised(sums).T).argmax(axis=1)


def _nearest_other_agrees(asked: np.ndarray, labels: np.ndarray) -> np.ndarray:
    nearest = np.empty(len(asked), int)
    for rows in _blocks(len(asked)):
        similarity = asked[rows] @ asked.T
        similarity[np.arange(len(rows)), rows] = -np.inf
        nearest[rows] = similarity.argmax(axis=1)
    return labels[nearest] == labels


def _maps(embeddings: np.ndarray, labels: np.ndarray) -> dict[str, list[dict[str, Any]]]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(embeddings) < _LEAST_MAPPED or np.ptp(embeddings, axis=0).max() < _SAME:
        # Nothing to lay out; t-SNE would end the process.
        return {name: _points(np.zeros((len(labels), 2)), labels) for name in ("pca", "tsne")}
    parts = min(50, *embeddings.shape)
    reduced = PCA(parts, random_state=0).fit_transform(embeddings)
    perplexity = min(_PERPLEXITY, (len(embeddings) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    return {"pca": _points(reduced[:, :2], labels), "tsne": _points(tsne, labels)}


def _points(places: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"x": round(float(x), 3), "y": round(float(y), 3), "class": int(label)}
        for (x, y), label in zip(places, labels, strict=True)
    ]
