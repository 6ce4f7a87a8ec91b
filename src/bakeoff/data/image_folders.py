"""Labelled images in folders: class/name.jpg, or that below train/, val/ and test/."""

from __future__ import annotations

from pathlib import Path

from bakeoff.data.class_folders import Kind, files_by_class
from bakeoff.data.decoding import FORMATS
from bakeoff.data.image_files import ImageSource


def read_folder(path: Path, class_level: int = 0) -> ImageSource:
    """Images by class.

    Args:
        path: the folder.
        class_level: as of `files_by_class`.

    Raises:
        UserError: as of `files_by_class`.
    """
    import pandas as pd

    files = files_by_class(path, _IMAGES, class_level)
    names = [filed.file.relative_to(path).as_posix() for filed in files]
    frame = pd.DataFrame(
        {"name": names, "label": [f.label for f in files], "own": [f.own for f in files]}
    )
    return ImageSource(
        frame, lambda row: (path / names[row]).read_bytes(), path.resolve().name, str(path)
    )


def is_image(file: Path) -> bool:
    """Whether a file is called as an image."""
    from PIL import Image

    return Image.registered_extensions().get(file.suffix.lower()) in FORMATS


_IMAGES = Kind("images", "class/name.jpg", is_image)
