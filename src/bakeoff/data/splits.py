"""The splits of a prepared data set, as the models take them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts import read_manifest

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Split:
    """Rows of one split, in the order of their file."""

    ids: np.ndarray
    """int64, shape (n,): the row's number in the source."""
    inputs: Any
    """What models take: for text a list of n strings."""
    labels: np.ndarray
    """int64, shape (n,): indices into `classes`."""
    classes: list[str]
    """Names of the classes; with two, the second is the positive one."""


def read_split(folder: str | Path, name: str) -> Split:
    """Read `name` ("train", "validation" or "test") from a dataset or test folder."""
    import pandas as pd

    kind = "test" if name == "test" else "dataset"
    manifest = read_manifest(folder, kind)
    frame = pd.read_parquet(Path(folder) / f"{name}.parquet")
    return Split(
        ids=frame["id"].to_numpy("int64"),
        inputs=frame["text"].tolist(),
        labels=frame["label"].to_numpy("int64"),
        classes=manifest["facts"]["classes"],
    )
