"""Where checkpoints lie: in a folder, or under an s3:// address.

What is written is whole or absent in both: a file is renamed, an object appears at its end.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bakeoff.artifacts import make_folder, written_atomically
from bakeoff.remote import is_remote
from bakeoff.s3 import Folder

Place = Path | Folder


def place(address: str) -> Place:
    """The place of an address: a path, or s3://bucket/prefix."""
    return Folder(address) if is_remote(address) else Path(address)


def read_whole(where: Place, name: str) -> bytes | None:
    """What was written last under a name; None where nothing was.

    Raises:
        UserError: it cannot be read, or, a `StoreAwayError`, not now.
    """
    if isinstance(where, Folder):
        return where.read(name)
    try:
        # In one go: a file that is replaced while it is read stays the old one.
        return (where / name).read_bytes()
    except FileNotFoundError:
        return None


def write_whole(where: Place, name: str, content: bytes) -> None:
    """Put content in place of what is there, whole or not at all.

    Raises:
        UserError: nothing can be written there, or, a `StoreAwayError`, not now.
    """
    if isinstance(where, Folder):
        where.write(name, content)
        return
    make_folder(where)
    with written_atomically(where / name) as temporary:
        for left in where.glob(f".{name}.*.tmp"):  # By one that was killed.
            left.unlink(missing_ok=True)
        temporary.write_bytes(content)


def names_in(where: Place) -> list[str]:
    """Of the files that lie there, in order."""
    if isinstance(where, Folder):
        return [name for name in where.names() if "/" not in name]
    return sorted(path.name for path in where.glob("*") if path.is_file())


def remove_all(where: Place) -> None:
    """Remove a place with all that lies there.

    Raises:
        UserError: it is in a store that does not answer, or refuses.
    """
    if isinstance(where, Folder):
        where.remove()
    else:
        shutil.rmtree(where, ignore_errors=True)
