"""The splits of a prepared data set, as the models take them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
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
    """What models take: a list of n strings, or of images a memory-mapped uint8 array of shape
    (n, height, width, channels), channels 1 (grey) or 3 (RGB)."""
    labels: np.ndarray
    """int64, shape (n,): indices into `classes`."""
    classes: list[str]
    """Names of the classes; with two, the second is the positive one."""
    modality: str = "text"
    """ "text" or "image"."""

    def part(self, rows: np.ndarray) -> Split:
        """These rows alone, in this order."""
        images = self.modality == "image"
        inputs = self.inputs[rows] if images else [self.inputs[row] for row in rows]
        return replace(self, ids=self.ids[rows], inputs=inputs, labels=self.labels[rows])

    def keys(self) -> np.ndarray:
        """int64, shape (n,): hashes of each row's text or pixels and its class, by which the same
        rows are known wherever they were prepared.
        """
        import numpy as np

        digests = (
            _digest(content, self.classes[label])
            for content, label in zip(self.inputs, self.labels, strict=True)
        )
        return np.frombuffer(b"".join(digests), dtype="<i8").astype("int64")


def _digest(content: str | np.ndarray, name: str) -> bytes:
    digest = hashlib.blake2b(name.encode(), digest_size=8)
    if isinstance(content, str):
        digest.update(b"\0" + content.encode())
    else:
        digest.update(repr((content.shape, content.dtype.str)).encode())
        digest.update(content.tobytes())
    return digest.digest()


def read_split(folder: str | Path, name: str) -> Split:
    """Read `name` ("train", "validation" or "test") from a dataset or test folder."""
    import numpy as np
    import pandas as pd

    kind = "test" if name == "test" else "dataset"
    facts = read_manifest(folder, kind)["facts"]
    rows = Path(folder) / f"{name}.parquet"
    frame = pd.read_parquet(rows)
    if facts["modality"] == "image":
        inputs = np.load(rows.with_suffix(".npy"), mmap_mode="r")
    else:
        inputs = frame["text"].tolist()
    return Split(
        ids=frame["id"].to_numpy("int64"),
        inputs=inputs,
        labels=frame["label"].to_numpy("int64"),
        classes=facts["classes"],
        modality=facts["modality"],
    )
