"""The folder of one trained model, the same for every kind of model.

<name>-seed<k>/
  model.json           name, seed, kind, complete configuration, classes
  training.json        history, layers, parameters, seconds, threads, peak memory, machine
  validation.parquet   id, label and a probability column per class, on the validation split
  ...                  what the kind of model saves: weights, vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.artifacts import read_json, write_json
from bakeoff.environment import machine
from bakeoff.training.memory import peak_memory_bytes

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
    """Every hyper-parameter as it was used, as JSON holds it: what a configuration leaves open is
    filled in, such as the width of given word vectors; but not the precision (`as_used`), so that a
    network can be loaded where there is no GPU."""
    parameters: int
    """Numbers that it predicts with, learned here or, as frozen word vectors, before."""
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
    validation_accuracy, learning_rate, seconds and the validation figure that chose. Empty for
    models without epochs."""
    layers: list[dict[str, Any]] = field(default_factory=list)
    """One record a layer: name, type, output_shape, parameters."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is worth showing: vocabulary size, coverage of word vectors, best epoch."""

    @property
    def folder_name(self) -> str:
        return f"{self.name}-seed{self.seed}"


def as_used(trained: Mapping[str, Any]) -> dict[str, Any]:
    """Every hyper-parameter of a training, a `Trained` or what is kept of it: where `config` leaves
    the precision to each machine, that of the one which trained.

    >>> as_used({"config": {"precision": "auto", "width": 8}, "facts": {"precision": "bf16"}})
    {'precision': 'bf16', 'width': 8}
    """
    precision = trained["facts"].get("precision")

    def filled(config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: filled(value)
            if isinstance(value, Mapping)
            else precision
            if name == "precision" and precision
            else value
            for name, value in config.items()
        }

    return filled(trained["config"])


class Predictor(Protocol):
    """A trained model, ready to score what it was trained for."""

    @property
    def classes(self) -> list[str]: ...

    def probabilities(self, inputs: Any) -> np.ndarray:
        """Shape (inputs, classes), float64; rows sum to 1."""
        ...


def write_trained(trained: Trained, folder: Path, classes: list[str], validation: Any) -> None:
    """Write a model folder; `validation` is the split its probabilities belong to (ids, labels)."""
    folder.mkdir(parents=True)
    trained.save(folder)
    frame = probability_frame(validation.ids, validation.labels, trained.validation_probabilities)
    frame.to_parquet(folder / "validation.parquet", index=False)
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
            "machine": machine(),
            "facts": trained.facts,
        },
    )


def probability_frame(
    ids: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> pd.DataFrame:
    """Columns id, label, p0 … p(k-1), float32."""
    import pandas as pd

    names = [f"p{index}" for index in range(probabilities.shape[1])]
    frame = pd.DataFrame(probabilities.astype("float32"), columns=names)
    frame.insert(0, "id", ids)
    frame.insert(1, "label", labels)
    return frame


def probabilities_in(frame: pd.DataFrame) -> np.ndarray:
    """The columns p0 … p(k-1) of a frame, shape (rows, classes), float64."""
    names = [name for name in frame.columns if name[0] == "p" and name[1:].isdigit()]
    return frame[names].to_numpy("float64")


def read_probabilities(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Of a model folder: the rows of validation (id, label), and their probabilities of shape
    (rows, classes), float64.
    """
    import pandas as pd

    frame = pd.read_parquet(folder / "validation.parquet")
    return frame[["id", "label"]], probabilities_in(frame)


def model_folders(models: str | Path) -> list[Path]:
    """The model folders inside a "models" artifact, by name."""
    return sorted(path.parent for path in Path(models).glob("*/model.json"))


def read_model(folder: Path) -> dict[str, Any]:
    """model.json of a model folder."""
    return read_json(folder / "model.json")
