"""Labelled texts in folders: class/name.txt, or that below train/, val/ and test/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.data.class_folders import Kind, files_by_class
from bakeoff.data.encoding import DAMAGED, decoded
from bakeoff.data.folder_tree import tree
from bakeoff.data.image_folders import is_image
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3


def is_text(file: Path) -> bool:
    """Whether a file is called as a text."""
    return file.suffix.lower() == ".txt"


_TEXTS = Kind("texts", "class/name.txt", is_text)


def holds_texts(path: Path) -> bool:
    """Whether the files in a folder's folders are texts: some are called so, and none as an
    image.
    """
    files = [entry.file for entry in tree(path) if entry.file and entry.folders]
    return any(map(is_text, files)) and not any(map(is_image, files))


def read_text_folder(
    path: Path, class_level: int = 0, skip_bad: bool = False
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Texts by class, each a file.

    Args:
        path: the folder.
        class_level: as of `files_by_class`.
        skip_bad: tell files that cannot be used instead of refusing the folder.

    Returns:
        Columns text and label, and split where folders tell it; and row → why it cannot be used.

    Raises:
        UserError: as of `files_by_class`, or files cannot be used.
    """
    import pandas as pd

    files = files_by_class(path, _TEXTS, class_level)
    texts, bad = [], {}
    for row, filed in enumerate(files):
        text, wrong = _read(filed.file)
        texts.append(text)
        if wrong:
            bad[row] = wrong
    if bad and not skip_bad:
        shown = [f"{files[row].file.relative_to(path)} ({bad[row]})" for row in list(bad)[:_SHOWN]]
        more = ", …" if len(bad) > _SHOWN else ""
        raise UserError(
            f"{path}: of {len(files):,} files {len(bad):,} cannot be used: {', '.join(shown)}"
            f"{more}; mend them, or leave them out with --skip-bad-rows"
        )
    frame = pd.DataFrame({"text": texts, "label": [filed.label for filed in files]})
    if any(filed.own for filed in files):
        frame["split"] = [filed.own for filed in files]
    return frame, bad


def _read(file: Path) -> tuple[str, str]:
    """A file's text, and why it cannot be used."""
    if not is_text(file):
        return "", "no .txt"
    try:
        text, _ = decoded(str(file), file.read_bytes())
    except OSError as error:
        return "", f"unreadable: {error.strerror}"
    except UserError:
        return "", "no text"
    if DAMAGED.search(text):
        return "", "not UTF-8"
    return text, "" if text.strip() else "empty"
