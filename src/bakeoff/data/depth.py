"""Images of 16 bits a pixel, brought to 8 by one range of values for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bakeoff.errors import UserError

Range = tuple[int, int]
"""The values that become 0 and 255; those outside become the nearer of the two."""

_LEVELS = 2**16
_TAIL = 0.005
"""Share of values on either side of a range, as Isensee et al. (2021, nnU-Net) clip intensities:
hot pixels and burned-in marks would leave everything else few levels."""
_AT_ONCE = 64


def learned_range(pixels: np.ndarray, rows: np.ndarray) -> Range:
    """The 0.5th and 99.5th percentile of all values of these images.

    Where these are one value (a few bright dots on black), the smallest and the largest.

    Args:
        pixels: uint16, shape (n, height, width, 1).
        rows: which images to learn from: those of the training split.
    """
    counts = np.zeros(_LEVELS, np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        counts += np.bincount(pixels[rows[start : start + _AT_ONCE]].ravel(), minlength=_LEVELS)
    below, total = np.cumsum(counts), counts.sum()
    low, high = (int(np.searchsorted(below, total * q)) for q in (_TAIL, 1 - _TAIL))
    if low == high:
        found = np.flatnonzero(counts)
        low, high = int(found[0]), int(found[-1])
    return low, max(high, low + 1)


def to_bytes(pixels: np.ndarray, values: Range) -> np.ndarray:
    """uint16 pixels (n, …) as uint8: the range spread evenly over 0 … 255."""
    low, high = values
    levels = (np.arange(_LEVELS) - low) * (255 / (high - low))
    level = levels.round().clip(0, 255).astype("uint8")
    found = np.empty(pixels.shape, "uint8")
    for start in range(0, len(pixels), _AT_ONCE):
        found[start : start + _AT_ONCE] = level[pixels[start : start + _AT_ONCE]]
    return found


def as_learned(pixels: np.ndarray, image: Mapping[str, Any], what: str) -> np.ndarray:
    """New images as the images of a run were brought to 8 bits.

    Args:
        pixels: uint8 or uint16, shape (n, height, width, channels).
        image: the facts of the run's images; `range` if they had 16 bits a pixel.
        what: the new images, for messages.

    Returns:
        uint8, shaped as `pixels`.

    Raises:
        UserError: the run's images have 16 bits a pixel and these 8, or the other way round.
    """
    values = image.get("range")
    if (pixels.dtype == np.uint16) == bool(values):
        return to_bytes(pixels, values) if values else pixels
    given, own = (16, 8) if pixels.dtype == np.uint16 else (8, 16)
    raise UserError(
        f"{what} have {given} bits a pixel, and those of the run have {own}, so that "
        f"their values are on other scales; give images of {own} bits a pixel"
    )
