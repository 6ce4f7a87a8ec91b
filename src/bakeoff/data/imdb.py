"""The official archive of 50,000 labelled reviews of IMDB (Maas et al. 2011)."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 1 << 20


def is_imdb(path: Path) -> bool:
    """Whether this is the archive, or the folder that was in it."""
    packed = path.is_file() and path.name.endswith((".tar.gz", ".tgz"))
    return packed or any((path / "train/pos").glob("*.txt"))


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
    rows = [
        (texts[name], int(name.split("/")[1] == "pos"))
        for name in sorted(texts)
        if name.split("/")[0] in ("train", "test") and name.split("/")[1] in ("pos", "neg")
    ]
    if not rows:
        raise UserError(f"{path} holds no reviews under train/pos, train/neg, test/pos, test/neg")
    return pd.DataFrame(rows, columns=["text", "label"])


def _review(archive: Path, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{archive}: the review {name} is not UTF-8 (byte {error.start}); convert or remove it"
        ) from None
