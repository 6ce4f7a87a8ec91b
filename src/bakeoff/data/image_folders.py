"""Labelled images in folders: class/name.jpg, or that below train/, val/ and test/."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from bakeoff.data.decoding import FORMATS
from bakeoff.data.image_files import SPLITS, ImageSource
from bakeoff.errors import UserError

_LIKE_SPLITS = re.compile(r"(train|val|test|dev|eval)", re.IGNORECASE)
_JUNK = ("Thumbs.db", "desktop.ini", "__MACOSX")
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, ends of lines, and what Python makes of bytes that are not UTF-8."""


def read_folder(path: Path) -> ImageSource:
    """Images as class/name.jpg, or below train/, val/ and test/; hidden files do not count.

    Raises:
        UserError: there are no class folders, one is empty, images lie outside them, other folders
            stand beside train/, folders look like splits and none is train/, or as of
            `visible_files`.
    """
    import pandas as pd

    parts = _parts(path)
    rows = []
    for part, folder in parts.items():
        _refuse_loose_files(folder)
        classes = _folders(folder)
        if not classes:
            raise UserError(
                f"{folder} holds no images; put them into a folder a class: class/name.jpg"
            )
        for of_class in classes:
            files = sorted(visible_files(of_class))
            if not files:
                raise UserError(f"{of_class} is an empty class folder; add images, or remove it")
            own = SPLITS[part.lower()] if part else ""
            rows += [(file.relative_to(path).as_posix(), of_class.name, own) for file in files]
    frame = pd.DataFrame(rows, columns=["name", "label", "own"])
    names = frame["name"].tolist()
    return ImageSource(
        frame, lambda row: (path / names[row]).read_bytes(), path.resolve().name, str(path)
    )


def visible_files(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders that are not hidden, nor in a hidden one.

    Links that lead nowhere are among them, since somebody meant a file.

    Raises:
        UserError: a folder cannot be listed or holds a link to a folder around it, or a name is no
            text.
    """
    return _files_below(folder, {str(parent) for parent in folder.resolve().parents})


def _files_below(folder: Path, around: set[str]) -> list[Path]:
    here = str(folder.resolve())
    if here in around:
        raise UserError(f"{folder} is a link to a folder that it lies in; remove the link")
    files = []
    for entry in _entries(folder):
        kind = _kind(entry)
        if kind == "folder":
            files += _files_below(entry, around | {here})
        elif kind == "file":
            files.append(entry)
    return files


def _parts(path: Path) -> dict[str, Path]:
    """Name → folder of each split; "" → the whole where there are none."""
    top = _folders(path)
    splits = [folder for folder in top if folder.name.lower() in SPLITS]
    others = [folder.name for folder in top if folder not in splits]
    training = [folder for folder in splits if SPLITS[folder.name.lower()] == "train"]
    if training and not others:
        return {folder.name: folder for folder in top}
    if any(_folders(folder) for folder in training):
        raise UserError(
            f"{path} has the folder {others[0]!r} beside its training split; splits are train, val "
            "and test, so move everything else away"
        )
    if top and all(_LIKE_SPLITS.match(folder.name) and _folders(folder) for folder in top):
        alike = ", ".join(folder.name for folder in top)
        raise UserError(
            f"{path} has no folder train, and {alike} look like splits; name them train, val and "
            "test"
        )
    if len(top) == 1 and len(_folders(top[0])) > 1:
        raise UserError(
            f"{path} has the folder {top[0].name} only, which would be a single class; if its "
            f"folders are the classes, give {top[0]}"
        )
    return {"": path}


def _folders(path: Path) -> list[Path]:
    return [entry for entry in _entries(path) if _kind(entry) == "folder"]


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
    for entry in found:
        if _NO_TEXT.search(entry.name):
            raise UserError(
                f"{folder} holds a file or folder whose name is no text, {entry.name!a}; rename it"
            )
    return [e for e in found if not e.name.startswith(".") and e.name not in _JUNK]


def _refuse_loose_files(folder: Path) -> None:
    from PIL import Image

    endings = [end for end, name in Image.registered_extensions().items() if name in FORMATS]
    for file in _entries(folder):
        if file.suffix.lower() in endings and _kind(file) == "file":
            raise UserError(
                f"{file} lies outside the class folders; put it into the folder of its class "
                "(class/name.jpg)"
            )
