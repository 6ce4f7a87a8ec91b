"""How well an autoencoder gives back what it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bakeoff.data.exhibits import exhibit
from bakeoff.data.splits import Split
from bakeoff.evaluation.embeddings import Embedder, embedding_facts

EXAMPLES = 6
"""Pictures shown of the best, of the median and of the worst."""


@runtime_checkable
class Reconstructor(Embedder, Protocol):
    """A model that gives back its input."""

    def reconstructions(self, inputs: Any) -> tuple[np.ndarray, np.ndarray]:
        """What the model sees of the inputs and what it makes of them, both uint8
        (n, size, size, channels).
        """
        ...


def reconstruction_facts(model: Reconstructor, folder: Path, split: Split) -> dict[str, Any]:
    """The error on a split, examples of it, and what the embeddings are good for.

    Returns:
        mse (mean squared error a value, values 0 … 1), `examples`: best, median and worst → data:
        URIs of pictures above their reconstructions, and `embedding`.
    """
    seen, made = model.reconstructions(split.inputs)
    errors = np.square((seen.astype("float32") - made) / 255).reshape(len(seen), -1).mean(axis=1)
    order = np.argsort(errors, kind="stable")
    middle = max(0, (len(order) - EXAMPLES) // 2)
    pairs = np.concatenate([seen, made], axis=1)
    return {
        "mse": float(errors.mean()),
        "examples": {
            name: [exhibit(pairs, row) for row in rows]
            for name, rows in (
                ("best", order[:EXAMPLES]),
                ("median", order[middle : middle + EXAMPLES]),
                ("worst", order[::-1][:EXAMPLES]),
            )
        },
        "embedding": embedding_facts(model, folder, split),
    }
