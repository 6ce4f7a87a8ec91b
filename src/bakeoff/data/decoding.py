"""From encoded images to pixels: one, and all of a data set into one array."""

from __future__ import annotations

import hashlib
import io
import math
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.artifacts import explained_write_errors
from bakeoff.errors import UserError

if TYPE_CHECKING:
    from PIL import Image, ImageFile

LEAST_SIDE = 4
"""Pixels; smaller images are no pictures (tracking pixels, broken thumbnails)."""
MOST_PIXELS = 50_000_000
"""Larger images are refused by their header: a few bytes may claim gigabytes."""
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""What Pillow calls the formats that are read."""
_GREY = ("1", "L", "LA")
_HIGHEST = 255
_AT_ONCE = 64
"""Images that are in memory before they are written, at most."""
_BYTES_AT_ONCE = 2**28
"""What these take at most, unless one alone takes more."""


class UnusableError(Exception):
    """Why an image cannot be used, in a few words."""


Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Packed:
    """The usable images of a data set."""

    pixels: np.ndarray
    """uint8, or uint16 if the images have 16 bits a pixel, shape (n, height, width, channels),
    backed by a file; channels 1 if all are grey."""
    rows: np.ndarray
    """Shape (n,): which images these are."""
    keys: list[bytes]
    """Equal for images of equal pixels."""
    unusable: dict[int, str]
    """Image → why it is not among them."""


def decode(content: bytes, size: Size | None = None) -> np.ndarray:
    """The pixels of an encoded image, turned as its EXIF says, transparency on white.

    Args:
        content: the bytes of a JPEG, PNG, GIF, BMP, WebP, TIFF, PPM, AVIF or JPEG 2000 file; of
            several frames the first counts.
        size: width and height; images are resized to cover it, and what lies beyond it is cropped
            on both sides alike. None keeps their own.

    Returns:
        uint8, shape (height, width, channels), channels 1 for grey images and 3 for others; of grey
        images of 16 bits uint16.

    Raises:
        UnusableError: there is no image, it is damaged, too small, too large, or of values that
            could not be kept.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise UnusableError("empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UnusableError(f"more than {MOST_PIXELS // 10**6} megapixels")
            if min(image.size) < LEAST_SIDE:
                raise UnusableError(f"less than {LEAST_SIDE} pixels a side")
            _refuse_lossy(image)
            return _pixels(_flat(ImageOps.exif_transpose(image)), size)
    except UnusableError:
        raise
    except Image.DecompressionBombError:
        raise UnusableError(f"more than {MOST_PIXELS // 10**6} megapixels") from None
    except UnidentifiedImageError:
        raise UnusableError("no image of a known format") from None
    except Exception:  # Decoders stumble over broken files in every way there is.
        raise UnusableError("damaged") from None


def sides(content: bytes | np.ndarray) -> tuple[int, int]:
    """An image's width and height, by its header; 0 and 0 if that cannot be read."""
    from PIL import Image

    if not isinstance(content, bytes):
        return content.shape[1], content.shape[0]
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.size
    except Exception:  # As in `decode`, which says why.
        return 0, 0


def _refuse_lossy(image: ImageFile.ImageFile) -> None:
    """Raise an UnusableError for an image, not loaded yet, whose values could not be kept."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return
    if image.mode in ("I", "F"):
        raise UnusableError("signed, floating-point or 32-bit values; save it with 16 bits")
    for tile in image.tile:
        highest = tile.args[-1] if image.format == "PPM" and isinstance(tile.args, tuple) else 0
        if ";16" in str(tile.args) or highest > _HIGHEST:  # Pillow would read the upper 8 bits.
            raise UnusableError("16 bits a channel in colours; save it with 8, or in grey")


def _flat(image: Image.Image) -> Image.Image:
    """Grey ("L", of 16 bits "F") or RGB, without transparency."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray(np.asarray(image).astype("float32"))
    mode = "L" if image.mode in _GREY else "RGB"
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


def _pixels(image: Image.Image, size: Size | None) -> np.ndarray:
    from PIL import Image, ImageOps

    if size:
        image = ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    if image.mode == "F":
        pixels = pixels.round().astype("uint16")
    return pixels[..., None] if pixels.ndim == 2 else pixels


def pack(
    read: Callable[[int], bytes | np.ndarray], names: Sequence[str], size: Size | None, path: str
) -> Packed:
    """Decode images with all processors into one file-backed array, which vanishes with its user.

    Args:
        read: the bytes of an image, or its pixels (uint8, height × width, grey, or × 3).
        names: of the images, for messages.
        size: as in `decode`.
        path: of the data set, for messages.

    Raises:
        UserError: images differ in size or in bits a pixel, or the disk for temporary files
            (`$TMPDIR`) is full.
    """
    rows: list[int] = []
    keys: list[bytes] = []
    unusable: dict[int, str] = {}
    shape: tuple[int, ...] = ()
    kind = np.dtype("uint8")
    grey = True

    def decoded(row: int) -> tuple[np.ndarray, bytes, bool] | str:
        try:
            pixels = _decoded(read(row), size)
        except UnusableError as error:
            return str(error)
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            return getattr(error, "strerror", None) or "cannot be read"
        rgb = _rgb(pixels)
        return rgb, pixel_key(rgb), pixels.shape[2] == 1

    with (
        explained_write_errors(Path(tempfile.gettempdir())),
        tempfile.TemporaryFile() as stream,
        warnings.catch_warnings(action="ignore"),
        ThreadPoolExecutor() as pool,
    ):
        some = range(0)
        while some.stop < len(names):
            at_once = _at_once(shape) if shape else 1
            some = range(some.stop, min(some.stop + at_once, len(names)))
            for row, found in zip(some, pool.map(decoded, some), strict=True):
                if isinstance(found, str):
                    unusable[row] = found
                    continue
                pixels, key, is_grey = found
                if not shape:
                    shape, kind = pixels.shape, pixels.dtype
                if pixels.dtype != kind:
                    raise UserError(
                        f"{path}: {names[rows[0]]} has {8 * kind.itemsize} bits a pixel and "
                        f"{names[row]} {8 * pixels.dtype.itemsize}, so that their values are on "
                        "other scales; save all with the same"
                    )
                if pixels.shape != shape:
                    raise UserError(
                        f"{path}: images differ in size ({names[rows[0]]} is {_size(shape)}, "
                        f"{names[row]} is {_size(pixels.shape)}); give --image-size N to resize "
                        "and crop all to N×N"
                    )
                stream.write(pixels.data)
                rows.append(row)
                keys.append(key)
                grey = grey and is_grey
        stream.flush()
        if not rows:
            return Packed(np.empty((0, 0, 0, 1), "uint8"), np.array(rows, int), keys, unusable)
        packed = np.memmap(stream, kind, "r", shape=(len(rows), *shape))
    return Packed(packed[..., :1] if grey else packed, np.array(rows), keys, unusable)


def _at_once(shape: tuple[int, ...]) -> int:
    """How many images of this shape are in memory before they are written."""
    return min(_AT_ONCE, max(1, _BYTES_AT_ONCE // math.prod(shape)))


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """Grey pixels (height, width, 1) as equal red, green and blue; those of colours as they are."""
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def pixel_key(pixels: np.ndarray) -> bytes:
    """Equal for images (height, width, channels) that look the same, grey or in colours."""
    return hashlib.blake2b(_rgb(pixels).data, digest_size=16).digest()


def _decoded(content: bytes | np.ndarray, size: Size | None) -> np.ndarray:
    from PIL import Image

    if isinstance(content, bytes):
        return decode(content, size)
    return _pixels(Image.fromarray(np.ascontiguousarray(content)), size)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"


def write_pixels(
    path: Path,
    pixels: np.ndarray,
    rows: np.ndarray,
    become: Callable[[np.ndarray], np.ndarray] = np.ascontiguousarray,
) -> None:
    """Write these rows of an array, or the bytes that they become, as .npy, a few at a time."""
    with path.open("wb") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(rows), *pixels.shape[1:])}
        np.lib.format.write_array_header_1_0(stream, header)
        at_once = _at_once(pixels.shape[1:])
        for start in range(0, len(rows), at_once):
            stream.write(become(pixels[rows[start : start + at_once]]).data)
