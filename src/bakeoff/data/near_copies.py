"""Texts and images that are nearly the same: alike but for links, names, marks or compression."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import DisjointSet

LEAST_ALIKE = 0.8
"""Of the words of two texts, the share that both have (Jaccard)."""
_BANDS, _HASHES = 18, 7
"""Bands of hashes, and hashes in each: two texts that are just alike enough agree on all of one
band with probability 1 - (1 - 0.8⁷)¹⁸ = 0.99."""
_CROWD = 50
"""As many that are somewhat alike stand for all: further texts and images are compared with them
alone, so that a template or a still camera does not take the square of its rows."""
_SILENT = re.compile(r"<[^<>]*>|https?://\S+|www\.\S+|@\w+")
"""Marks of HTML, links and names of accounts."""
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[^\W{_UNSPACED}]+|[{_UNSPACED}]+")
_OF_UNSPACED = re.compile(rf"[{_UNSPACED}]+")

LEAST_SIDE = 32
"""Pixels a side below which images are alike too often to tell copies by their looks."""
MOST_BITS = 4
"""Of the 64 of a perceptual hash, those in which two copies may differ."""
LEAST_CORRELATED = 0.95
"""Of the grey values of two copies, at `_THUMB` pixels a side."""
_THUMB = 32
_AT_ONCE = 2**24
"""Values of pixels that thumbnails are made of at a time."""


def near_copies(groups: np.ndarray, inputs: Any) -> np.ndarray:
    """The groups of copies, with those joined whose texts or images are near copies.

    Args:
        groups: shape (n,): equal numbers for copies.
        inputs: n texts, or images as uint8 or uint16, shape (n, height, width, channels).

    Returns:
        Shape (n,): equal numbers for copies and near copies.
    """
    from scipy.cluster.hierarchy import DisjointSet

    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    found = DisjointSet(range(len(first)))
    if isinstance(inputs, np.ndarray):
        _join_images(inputs, first, found)
    else:
        _join_texts([inputs[row] for row in first], found)
    return _numbers(found, len(first))[place]


def united(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Shape (n,): equal numbers where either of two groupings, shape (n,), has equal numbers."""
    from scipy.cluster.hierarchy import DisjointSet

    other = other + one.max() + 1
    found = DisjointSet(range(int(other.max()) + 1))
    for pair in zip(one.tolist(), other.tolist(), strict=True):
        found.merge(*pair)
    return np.unique(_numbers(found, len(found))[one], return_inverse=True)[1]


def _numbers(found: DisjointSet, n: int) -> np.ndarray:
    """Shape (n,): equal numbers for what was joined of 0 … n-1."""
    return np.unique([found[member] for member in range(n)], return_inverse=True)[1]


def _join_texts(texts: Sequence[str], found: DisjointSet) -> None:
    """Join the numbers of texts with nearly the same words: MinHash and locality-sensitive hashing
    find candidates (Broder 1997; Indyk and Motwani 1998), which are then compared.
    """
    from datasketch import MinHash, MinHashLSH

    words, vocabulary = _words(texts)
    hashes = np.array([_hash(word) for word in vocabulary], dtype=np.uint64)
    empty = MinHash(num_perm=_BANDS * _HASHES, hashfunc=int)
    index = MinHashLSH(params=(_BANDS, _HASHES), num_perm=_BANDS * _HASHES)
    same: dict[bytes, int] = {}
    for number, own in enumerate(words):
        if not len(own):
            continue
        twin = same.setdefault(own.tobytes(), number)
        if twin != number:
            found.merge(twin, number)
            continue
        sketch = empty.copy()
        sketch.update_batch(hashes[own])
        candidates = index.query(sketch)
        for other in candidates:
            if not found.connected(other, number) and _shared(own, words[other]) >= LEAST_ALIKE:
                found.merge(other, number)
        if len(candidates) < _CROWD:
            index.insert(number, sketch)


def _words(texts: Sequence[str]) -> tuple[list[np.ndarray], list[str]]:
    """The different words of each text as sorted numbers, and what they stand for."""
    vocabulary: dict[str, int] = defaultdict(count().__next__)
    words = []
    for text in texts:
        found = set(_WORD.findall(_SILENT.sub(" ", text.lower())))
        if _OF_UNSPACED.search(text):
            found = {part for word in found for part in _parts(word)}
        numbers = np.fromiter(map(vocabulary.__getitem__, found), np.int32, len(found))
        numbers.sort()
        words.append(numbers)
    return words, list(vocabulary)


def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=4).digest())


def _parts(word: str) -> list[str]:
    """The word; in scripts without spaces every two characters that follow each other."""
    if len(word) < 3 or not _OF_UNSPACED.match(word):
        return [word]
    return [word[start : start + 2] for start in range(len(word) - 1)]


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    few, many = sorted((len(one), len(other)))
    if few < LEAST_ALIKE * many:
        return 0.0
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (few + many - both)


def _join_images(pixels: np.ndarray, rows: np.ndarray, found: DisjointSet) -> None:
    """Join the places in `rows` of images with nearly the same perceptual hash (Zauner 2010) and
    nearly the same thumbnail.
    """
    if min(pixels.shape[1:3]) < LEAST_SIDE:
        return
    step = max(1, _AT_ONCE // pixels[0].size)
    thumbs = np.concatenate(
        [_thumbs(pixels[rows[start : start + step]]) for start in range(0, len(rows), step)]
    )
    hashes = _perceptual(thumbs)
    for bucket in _buckets(hashes, np.flatnonzero(thumbs.any(axis=1))):
        while len(bucket) > 1:
            one, others = bucket[0], bucket[1:]
            near = others[np.bitwise_count(hashes[others] ^ hashes[one]) <= MOST_BITS]
            near = near[thumbs[near] @ thumbs[one] >= LEAST_CORRELATED]
            for other in near.tolist():
                found.merge(int(one), other)
            crowded = len(near) > _CROWD
            bucket = np.setdiff1d(others, near, assume_unique=True) if crowded else others


def _buckets(hashes: np.ndarray, places: np.ndarray) -> Iterator[np.ndarray]:
    """Places of hashes that are the same in one of five parts, as one at least is where four bits
    differ at most.
    """
    for bits in np.array_split(np.arange(64), MOST_BITS + 1):
        keys = (hashes[places] >> np.uint64(bits[0])) & np.uint64(2 ** len(bits) - 1)
        order = np.argsort(keys, kind="stable")
        yield from np.split(places[order], np.flatnonzero(np.diff(keys[order])) + 1)


def _thumbs(pixels: np.ndarray) -> np.ndarray:
    """Grey thumbnails, shape (n, `_THUMB`²), each with mean 0 and length 1 (0 where flat)."""
    grey = pixels.mean(axis=3, dtype=np.float32)
    thumbs = _averaging(grey.shape[1]) @ grey @ _averaging(grey.shape[2]).T
    flat = thumbs.reshape(len(thumbs), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.divide(flat, length, out=np.zeros_like(flat), where=length > 1e-3)


def _averaging(side: int) -> np.ndarray:
    """Shape (`_THUMB`, side): weights that average pixels by the area they share."""
    edges = np.arange(_THUMB + 1) * side / _THUMB
    pixels = np.arange(side)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (shared.clip(0) * _THUMB / side).astype(np.float32)


def _perceptual(thumbs: np.ndarray) -> np.ndarray:
    """Hashes, uint64, shape (n,): which of the 64 lowest frequencies lie above their median."""
    from scipy.fft import dctn

    waves = dctn(thumbs.reshape(-1, _THUMB, _THUMB), axes=(1, 2))[:, :8, :8].reshape(-1, 64)
    above = waves > np.median(waves, axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(np.uint64).ravel()
