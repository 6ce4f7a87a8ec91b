"""Word n-grams as sparse counts, counted once for every model that uses the same texts.

The columns are those of scikit-learn's `CountVectorizer(token_pattern=r"\\S+", lowercase=False)`
with the same `ngram_range=(1, n)` and `min_df`, in another order: words by alphabet, then pairs,
then triples. An n-gram is packed in one integer, from the column of its first n-1 words and the
column of its last, so that counting is sorting integers. An n-gram is in no more texts than its
parts are, so what is too rare is dropped before longer n-grams are made of it (Agrawal & Srikant
1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ABSENT = -1


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams that have a column."""

    words: list[str]
    """The words: columns 0 … V-1."""
    keys: np.ndarray
    """int64, ascending: (column of the first n-1 words) · V + (column of the last word), one for
    each longer n-gram: columns V, V+1, …"""
    documents: np.ndarray
    """int32, shape (columns,): training texts that hold the n-gram."""
    n_documents: int
    """Training texts."""

    def __len__(self) -> int:
        return len(self.documents)

    @cached_property
    def lengths(self) -> np.ndarray:
        """int8, shape (columns,): words in each n-gram, ascending."""
        lengths = np.ones(len(self), np.int8)
        end = len(self.words)
        while end < len(self):
            lengths[end:] += 1
            end = len(self.words) + int(np.searchsorted(self.keys, end * len(self.words)))
        return lengths

    @cached_property
    def idf(self) -> np.ndarray:
        """float32, shape (columns,): smoothed inverse document frequency, ln((1+n)/(1+df)) + 1."""
        return (np.log((1 + self.n_documents) / (1 + self.documents)) + 1).astype(np.float32)

    def ngrams(self) -> np.ndarray:
        """The n-grams as text, shape (columns,)."""
        return self._ngrams().to_numpy(zero_copy_only=False)

    def select(self, kept: np.ndarray) -> NgramVocabulary:
        """The vocabulary of the columns where `kept` (bool) is true, in the same order.

        `kept` must hold the words and the first n-1 words of every n-gram it holds.
        """
        size = len(self.words)
        column = np.cumsum(kept) - 1
        prefixes, last_words = np.divmod(self.keys[kept[size:]], size)
        words = [self.words[index] for index in np.flatnonzero(kept[:size])]
        return NgramVocabulary(
            words=words,
            keys=column[prefixes] * len(words) + column[last_words],
            documents=self.documents[kept],
            n_documents=self.n_documents,
        )

    def transform(self, texts: Sequence[str]) -> csr_array:
        """Counts of the n-grams in `texts`: int32, shape (texts, columns)."""

        size = len(self.words)
        tokens, rows = _tokens(texts, self._columns_of_words)
        columns = tokens
        found = [np.flatnonzero(columns != _ABSENT)]
        for length in range(2, int(self.lengths[-1]) + 1):
            positions, keys = _longer(columns, tokens, rows, length, size)
            index = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            known = self.keys[index] == keys
            columns = np.full(len(tokens), _ABSENT)
            columns[positions[known]] = size + index[known]
            found.append(positions[known])
