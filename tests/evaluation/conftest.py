"""A test split and trained models whose probabilities are given, as folders."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bakeoff.artifacts import new_artifact
from bakeoff.evaluation.evaluate import evaluate
from bakeoff.training.trained import Trained, write_trained

CLASSES = ["negative", "positive"]


def binary(positive) -> np.ndarray:
    """Probabilities of both classes from those of the positive one."""
    positive = np.asarray(positive, float)
    return np.stack([1 - positive, positive], axis=-1)


class Workshop:
    """Makes artifacts of a bake-off under a folder."""

    def __init__(self, root: Path, classes=CLASSES) -> None:
        self.root = root
        self.classes = classes
        self._given: dict[str, np.ndarray] = {}

    def beside(self, name: str, classes: list[str]) -> Workshop:
        """Another bake-off, with its own classes."""
        return Workshop(self.root / name, classes)

    def dataset(self, **facts) -> Path:
        with new_artifact(self.root / "dataset", "dataset", settings={}) as (_, written):
            counts = {"train": dict.fromkeys(self.classes, 50)}
            written |= {
                "modality": "text",
                "classes": self.classes,
                "class_counts": counts,
                **facts,
            }
        return self.root / "dataset"

    def test(self, labels, texts=None, ids=None) -> Path:
        texts = texts or [f"text {row}" for row in range(len(labels))]
        with new_artifact(self.root / "test", "test", settings={}) as (out, facts):
            facts |= {"modality": "text", "classes": self.classes}
            ids = np.arange(len(labels)) if ids is None else ids
            frame = pd.DataFrame({"id": ids, "text": texts, "label": labels})
            frame.astype({"label": "int16"}).to_parquet(out / "test.parquet")
        return self.root / "test"

    def model(self, name, test, *, validation=(0.9, 0.1), labels=(1, 0), seed=0, seconds=1.0):
        """A "models" artifact of one model, by its probabilities of the positive class (or of all
        classes) on both splits.
        """
        given, held_out = (
            np.asarray(p) if np.ndim(p) == 2 else binary(p) for p in (test, validation)
        )
        trained = Trained(
            name=name,
            seed=seed,
            kind="given",
            config={"preprocessing": "default"},
            parameters=7,
            seconds=seconds,
            threads=1,
            validation_probabilities=held_out,
            save=lambda folder: (folder / "weights.bin").write_bytes(b"x" * 1000),
        )
        rows = SimpleNamespace(ids=np.arange(len(labels)), labels=np.asarray(labels))
        models = self.root / "models" / trained.folder_name
        with new_artifact(models, "models", settings={}) as (out, _):
            write_trained(trained, out / trained.folder_name, self.classes, rows)
        self._given[trained.folder_name] = given
        return models

    def load(self, folder: Path) -> SimpleNamespace:
        return SimpleNamespace(
            classes=self.classes, probabilities=lambda _: self._given[folder.name]
        )

    def evaluation(self, name, test, **model) -> Path:
        """An "evaluations" artifact of such a model on the test split made before."""
        models = self.model(name, test, **model)
        target = self.root / "evaluations" / models.name
        evaluate([models], self.root / "test", target, load=self.load)
        return target


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)
