"""Batches of texts of similar length, so that little is padded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from bakeoff.text.networks.vocabulary import Encoded
from bakeoff.training.device import device, sent

PREDICTION_BATCH = 128
"""Texts that are scored together."""
POOL = 32
"""Batches whose texts are sorted by length together; more pad less and mix less."""


@dataclass(frozen=True)
class Batch:
    """Texts as indices, padded on the right to the longest of them."""

    tokens: Tensor
    """int64, shape (batch, tokens)."""
    lengths: Tensor
    """int64, shape (batch,)."""
    labels: Tensor | None = None
    """int64, shape (batch,)."""


def training_rows(
    lengths: np.ndarray, batch_size: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """The rows of each batch of an epoch: shuffled, sorted by length in pools, batches shuffled."""
    order = rng.permutation(len(lengths))
    pools = np.split(order, range(POOL * batch_size, len(order), POOL * batch_size))
    batches = []
    for pool in pools:
        by_length = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.split(by_length, range(batch_size, len(by_length), batch_size))
    return [batches[index] for index in rng.permutation(len(batches))]


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Number of batches that `training_rows` makes."""
    return -(-rows // batch_size)


def sorted_rows(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """The rows of batches that cover all texts once, by length."""
    order = np.argsort(lengths, kind="stable")
    return np.split(order, range(batch_size, len(order), batch_size))


def batch_of(encoded: Encoded, rows: np.ndarray, labels: np.ndarray | None = None) -> Batch:
    """The texts of these rows, on the device."""
    tokens, lengths = encoded.padded(rows)
    where = device()
    return Batch(
        sent(tokens, where),
        sent(lengths, where),
        None if labels is None else sent(labels[rows], where),
    )
