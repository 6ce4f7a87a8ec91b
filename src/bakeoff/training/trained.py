"""The folder of one trained model, the same for every kind of model.

<name>-seed<k>/
  model.json           name, seed, kind, complete configuration, classes
  training.json        history, layers, parameters, seconds, threads, peak memory
  validation.parquet   id, label and a probability column per class, on the validation split
  ...                  what the kind of model saves: weights, vocabulary
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.artifacts import read_json, write_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(kw_only=True)
class Trained:
    """A fitted model and how it came to be."""

    name: str
    """Its name in the registry, "bilstm-glove"."""
    seed: int
    kind: str
    """Which module loads it: "linear", "tree", "text-network", ..."""
    config: dict[str, Any]
    """Every hyper-parameter, as JSON holds it."""
    parameters: int
    """Numbers learned from data."""
    seconds: float
    """Wall-clock seconds of training, features included, evaluation of the test split not."""
    threads: int
    """CPU threads it was trained with; the last bits of a result depend on it."""
    validation_probabilities: np.ndarray
    """Shape (validation rows, classes)."""
    save: Callable[[Path], None]
    """Writes the files its kind loads from into a folder."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One record an epoch: epoch, train_loss, train_accuracy, validation_loss,
    validation_accuracy, learning_rate, seconds. Empty for models without epochs."""
    layers: list[dict[str, Any]] = field(default_factory=list)
    """One record a layer: name, type, output_shape, parameters."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is worth showing: vocabulary size, coverage of word vectors, best epoch."""

    @property
    def folder_name(self) -> str:
        return f"{self.name}-seed{self.seed}"


class Predictor(Protocol):
    """A trained model, ready to score what it was trained for."""

    @property
    def classes(self) -> list[str]: ...

    def probabilities(self, inputs: Any) -> np.ndarray:
        """Shape (inputs, classes), float64; rows sum to 1."""
        ...


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def write_trained(trained: Trained, folder: Path, classes: list[str], validation: Any) -> None:
    """Write a model folder; `validation` is the split its probabilities belong to (ids, labels)."""
    folder.mkdir(parents=True)
    trained.save(folder)
    write_probabilities(
        folder / "validation.parquet",
        validation.ids,
        validation.labels,
        trained.validation_probabilities,
    )
    write_json(
        folder / "model.json",
        {
            "model": trained.name,
            "seed": trained.seed,
            "kind": trained.kind,
            "config": trained.config,
            "classes": classes,
        },
    )
    write_json(
        folder / "training.json",
        {
            "history": trained.history,
            "layers": trained.layers,
            "parameters": trained.parameters,
            "seconds": trained.seconds,
            "threads": trained.threads,
            "peak_memory_bytes": peak_memory_bytes(),
            "facts": trained.facts,
        },
    )


def write_probabilities(
    path: Path, ids: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> None:
    """Columns id, label, p0 … p(k-1), float32."""
    import pandas as pd

    frame = pd.DataFrame({"id": ids, "label": labels})
    for index in range(probabilities.shape[1]):
        frame[f"p{index}"] = probabilities[:, index].astype("float32")
    frame.to_parquet(path, index=False)


def read_probabilities(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The frame with id and label, and the probabilities of shape (rows, classes), float64."""
    import pandas as pd

    frame = pd.read_parquet(path)
    columns = [name for name in frame.columns if name[0] == "p" and name[1:].isdigit()]
    return frame[["id", "label"]], frame[columns].to_numpy("float64")


def model_folders(models: str | Path) -> list[Path]:
    """The model folders inside a "models" artifact, by name."""
    return sorted(path.parent for path in Path(models).glob("*/model.json"))


def read_model(folder: Path) -> dict[str, Any]:
    """model.json of a model folder."""
    return read_json(folder / "model.json")
