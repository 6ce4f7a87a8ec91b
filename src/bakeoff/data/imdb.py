"""The official archive of 50,000 labelled reviews of IMDB (Maas et al. 2011)."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Collection
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 1 << 20
_MARKS = ("imdb.vocab", "imdbEr.txt")
_PARTS, _KINDS = ("train", "test"), ("pos", "neg", "unsup")
_REVIEW = re.compile(r"(train|test)/(pos/\d+_([7-9]|10)|neg/\d+_[1-4]|unsup/\d+_0)\.txt", re.ASCII)
"""Numbers and stars."""


def is_imdb(path: Path) -> bool:
    """Whether this is the archive, or the folder that was in it: one with its vocabulary, or with
    its folders and its names of reviews, and no others.
    """
    if path.is_file():
        return path.name.endswith((".tar.gz", ".tgz"))
    if not any((path / "train/pos").glob("*.txt")):
        return False
    names = ["/".join(file.parts[-3:]) for file in path.glob("*/*/*.txt")]
    if any((path / mark).is_file() for mark in _MARKS):
        return not _foreign(names)
    labelled = {f"{part}/{kind}" for part, kind in product(_PARTS, _KINDS[:2])}
    return all(map(_REVIEW.fullmatch, names)) and labelled <= {
        name.rpartition("/")[0] for name in names
    }


def read_imdb(path: Path) -> pd.DataFrame:
    """Columns text and label (1 = positive), from the archive packed or unpacked.

    Raises:
        UserError: it is damaged, or something else.
    """
    import pandas as pd

    texts: dict[str, str] = {}
    try:
        if path.is_dir():
            for file in path.glob("*/*/*.txt"):
                name = "/".join(file.parts[-3:])
                texts[name] = _review(path, name, file.read_bytes())
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() else None
                    if stream and member.name.endswith(".txt"):
                        name = "/".join(member.name.split("/")[-3:])
                        texts[name] = _review(path, member.name, stream.read())
                # tarfile takes a damaged header for the end; the checksum is at the real one.
                while archive.fileobj and archive.fileobj.read(_BLOCK):
                    pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise UserError(f"{path} cannot be read as the IMDB archive: {reason}") from None
    if other := _foreign(texts):
        raise UserError(
            f"{path} is not the IMDB archive, which holds no {other}: unpack it, and give the "
            "folder with the folders of the classes"
        )
    rows = [
        (texts[name], int(name.split("/")[1] == "pos"))
        for name in sorted(texts)
        if name.split("/")[0] in ("train", "test") and name.split("/")[1] in ("pos", "neg")
    ]
    if not rows:
        raise UserError(f"{path} holds no reviews under train/pos, train/neg, test/pos, test/neg")
    return pd.DataFrame(rows, columns=["text", "label"])


def _foreign(names: Collection[str]) -> str:
    """The first review in a folder beside those of the archive; "" where there is none."""
    folders = {name: name.split("/")[:2] for name in sorted(names) if name.count("/") == 2}
    return next((n for n, (a, b) in folders.items() if (a in _PARTS) != (b in _KINDS)), "")


def _review(archive: Path, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{archive}: the review {name} is not UTF-8 (byte {error.start}); convert or remove it"
        ) from None
