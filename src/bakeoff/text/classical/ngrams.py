"""Word n-grams as sparse counts, counted once for every model that uses the same texts.

The columns are those of scikit-learn's `CountVectorizer(token_pattern=r"\\S+", lowercase=False)`
with the same `ngram_range=(1, n)` and `min_df`, in another order: words by alphabet, then pairs,
then triples. An n-gram is packed in one integer, from the column of its first n-1 words and the
column of its last, so that counting is sorting integers. An n-gram is in no more texts than its
parts are, so what is too rare is dropped before longer n-grams are made of it (Agrawal & Srikant
1994).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.errors import UserError

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

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
        """int32, shape (columns,): words in each n-gram, ascending."""
        lengths = np.ones(len(self), np.int32)
        end = len(self.words)
        while end < len(self):
            lengths[end:] += 1
            end = len(self.words) + int(np.searchsorted(self.keys, end * len(self.words)))
        return lengths

    @cached_property
    def idf(self) -> np.ndarray:
        """float32, shape (columns,): smoothed inverse document frequency, ln((1+n)/(1+df)) + 1."""
        return (np.log((1 + self.n_documents) / (1 + self.documents)) + 1).astype(np.float32)

    @cached_property
    def _column_of_word(self) -> defaultdict[str, int]:
        columns = {word: column for column, word in enumerate(self.words)}
        return defaultdict(lambda: _ABSENT, columns)

    def ngrams(self) -> np.ndarray:
        """The n-grams as text, shape (columns,)."""
        return self._as_arrow().to_numpy(zero_copy_only=False)

    def select(self, kept: np.ndarray) -> NgramVocabulary:
        """The vocabulary of the columns where `kept` (bool) is true, in the same order.

        `kept` must hold every part of an n-gram it holds.
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
        from scipy.sparse import coo_array

        tokens, rows = _tokens(texts, self._column_of_word)
        found = tokens
        all_rows, all_columns = [rows[found != _ABSENT]], [found[found != _ABSENT]]
        for length in range(2, int(self.lengths[-1]) + 1):
            positions, keys = _extended(found, tokens, rows, length, len(self.words))
            found = _located(positions, keys, self.keys, len(self.words), len(tokens))
            all_rows.append(rows[found != _ABSENT])
            all_columns.append(found[found != _ABSENT])
        row, column = np.concatenate(all_rows), np.concatenate(all_columns)
        counts = coo_array(
            (np.ones(len(row), np.int32), (row.astype(np.int32), column.astype(np.int32))),
            shape=(len(texts), len(self)),
        ).tocsr()
        counts.sum_duplicates()
        return counts

    def save(self, path: Path) -> None:
        """Parquet with a row a column: ngram, documents."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({"ngram": self._as_arrow(), "documents": self.documents})
        table = table.replace_schema_metadata({"n_documents": str(self.n_documents)})
        pq.write_table(table, path, compression="zstd", use_dictionary=False)

    @classmethod
    def load(cls, path: Path) -> NgramVocabulary:
        """What `save` wrote."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        ngrams = table["ngram"].combine_chunks()
        spaces = pc.count_substring(ngrams, " ").to_numpy()
        words = ngrams.filter(spaces == 0)
        parts = pc.split_pattern(ngrams.filter(spaces > 0), " ", max_splits=1, reverse=True)
        prefixes = pc.index_in(pc.list_element(parts, 0), ngrams).to_numpy()
        last_words = pc.index_in(pc.list_element(parts, 1), words).to_numpy()
        return cls(
            words=words.to_pylist(),
            keys=prefixes.astype(np.int64) * len(words) + last_words,
            documents=table["documents"].to_numpy(),
            n_documents=int(table.schema.metadata[b"n_documents"]),
        )

    def _as_arrow(self) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        words = pa.array(self.words, pa.string())
        ngrams = words
        size = len(self.words)
        for length in range(2, int(self.lengths[-1]) + 1):
            prefixes, last_words = np.divmod(self.keys[self.lengths[size:] == length], size)
            longer = pc.binary_join_element_wise(ngrams.take(prefixes), words.take(last_words), " ")
            ngrams = pa.concat_arrays([ngrams, longer])
        return ngrams


def count_ngrams(
    texts: Sequence[str], *, ngrams: int, min_count: int
) -> tuple[NgramVocabulary, csr_array]:
    """Count the n-grams of training texts.

    Args:
        texts: preprocessed; their tokens are what `str.split` finds.
        ngrams: words in the longest n-gram.
        min_count: texts an n-gram must be in.

    Returns:
        The vocabulary, and the counts: int32, shape (texts, columns), sorted indices.

    Raises:
        UserError: no word is in `min_count` texts, or the texts are too many to count at once.
    """
    from scipy.sparse import hstack

    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    tokens, rows = _tokens(texts, numbers)
    alphabet = sorted(numbers)
    rank = np.empty(len(alphabet), np.int64)
    rank[[numbers[word] for word in alphabet]] = np.arange(len(alphabet))
    tokens = rank[tokens]
    kept, counts = _tally(tokens, rows, len(texts), min_count)
    if not len(kept):
        raise UserError(
            f"no word is in {min_count} of the {len(texts)} training texts: lower min_count, or "
            "leave out steps of the preprocessing"
        )
    words = [alphabet[index] for index in kept]
    column = np.full(len(alphabet), _ABSENT)
    column[kept] = np.arange(len(kept))
    tokens = column[tokens]

    all_keys, all_counts = [np.empty(0, np.int64)], [counts]
    found, first = tokens, 0
    for length in range(2, ngrams + 1):
        positions, keys = _extended(found, tokens, rows, length, len(words))
        kept, counts = _tally(keys, rows[positions], len(texts), min_count)
        if not len(kept):
            break
        all_keys.append(kept)
        all_counts.append(counts)
        if length < ngrams:
            first += all_counts[-2].shape[1]
            found = _located(positions, keys, kept, first, len(tokens))
    matrix = hstack(all_counts, format="csc")
    vocabulary = NgramVocabulary(
        words=words,
        keys=np.concatenate(all_keys),
        documents=np.diff(matrix.indptr).astype(np.int32),
        n_documents=len(texts),
    )
    return vocabulary, matrix.tocsr()


def _tokens(texts: Sequence[str], numbers: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each token, one text after the other, and the text each is in; int32."""
    numbered = array("i")
    lengths = np.empty(len(texts), np.int64)
    for row, text in enumerate(texts):
        words = text.split()
        lengths[row] = len(words)
        numbered.extend(map(numbers.__getitem__, words))
    tokens = np.frombuffer(numbered, np.int32)
    return tokens, np.repeat(np.arange(len(texts), dtype=np.int32), lengths)


def _extended(
    found: np.ndarray, tokens: np.ndarray, rows: np.ndarray, length: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions where an n-gram of `length` words may begin, and their keys.

    `found` holds the column of the n-gram one word shorter that begins at each position.
    """
    shift = length - 1
    in_text = rows[:-shift] == rows[shift:]
    positions = np.flatnonzero(in_text & (found[:-shift] != _ABSENT) & (tokens[shift:] != _ABSENT))
    return positions, found[positions].astype(np.int64) * size + tokens[positions + shift]


def _located(
    positions: np.ndarray, keys: np.ndarray, known: np.ndarray, first: int, n_tokens: int
) -> np.ndarray:
    """Shape (n_tokens,): `first` + index in `known` (ascending) of the key at each position."""
    found = np.full(n_tokens, _ABSENT)
    if len(known):
        index = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        match = known[index] == keys
        found[positions[match]] = first + index[match]
    return found


def _tally(
    keys: np.ndarray, rows: np.ndarray, n_rows: int, min_count: int
) -> tuple[np.ndarray, csc_array]:
    """The keys that occur in at least `min_count` rows, ascending, and how often in each row.

    Key and row are packed in one integer: sorting these brings equal keys together, by row.
    """
    from scipy.sparse import csc_array

    bits = n_rows.bit_length()
    if len(keys) and int(keys.max()).bit_length() + bits > 63:
        raise UserError(
            f"{n_rows} training texts have too many different words for n-grams: raise min_count"
        )
    packed = (keys << bits) | rows
    packed.sort()
    starts = _run_starts(packed)
    counts = np.diff(starts, append=len(packed)).astype(np.int32)
    packed = packed[starts]
    keys, rows = packed >> bits, (packed & ((1 << bits) - 1)).astype(np.int32)
    starts = _run_starts(keys)
    documents = np.diff(starts, append=len(keys))
    frequent = documents >= min_count
    entries = np.repeat(frequent, documents)
    indptr = np.concatenate([[0], np.cumsum(documents[frequent])]).astype(np.int32)
    matrix = csc_array((counts[entries], rows[entries], indptr), shape=(n_rows, len(indptr) - 1))
    return keys[starts][frequent], matrix


def _run_starts(values: np.ndarray) -> np.ndarray:
    """Where a run of equal values begins."""
    return np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
