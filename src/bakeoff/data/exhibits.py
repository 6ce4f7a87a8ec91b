"""Inputs as a page or a table shows them, whatever their modality."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

TEXT_LENGTH = 2000
_PNG_SIDE = 32


def exhibit(inputs: Any, row: int) -> str:
    """One input of a split: the text, cut at 2,000 characters, or the image as a data: URI.

    Images of up to 32 pixels a side are PNG, larger ones JPEG.
    """
    if not isinstance(inputs, np.ndarray):
        text = inputs[row]
        return text if len(text) <= TEXT_LENGTH else text[:TEXT_LENGTH] + "…"

    from PIL import Image

    pixels = inputs[row]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    kind = "png" if max(image.size) <= _PNG_SIDE else "jpeg"
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": 85} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def extent(inputs: Any) -> np.ndarray:
    """int64, shape (n,): the words of every text; 0 for images, which are all of one size."""
    if isinstance(inputs, np.ndarray):
        return np.zeros(len(inputs), "int64")
    return np.array([len(text.split()) for text in inputs], "int64")
