"""Images of noise, and folders of them."""

import io

import numpy as np
from PIL import Image


def noise(seed=0, size=(8, 8), grey=False):
    """uint8 pixels of an image of this width and height."""
    shape = (size[1], size[0]) if grey else (size[1], size[0], 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(image, kind="png", **options):
    """Pixels, or a Pillow image, as the bytes of a file."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png(seed=0, size=(8, 8), grey=False):
    return encoded(noise(seed, size, grey))


def write_files(folder, files):
    """Write a mapping of names to bytes below a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def class_files(of_class=10, below="", start=0, **drawn):
    """Images of two classes, all different."""
    return {
        f"{below}{name}/{number}.png": png(start + 2 * number + label, **drawn)
        for label, name in enumerate(["cat", "dog"])
        for number in range(of_class)
    }
