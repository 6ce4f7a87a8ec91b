"""Tiny ImageNet: 200 classes of small photographs in folders of their own kind."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bakeoff.data.download import cache, download
from bakeoff.data.image_files import ImageSource
from bakeoff.errors import UserError

TINY_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
TINY_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"


def download_tiny() -> ImageSource:
    return read_tiny(download(TINY_URL, cache() / "tiny-imagenet-200.zip", TINY_MD5))


def read_tiny(path: Path) -> ImageSource:
    """Tiny ImageNet (Le and Yang 2015), 64×64, packed or unpacked; its validation images are test.

    Its own test images have no labels.
    """
    import pandas as pd

    try:
        names, read = _listing(path)
        kinds = read("wnids.txt").decode().split()
        annotations = read("val/val_annotations.txt").decode().splitlines()
        words = dict(line.split("\t", 1) for line in read("words.txt").decode().splitlines())
        rows = [(name, name.split("/")[1], "train") for name in names if name.startswith("train/")]
        rows += [(f"val/images/{line.split()[0]}", line.split()[1], "test") for line in annotations]
    except (KeyError, IndexError, OSError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{path} cannot be read as the Tiny ImageNet archive: {reason}; unpack other archives "
            "and give the folder"
        ) from None
    number = {kind: position for position, kind in enumerate(kinds)}
    frame = pd.DataFrame(rows, columns=["name", "label", "own"])
    frame["label"] = frame["label"].map(number).fillna(-1).astype("int64")
    short = [words.get(kind, kind).partition(",")[0] for kind in kinds]
    of_name = Counter(short)
    classes = [
        f"{name} ({kind})" if of_name[name] > 1 else name
        for name, kind in zip(short, kinds, strict=True)
    ]
    of_row = frame["name"].tolist()
    return ImageSource(
        frame, lambda row: read(of_row[row]), "tiny-imagenet", str(path), classes=classes
    )


def _listing(path: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """The images' names below the folder that holds wnids.txt, in order, and how to read a file."""
    if path.is_dir():
        files = sorted(path.glob("train/*/images/[!.]*.JPEG"))
        names = [file.relative_to(path).as_posix() for file in files]
        return names, lambda name: (path / name).read_bytes()
    archive = zipfile.ZipFile(path)
    listed = archive.namelist()
    root = next((name for name in listed if name.endswith("wnids.txt")), "").removesuffix(
        "wnids.txt"
    )
    names = sorted(name.removeprefix(root) for name in listed if name.endswith(".JPEG"))
    return names, lambda name: archive.read(root + name)
