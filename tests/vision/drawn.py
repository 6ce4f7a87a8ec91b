"""Pictures that a test draws itself, as splits."""

import numpy as np

from bakeoff.data.splits import Split


def drawn(rows=24, size=12, channels=3, classes=3, seed=0):
    """Noise with a bright stripe, whose height is that of its class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    pixels = rng.integers(0, 120, (rows, size, size, channels), np.uint8)
    height = size // classes
    for picture, label in zip(pixels, labels, strict=True):
        picture[label * height : (label + 1) * height] += np.uint8(120)
    names = [f"stripe {label}" for label in range(classes)]
    return Split(np.arange(rows), pixels, labels, names, "image")
