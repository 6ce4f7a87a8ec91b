"""Pictures on their way to a network: resized once, kept on the device, augmented in batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bakeoff.training.device import sent
from bakeoff.vision.configs import Pictures

LEAST_SIZE = 32
"""Pixels a side that smaller pictures are resized to, unless a configuration says otherwise."""
PREDICTION_BATCH = 256
STRIDE = 32
"""Pixels of a picture to one of a ResNet's last map."""
_LUMA = (0.299, 0.587, 0.114)
_CHUNK = 512


@dataclass(frozen=True)
class Batch:
    """What a network, or a part of it, takes of some pictures."""

    inputs: Tensor
    """The pictures, float32 in 0 … 1, shape (batch, channels, size, size), channels last in memory;
    or their embeddings, float32, shape (batch, width)."""
    labels: Tensor
    """int64, shape (batch,)."""
    targets: Tensor
    """The same inputs without what was blanked or pasted in them."""
    others: Tensor
    """int64, shape (batch,): of the pictures that a part was pasted from."""
    kept: Tensor
    """float32, shape (batch,): share of a picture that is its own, 1 where nothing was pasted."""

    @classmethod
    def of(cls, inputs: Tensor, labels: Tensor, targets: Tensor | None = None) -> Batch:
        """Pictures in which nothing was pasted, nor blanked if no targets are given."""
        kept = torch.ones(len(labels), device=labels.device)
        return cls(inputs, labels, inputs if targets is None else targets, labels, kept)

    @property
    def mixed(self) -> bool:
        """Whether parts of pictures may be pasted from others."""
        return self.others is not self.labels


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
    channels = 1 if grey else inputs.shape[3]
    pictures = torch.empty((len(inputs), size, size, channels), dtype=torch.uint8, device=device)
    for start in range(0, len(inputs), _CHUNK):
        part = torch.from_numpy(np.array(inputs[start : start + _CHUNK])).to(device)
        if grey and part.shape[3] == 3:
            part = _luma(part.float()).round().to(torch.uint8).unsqueeze(3)
        if part.shape[1:3] != (size, size):
            part = _resized(part, size)
        pictures[start : start + _CHUNK] = part
    return pictures


def _resized(pictures: Tensor, size: int) -> Tensor:
    resized = F.interpolate(
        pictures.permute(0, 3, 1, 2).float(), size=(size, size), mode="bilinear", antialias=True
    )
    return resized.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def plain_batches(pictures: Tensor, labels: Tensor, device: torch.device) -> Iterator[Batch]:
    """All pictures in order, as they are, on the device."""
    for start in range(0, len(pictures), PREDICTION_BATCH):
        part = slice(start, start + PREDICTION_BATCH)
        yield Batch.of(as_floats(sent(pictures[part], device)), sent(labels[part], device))


def as_floats(pictures: Tensor) -> Tensor:
    """uint8 (n, size, size, channels) to 0 … 1, (n, channels, size, size), channels last."""
    return pictures.permute(0, 3, 1, 2).float() / 255


def as_bytes(pictures: Tensor) -> np.ndarray:
    """The way back from `as_floats`, to main memory."""
    return (pictures.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def learning_size(size: int, growth: float, done: float) -> int:
    """Pixels a side that a network learns on: until the end half of them, then three quarters, up
    to the next multiple of `STRIDE`, so that the last map has no border of padding.

    Args:
        size: pixels a side in the end.
        growth: share of the training with smaller pictures.
        done: share of the training that is done.
    """
    if done >= growth:
        return size
    share = 1 / 2 if done < growth * 2 / 3 else 3 / 4
    return min(size, math.ceil(share * size / STRIDE) * STRIDE)


def augmented(
    pictures: Tensor, labels: Tensor, how: Pictures, rng: np.random.Generator, size: int
) -> Batch:
    """The pictures of a batch, each cropped, flipped, moved, blanked and mixed with another one by
    chance of its own.

    torchvision's transforms draw once a batch; here one bilinear sampling crops, moves and mirrors
    each picture of a batch as it likes.

    Args:
        pictures: uint8, shape (n, side, side, channels).
        labels: shape (n,), on the same device.
        how: which augmentations, and how far.
        rng: of the chances.
        size: pixels a side of what comes out; at least half of `side`, as bilinear sampling reads
            two pixels.
    """
    n, side = pictures.shape[:2]
    device = pictures.device
    # Rows and columns: the share of them that is seen, and the first that is.
    shares = _shares(n, how.crop, rng)
    reach, slack = round(how.shift * side), side * (1 - shares)
    starts = np.round(rng.uniform(-reach - 0.5, slack + reach + 0.5)).clip(-reach, slack + reach)
    places = starts + (np.arange(size) + 0.5) * (shares * side / size) - 0.5
    if how.flip:
        places[1] = np.where(rng.random((n, 1)) < 0.5, places[1][:, ::-1], places[1])
    down, across = sent((places / max(side - 1, 1) * 2 - 1).astype("float32"), device)
    grid = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), dim=3)
    # Mirrored at the border, which is not repeated: … 2 1 | 0 1 2 … (the "reflect" of F.pad).
    values = targets = F.grid_sample(
        as_floats(pictures), grid, padding_mode="reflection", align_corners=True
    )
    if how.color:
        factors = rng.uniform(1 - how.color, 1 + how.color, (3, n, 1, 1, 1))
        values = targets = _recolored(values, *sent(factors.astype("float32"), device))
    if how.cutout:
        blank = sent(_squares(n, size, round(how.cutout * size), rng), device)
        values = targets.masked_fill(blank.unsqueeze(1), 0.5)
    batch = Batch.of(values.contiguous(memory_format=torch.channels_last), labels, targets)
    return _mixed(batch, how.cutmix, rng) if how.cutmix else batch


def _mixed(batch: Batch, share: float, rng: np.random.Generator) -> Batch:
    """CutMix (Yun et al. 2019, eq. 1 and 2): λ is uniform; each picture has a square of its own."""
    n, size = len(batch.labels), batch.inputs.shape[2]
    device = batch.labels.device
    side = np.sqrt(rng.random((n, 1))) * size * (rng.random((n, 1)) < share)
    start = np.round(rng.uniform(0, size, (2, n, 1)) - side / 2)
    pasted = sent(_rectangles(start, np.round(side), size), device)
    partners = sent(rng.permutation(n), device)
    return replace(
        batch,
        inputs=torch.where(pasted.unsqueeze(1), batch.inputs[partners], batch.inputs),
        others=batch.labels[partners],
        kept=1 - pasted.float().mean(dim=(1, 2)),
    )


def _shares(n: int, least: float, rng: np.random.Generator) -> np.ndarray:
    """Height and width of a crop of each of n pictures, as shares of theirs, (2, n, 1): an area of
    at least `least` and sides of at most 4 : 3, as torchvision's RandomResizedCrop has them.
    """
    if least == 1:
        return np.ones((2, n, 1))
    area = rng.uniform(least, 1, (n, 1))
    aspect = np.exp(rng.uniform(-1, 1, (n, 1)) * math.log(4 / 3))
    return np.sqrt([area * aspect, area / aspect]).clip(max=1)


def _recolored(
    pictures: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor
) -> Tensor:
    """Pictures in 0 … 1, away from or nearer to black, their mean grey and their own grey each by a
    factor, in this order.
    """
    pictures = (pictures * brightness).clamp_(max=1)
    grey = _grey(pictures)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    pictures = torch.lerp(mean, pictures, contrast).clamp_(0, 1)
    return torch.lerp(_grey(pictures), pictures, saturation).clamp_(0, 1)


def _grey(pictures: Tensor) -> Tensor:
    """Pictures (n, channels, size, size) in one channel."""
    if pictures.shape[1] == 1:
        return pictures
    return _luma(pictures.permute(0, 2, 3, 1)).unsqueeze(1)


def _luma(colours: Tensor) -> Tensor:
    """The grey of colours, which the last dimension holds."""
    return colours @ sent(torch.tensor(_LUMA), colours.device)


def _squares(n: int, size: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Where each of n pictures is blanked, bool, (n, size, size): a square around any pixel, of
    which a part may lie outside.
    """
    return _rectangles(rng.integers(0, size, size=(2, n, 1)) - width // 2, width, size)


def _rectangles(start: np.ndarray, side: np.ndarray | int, size: int) -> np.ndarray:
    """What of pictures lies in a square each, bool, (n, size, size).

    Args:
        start: its first row and its first column, (2, n, 1).
        side: its side in pixels, (n, 1) or one for all.
        size: pixels a side of the pictures.
    """
    pixels = np.arange(size)
    down, across = (start <= pixels) & (pixels < start + side)
    return down[:, :, None] & across[:, None, :]


def training_rows(rows: int, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The rows of each batch of an epoch, of about the same size each: batch norm needs company."""
    return np.array_split(rng.permutation(rows), max(1, round(rows / batch_size)))


def class_balanced_rows(
    labels: np.ndarray, batch_size: int, images_per_class: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """The rows of each batch of an epoch: P classes, K pictures of each (Hermans et al. 2017).

    Every picture occurs; classes with most pictures left come first, so that few batches at the end
    lack classes. Drawn again are those that fill up a class's last K, and, in uneven data, K of
    another class beside each K of the largest when nothing else is left. Where there are
    fewer than P, more of each fill a batch, up to all of the smallest.
    """
    members = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
    classes = min(max(2, batch_size // images_per_class), len(members))
    smallest = min(map(len, members.values()))
    images_per_class = max(images_per_class, min(batch_size // classes, smallest))
    groups: dict[int, list[np.ndarray]] = {}
    for label, rows in members.items():
        filling = rng.choice(rows, -len(rows) % images_per_class)
        filled = np.concatenate([rng.permutation(rows), filling])
        groups[label] = list(filled.reshape(-1, images_per_class))
    batches = []
    while left := [label for label, some in groups.items() if some]:
        ties = rng.random(len(left))
        most = sorted(zip(left, ties, strict=True), key=lambda one: (-len(groups[one[0]]), one[1]))
        batch = [groups[label].pop() for label, _ in most[:classes]]
        if len(left) == 1:
            other = rng.choice([label for label in members if label != left[0]])
            few = len(members[other]) < images_per_class
            batch.append(rng.choice(members[other], images_per_class, replace=few))
        batches.append(np.concatenate(batch))
    return [batches[index] for index in rng.permutation(len(batches))]
