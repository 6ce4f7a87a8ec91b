"""Labelling new texts or images with a model of a run."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bakeoff.data.characters import normalised
from bakeoff.data.columns import listed
from bakeoff.errors import UserError
from bakeoff.running.runs import RunFolder, model_folder, trainings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Picture: TypeAlias = "str | bytes | np.ndarray"
"""The path of an image file, its content, or its pixels: uint8, shape (height, width) for grey or
(…, 3) for RGB."""

_UNLABELLED: dict[str, Any] = {"label": None, "probability": None, "probabilities": {}}


def predict(run: RunFolder, inputs: Sequence[Picture], model: str = "") -> list[dict[str, Any]]:
    """The label of each text or image and its probability.

    Args:
        run: a finished run.
        inputs: what to label: texts, or images.
        model: a model of the run; none means the winner.

    Returns:
        One record an input: text or image (its path, None where it has none), label, probability,
        probabilities by class. A blank input has no label: None, None and an empty dictionary.

    Raises:
        UserError: the run is not finished, has no such model, or the model was removed; an image
            cannot be used.
    """
    results = run.results
    winner = results["winner"]
    entries = trainings(results, model or winner["model"])
    entry = entries[0]
    if entry["model"] == winner["model"]:
        entry = next(e for e in entries if e["seed"] == winner["seed"])
    folder = model_folder(run, entry)
    from bakeoff.predictors import load

    predictor = load(folder)
    modality = results["dataset"]["modality"]
    given = [one for one in inputs if not _is_blank(one)]
    content = (
        [normalised(str(text)) for text in given]
        if modality == "text"
        else _pictures(given, results["dataset"]["image"])
    )
    rows = iter(predictor.probabilities(content) if given else ())

    def labelled(one: Picture) -> dict[str, Any]:
        return _UNLABELLED if _is_blank(one) else _record(predictor.classes, next(rows))

    return [{modality: one if isinstance(one, str) else None, **labelled(one)} for one in inputs]


def inputs_of(
    frame: pd.DataFrame, dataset: Mapping[str, Any], where: str, otherwise: str = ""
) -> pd.Series:
    """The column of a frame that is called as a run's of texts or images.

    Args:
        frame: with any columns.
        dataset: what results.json says of the run's.
        where: what the frame is to a person.
        otherwise: what helps a person beside renaming.

    Raises:
        UserError: there is none, or more than one.
    """
    column = dataset["columns"]["input"]
    names = [normalised(str(name)) for name in frame.columns]
    if names.count(column) != 1:
        many = "several columns" if column in names else "no column"
        raise UserError(
            f"{where} has {many} {column!r}, as the {dataset['modality']}s of the run are called; "
            f"it has: {listed(names)}; rename one{otherwise}"
        )
    return frame.iloc[:, names.index(column)]


def picture(value: Any) -> Picture | None:
    """An image in any form that data sets have: a path, bytes, pixels, Hugging Face's {bytes, path}
    or Pillow's object; "" of a missing one, None of what is no image.
    """
    import numpy as np
    from PIL import Image, ImageOps

    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, Image.Image):
        content = io.BytesIO()
        upright = ImageOps.exif_transpose(value)
        try:
            upright.save(content, "TIFF" if upright.mode in ("CMYK", "YCbCr", "LAB") else "PNG")
        except OSError:
            raise UserError(
                f"images of Pillow's mode {upright.mode} are not labelled: convert them to RGB or L"
            ) from None
        return content.getvalue()
    if isinstance(value, np.ndarray):
        if value.dtype != np.uint8 or value.ndim < 2:
            return None
        channels = value.shape[2:]
        if channels == (4,):  # What is transparent looks as it does in a file.
            return picture(Image.fromarray(value))
        if channels == (1,):
            return value[:, :, 0]
        return value if channels in ((), (3,)) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return value if isinstance(value, str | bytes) else None


def _is_blank(one: Picture) -> bool:
    return isinstance(one, str | bytes) and not one.strip()


def _record(classes: Sequence[str], row: np.ndarray) -> dict[str, Any]:
    return {
        "label": classes[int(row.argmax())],
        "probability": float(row.max()),
        "probabilities": dict(zip(classes, map(float, row), strict=True)),
    }


def _pictures(images: Sequence[Picture], own: Mapping[str, Any]) -> np.ndarray:
    """Images in the size and the range of values of the run's own: uint8, shape (n, height,
    width, channels).
    """
    from bakeoff.data.decoding import pack
    from bakeoff.data.depth import as_learned

    def read(row: int) -> bytes | np.ndarray:
        image = images[row]
        return Path(image).read_bytes() if isinstance(image, str) else image

    size = (own["width"], own["height"])
    names = [one if isinstance(one, str) else str(n) for n, one in enumerate(images, start=1)]
    packed = pack(read, names, size, "the images")
    if packed.unusable:
        row, reason = next(iter(packed.unusable.items()))
        raise UserError(f"cannot use the image {names[row]}: {reason}; mend it, or leave it out")
    return as_learned(packed.pixels, own, "the images")
