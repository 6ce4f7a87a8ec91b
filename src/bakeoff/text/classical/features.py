"""What classical text models see: preprocessed texts as weighted n-gram counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.artifacts import read_json, write_json
from bakeoff.text.classical.ngrams import NgramVocabulary
from bakeoff.text.preprocessing import preprocess_all

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class NgramFeatures:
    """From texts to a sparse matrix, the same for training and prediction."""

    steps: tuple[str, ...]
    """Preprocessing; saved with a model, so that a later choice of names does not change it."""
    vocabulary: NgramVocabulary
    weighting: str
    """`counts`, `binary` or `tfidf`."""

    def transform(self, texts: Sequence[str]) -> csr_array:
        """float32, shape (texts, columns)."""
        return self.weigh(self.vocabulary.transform(preprocess_all(texts, self.steps)))

    def weigh(self, counts: csr_array) -> csr_array:
        """Counts, shape (texts, columns), as weights: float32, the same shape.

        TF-IDF is (1 + ln count) · idf, each row scaled to length 1.
        """
        from scipy.sparse import csr_array

        if self.weighting == "counts":
            return counts.astype(np.float32)
        if self.weighting == "binary":
            values = np.ones(counts.nnz, np.float32)
        else:
            lengths = np.diff(counts.indptr)
            values = 1 + np.log(counts.data.astype(np.float32))
            values *= self.vocabulary.idf[counts.indices]
            rows = np.repeat(np.arange(len(lengths)), lengths)
            squares = np.bincount(rows, values * values, minlength=len(lengths))
            values /= np.repeat(np.sqrt(squares).astype(np.float32), lengths)
        return csr_array((values, counts.indices, counts.indptr), shape=counts.shape)

    def save(self, folder: Path) -> None:
        """features.json and vocabulary.parquet."""
        write_json(
            folder / "features.json", {"steps": list(self.steps), "weighting": self.weighting}
        )
        self.vocabulary.save(folder / "vocabulary.parquet")

    @classmethod
    def load(cls, folder: Path) -> NgramFeatures:
        """What `save` wrote."""
        settings = read_json(folder / "features.json")
        return cls(
            steps=tuple(settings["steps"]),
            vocabulary=NgramVocabulary.load(folder / "vocabulary.parquet"),
            weighting=settings["weighting"],
        )
