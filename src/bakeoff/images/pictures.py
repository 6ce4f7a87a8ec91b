"""Pictures on their way to a network: resized once, kept on the device, augmented in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bakeoff.images.configs import Pictures

LEAST_SIZE = 32
"""Pixels a side that smaller pictures are resized to, unless a configuration says otherwise."""
PREDICTION_BATCH = 256
_LUMA = (0.299, 0.587, 0.114)
_CHUNK = 512


@dataclass(frozen=True)
class Batch:
    """Pictures as a network takes them."""

    pictures: Tensor
    """float32 in 0 … 1, shape (batch, channels, size, size), channels last in memory."""
    labels: Tensor
    """int64, shape (batch,)."""
    targets: Tensor
    """The same pictures without what was blanked in them."""

    def to(self, device: torch.device) -> Batch:
        """The same on a device; nothing is done where it is there already."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def side(inputs: np.ndarray, wanted: int) -> int:
    """Pixels a side of the network's input for raw pictures (n, height, width, channels)."""
    return wanted or max(*inputs.shape[1:3], LEAST_SIZE)


def home(inputs: np.ndarray, size: int, device: torch.device) -> torch.device:
    """Where the pictures of a split stay: on the device, or in main memory where they would take
    more than half of what the device has left.
    """
    if device.type != "cuda":
        return device
    free, _ = torch.cuda.mem_get_info()
    needed = len(inputs) * size * size * inputs.shape[3]
    return device if needed < free / 2 else torch.device("cpu")


def loaded(inputs: np.ndarray, size: int, grey: bool, device: torch.device) -> Tensor:
    """All pictures on the device, uint8, shape (n, size, size, channels).

    Args:
        inputs: uint8, shape (n, height, width, channels); channels 1 or 3.
        size: pixels a side they are resized to, antialiased.
        grey: make them one channel.
        device: where they stay.
    """
    parts = []
    for start in range(0, len(inputs), _CHUNK):
        part = torch.from_numpy(np.array(inputs[start : start + _CHUNK])).to(device)
        if grey and part.shape[3] == 3:
            luma = part.float() @ torch.tensor(_LUMA, device=device)
            part = luma.round().to(torch.uint8).unsqueeze(3)
        if part.shape[1:3] != (size, size):
            part = _resized(part, size)
        parts.append(part)
    return torch.cat(parts)


def _resized(pictures: Tensor, size: int) -> Tensor:
    resized = F.interpolate(
        pictures.permute(0, 3, 1, 2).float(), size=(size, size), mode="bilinear", antialias=True
    )
    return resized.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def plain_batches(pictures: Tensor, labels: Tensor) -> Iterator[Batch]:
    """All pictures in order, as they are."""
    for start in range(0, len(pictures), PREDICTION_BATCH):
        part = slice(start, start + PREDICTION_BATCH)
        values = as_floats(pictures[part])
        yield Batch(values, labels[part], values)


def as_floats(pictures: Tensor) -> Tensor:
    """uint8 (n, size, size, channels) to 0 … 1, (n, channels, size, size), channels last."""
    return pictures.permute(0, 3, 1, 2).float() / 255


def as_bytes(pictures: Tensor) -> np.ndarray:
    """The way back from `as_floats`, to main memory."""
    return (pictures.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def augmented(
    pictures: Tensor, labels: Tensor, rows: np.ndarray, how: Pictures, rng: np.random.Generator
) -> Batch:
    """The pictures of `rows`, each flipped, moved and blanked by chance of its own.

    torchvision's transforms draw once a batch; here one gather takes a batch from the data set,
    moves and mirrors each picture and leaves its channels last.

    Args:
        pictures: uint8, shape (n, size, size, channels).
        labels: shape (n,).
        rows: the batch.
        how: which augmentations, and how far.
        rng: of the chances.
    """
    n, size = len(rows), pictures.shape[1]
    device = pictures.device
    reach = round(how.shift * size)
    moves = rng.integers(-reach, reach + 1, size=(2, n, 1))
    places = np.arange(size) + moves
    # Mirrored at the border, which is not repeated: … 2 1 | 0 1 2 … (the "reflect" of F.pad).
    places = size - 1 - np.abs(size - 1 - np.abs(places))
    down, across = torch.from_numpy(places).to(device)
    if how.flip:
        mirrored = torch.from_numpy(rng.random(n) < 0.5).to(device)
        across = torch.where(mirrored.unsqueeze(1), across.flip(1), across)
    index = torch.from_numpy(rows).to(device)
    taken = pictures[index[:, None, None], down[:, :, None], across[:, None, :]]
    values = targets = as_floats(taken)
    if how.cutout:
        blank = torch.from_numpy(_squares(n, size, round(how.cutout * size), rng)).to(device)
        values = targets.masked_fill(blank.unsqueeze(1), 0.5)
    return Batch(values, labels[index], targets)


def _squares(n: int, size: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Where each of n pictures is blanked, bool, (n, size, size): a square around any pixel, of
    which a part may lie outside.
    """
    start = rng.integers(0, size, size=(2, n, 1)) - width // 2
    pixels = np.arange(size)
    down, across = (start <= pixels) & (pixels < start + width)
    return down[:, :, None] & across[:, None, :]


def training_rows(rows: int, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The rows of each batch of an epoch, of about the same size each: batch norm needs company."""
    return np.array_split(rng.permutation(rows), max(1, round(rows / batch_size)))


def class_balanced_rows(
    labels: np.ndarray, batch_size: int, images_per_class: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """The rows of each batch of an epoch: P classes, K pictures of each (Hermans et al. 2017).

    Every picture occurs once, apart from those that fill up a class's last K; classes with most
    pictures left come first, so that few batches at the end lack classes. A batch has two classes
    at least: what is left over of a single one is not used in this epoch.
    """
    groups: dict[int, list[np.ndarray]] = {}
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        missing = -len(rows) % images_per_class
        filled = np.concatenate([rows, rng.choice(rows, missing)])
        groups[int(label)] = list(filled.reshape(-1, images_per_class))
    classes = max(2, batch_size // images_per_class)
    batches = []
    while len(left := [label for label, some in groups.items() if some]) >= 2:
        ties = rng.random(len(left))
        most = sorted(zip(left, ties, strict=True), key=lambda one: (-len(groups[one[0]]), one[1]))
        batches.append(np.concatenate([groups[label].pop() for label, _ in most[:classes]]))
    return [batches[index] for index in rng.permutation(len(batches))]
