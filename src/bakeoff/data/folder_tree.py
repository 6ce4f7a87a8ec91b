"""What lies in a folder and its subfolders, without what systems leave there."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import UserError

_LEFT_BY_SYSTEMS = {
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "@eadir",
    "@tmp",
    "@appstore",
    "@sharebin",
    "@synoresource",
    "@transcode",
    "@recycle",
    "@recently-snapshot",
    "#recycle",
    "#snapshot",
    "~snapshot",
    "$recycle.bin",
    "recycler",
    "found.000",
    "network trash folder",
    "temporary items",
    "system volume information",
    "lost+found",
    "lost.dir",
}
"""Of Windows, macOS, Linux, Android and of network storage (Synology, QNAP, NetApp), in lower
case. What begins with a dot is hidden as well."""
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, ends of lines, and what Python makes of bytes that are not UTF-8."""


@dataclass(frozen=True)
class Entry:
    """A file, or a folder with nothing in it."""

    folders: tuple[str, ...]
    """The names of the folders that it lies in; an empty folder's own is the last."""
    file: Path | None
    """None for an empty folder."""


def tree(folder: Path) -> list[Entry]:
    """The files in a folder and its subfolders that are not hidden, nor in a hidden one, and the
    subfolders without any.

    Links that lead nowhere are among them, since somebody meant a file.

    Raises:
        UserError: a folder cannot be listed or holds a link to a folder around it, or a name is no
            text.
    """
    return list(_below(folder, (), {str(parent) for parent in folder.resolve().parents}))


def visible_files(folder: Path) -> list[Path]:
    """The files of `tree`."""
    return [entry.file for entry in tree(folder) if entry.file]


def folders_in(folder: Path) -> list[Path]:
    """The folders that lie in one and are not hidden."""
    return [entry for entry in _entries(folder) if _kind(entry) == "folder"]


def _below(folder: Path, names: tuple[str, ...], around: set[str]) -> Iterator[Entry]:
    here = str(folder.resolve())
    if here in around:
        raise UserError(f"{folder} is a link to a folder that it lies in; remove the link")
    found = [(entry, _kind(entry)) for entry in _entries(folder)]
    for entry, kind in found:
        if kind == "folder":
            yield from _below(entry, (*names, entry.name), around | {here})
        elif kind == "file":
            yield Entry(names, entry)
    if names and not any(kind for _, kind in found):
        yield Entry(names, None)


def _kind(entry: Path) -> str:
    """ "folder", "file", which may turn out to be unreadable, or "" for pipes and such."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else ""


def _entries(folder: Path) -> list[Path]:
    """What a folder holds and is not hidden, by name."""
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"{folder} cannot be listed: {error.strerror}; make it readable, or move it away"
        ) from None
    found = [entry for entry in found if entry.name.lower() not in _LEFT_BY_SYSTEMS]
    for entry in found:
        if _NO_TEXT.search(entry.name):
            raise UserError(
                f"{folder} holds a file or folder whose name is no text, {entry.name!a}; rename it"
            )
    return [entry for entry in found if not entry.name.startswith(".")]
