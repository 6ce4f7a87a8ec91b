"""Image sets with an archive of their own: by name, downloaded once, or from a local copy."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from bakeoff.data.download import cache, download
from bakeoff.data.image_files import ImageSource
from bakeoff.data.tiny_imagenet import read_tiny
from bakeoff.errors import UserError

FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
FASHION_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
STL10_URL = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
STL10_MD5 = "91f7769df0f17e558f3565bffb0c7dfb"

_DIGITS = [str(digit) for digit in range(10)]
_CLOTHES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"]
_CLOTHES += ["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
_STL10 = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
_BROKEN = (OSError, EOFError, ValueError, zlib.error, tarfile.TarError)

Part = tuple[str, np.ndarray, np.ndarray]
"""train or test, images (uint8) and labels (indices of classes)."""


def _arrays(name: str, path: str, parts: list[Part], classes: list[str]) -> ImageSource:
    """A source of images that are decoded already."""
    import pandas as pd

    for part, images, labels in parts:
        if len(images) != len(labels):
            raise UserError(
                f"{path} has {len(images):,} images and {len(labels):,} labels "
                f"({part or 'all'}); get it again"
            )
    own = np.concatenate([np.repeat(part, len(labels)) for part, _, labels in parts])
    labels = np.concatenate([labels for *_, labels in parts]).astype("int64")
    rows = [f"row {row + 1}" for row in range(len(labels))]
    first = parts[0][1]

    def read(row: int) -> np.ndarray:
        return first[row] if row < len(first) else parts[1][1][row - len(first)]

    frame = pd.DataFrame({"name": rows, "label": labels, "own": own})
    return ImageSource(frame, read, name, path, classes=classes)


def read_digits() -> ImageSource:
    """1,797 handwritten digits of 8×8 pixels, from scikit-learn (16, its black, is 255)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.rint(found.images * (255 / 16)).astype("uint8")
    return _arrays("digits", str(digits_file()), [("", images, found.target)], _DIGITS)


def digits_file() -> Path:
    """Where scikit-learn keeps them."""
    found = distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    return Path(str(found))


def download_fashion() -> ImageSource:
    folder = cache() / "fashion-mnist"
    for name, md5 in FASHION_MD5.items():
        download(f"{FASHION_URL}/{name}", folder / name, md5)
    return read_idx(folder)


def read_idx(folder: Path) -> ImageSource:
    """The four idx files of Fashion-MNIST (Xiao et al. 2017) or MNIST, packed or not."""
    parts: list[Part] = []
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = _idx(folder, f"{prefix}-images-idx3-ubyte", 3)
        parts.append((part, images, _idx(folder, f"{prefix}-labels-idx1-ubyte", 1)))
    # MNIST's files have the same names.
    known = "t10k-labels-idx1-ubyte.gz"
    packed = (folder / known).read_bytes() if (folder / known).exists() else b""
    fashion = hashlib.md5(packed).hexdigest() == FASHION_MD5[known]
    name, classes = ("fashion-mnist", _CLOTHES) if fashion else (folder.name, _DIGITS)
    return _arrays(name, str(folder), parts, classes)


def _idx(folder: Path, name: str, dimensions: int) -> np.ndarray:
    """The uint8 array of an idx file: its type, number of dimensions and sizes, then its values."""
    path = folder / f"{name}.gz"
    path = path if path.exists() else folder / name
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix else path.read_bytes()
        if raw[:4] != bytes((0, 0, 8, dimensions)):
            raise ValueError("its first bytes are others")
        shape = np.frombuffer(raw, ">i4", dimensions, offset=4)
        return np.frombuffer(raw, "uint8", offset=4 + 4 * dimensions).reshape(shape)
    except _BROKEN as error:
        raise UserError(f"{path} cannot be read as an idx file: {error}; get it again") from None


def download_stl10() -> ImageSource:
    return read_stl10(download(STL10_URL, cache() / "stl10_binary.tar.gz", STL10_MD5))


def read_stl10(path: Path) -> ImageSource:
    """The labelled images of STL-10 (Coates, Ng and Lee 2011), 96×96, packed or unpacked."""
    names = [f"{part}_{kind}.bin" for part in ("train", "test") for kind in "Xy"]
    found: dict[str, bytes] = {}
    try:
        if path.is_dir():
            folder = path / "stl10_binary" if (path / "stl10_binary").is_dir() else path
            found = {name: (folder / name).read_bytes() for name in names}
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    name = Path(member.name).name
                    stream = archive.extractfile(member) if name in names else None
                    if stream:
                        found[name] = stream.read()
                    if len(found) == len(names):  # Before gigabytes of unlabelled images.
                        break
        parts = [
            # Columns come before rows.
            (
                part,
                np.frombuffer(found[f"{part}_X.bin"], "uint8")
                .reshape(-1, 3, 96, 96)
                .transpose(0, 3, 2, 1),
                np.frombuffer(found[f"{part}_y.bin"], "uint8").astype("int64") - 1,
            )
            for part in ("train", "test")
        ]
    except KeyError as error:
        raise UserError(f"{path} is not the STL-10 archive: it lacks {error}") from None
    except _BROKEN as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} cannot be read as the STL-10 archive: {reason}") from None
    return _arrays("stl10", str(path), parts, _STL10)


def local_set(path: Path) -> Callable[[Path], ImageSource] | None:
    """What reads a local copy of one of these sets; None for anything else."""
    if path.is_dir():
        if (path / "wnids.txt").exists():
            return read_tiny
        if (path / "train_X.bin").exists() or (path / "stl10_binary").is_dir():
            return read_stl10
        return read_idx if any(path.glob("train-images-idx3-ubyte*")) else None
    if path.suffix == ".zip":
        return read_tiny
    return read_stl10 if path.name.endswith((".tar.gz", ".tgz")) and _is_stl10(path) else None


def _is_stl10(path: Path) -> bool:
    try:
        with tarfile.open(path) as archive:
            first = archive.next()
            return first is not None and first.name.startswith("stl10")
    except _BROKEN:
        return False
