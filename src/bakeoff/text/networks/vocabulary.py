"""Words as indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bakeoff.errors import UserError

PADDING, UNKNOWN = 0, 1
"""Indices that stand for no word."""


@dataclass(frozen=True)
class Encoded:
    """Texts as word indices, one after another."""

    indices: np.ndarray
    """int32, shape (tokens,)."""
    lengths: np.ndarray
    """int64, shape (texts,)."""

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each text begins in `indices`; shape (texts,)."""
        return np.cumsum(self.lengths) - self.lengths

    def padded(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Some texts as a matrix of shape (rows, longest), padded on the right; their lengths."""
        lengths = self.lengths[rows]
        matrix = np.zeros((len(rows), int(lengths.max())), dtype=np.int64)
        for line, row, length in zip(matrix, rows, lengths, strict=True):
            line[:length] = self.indices[self.starts[row] : self.starts[row] + length]
        return matrix, lengths


@dataclass(frozen=True)
class Vocabulary:
    """The words that have an index of their own, most frequent first; they begin at 2."""

    words: list[str]

    @classmethod
    def build(cls, texts: Iterable[str], most: int, min_count: int) -> Vocabulary:
        """Learn from preprocessed training texts.

        Args:
            texts: tokens separated by spaces.
            most: words kept at most.
            min_count: occurrences a word needs.

        Raises:
            UserError: no word is frequent enough.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text.split())
        # Ties in the order of the alphabet, so that the order of texts does not matter.
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        words = [word for word, count in ranked[:most] if count >= min_count]
        if not words:
            raise UserError(
                f"no word occurs {min_count} times in the training texts: give more data, or "
                "lower min_count"
            )
        return cls(words)

    def __len__(self) -> int:
        """Number of indices, padding and unknown included."""
        return len(self.words) + 2

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, start=2)}

    def encode(self, texts: Sequence[str], max_tokens: int, keep: str) -> Encoded:
        """Preprocessed texts as indices; a text without tokens becomes one unknown word.

        Args:
            texts: tokens separated by spaces.
            max_tokens: longer texts are cut.
            keep: "head", or "head+tail": half of the tokens from each end.
        """
        head = max_tokens if keep == "head" else max_tokens - max_tokens // 2
        tail = max_tokens - head
        parts, lengths = [], []
        find = self._index.get
        for text in texts:
            tokens = text.split()
            if len(tokens) > max_tokens:
                tokens = tokens[:head] + (tokens[-tail:] if tail else [])
            indices = [find(token, UNKNOWN) for token in tokens] or [UNKNOWN]
            parts.append(np.array(indices, dtype=np.int32))
            lengths.append(len(indices))
        return Encoded(np.concatenate(parts), np.array(lengths))

    def save(self, path: Path) -> None:
        import pandas as pd

        pd.DataFrame({"word": self.words}).to_parquet(path, index=False)

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        import pandas as pd

        return cls(pd.read_parquet(path)["word"].tolist())
