"""From images as they came to images a model may see: decoded, checked, duplicates grouped."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING

from bakeoff.data.cleaning import Rows, arrays, classes_alike, count_duplicates, encode, unlabelled
from bakeoff.data.decoding import LEAST_SIDE, MOST_PIXELS, Size, pack, sides
from bakeoff.data.image_files import ImageSource
from bakeoff.data.places import read_places
from bakeoff.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_SHOWN = 5
_SAMPLE = 50
"""Images whose size is looked at before all are enlarged."""
_USUAL_SIDE = 32
"""Pixels a side that networks enlarge smaller images to anyway."""
_TOLD, _MOST = 4, 16
"""How many times as large as they are, or as the usual side, images are told to become, and at
most become."""


def clean_images(
    source: ImageSource,
    size: Size | None = None,
    skip_bad: bool = False,
    comparable: bool = True,
) -> Rows:
    """Decode and check every image, and find copies by their pixels.

    Args:
        source: images as they came.
        size: width and height that images are resized and cropped to (see `decode`); None keeps
            their own, which then must be squares of the same size.
        skip_bad: leave out images that cannot be used or have no label, and count them, instead
            of refusing.
        comparable: refuse labels that no models could be compared on; see `encode`.

    Raises:
        UserError: a size far above the images' own; images that cannot be used, are no squares of
            one size or have no class; a class without any that can be used, or a single class.
    """
    import pandas as pd

    if size and min(size) < LEAST_SIDE:
        raise UserError(
            f"--image-size {min(size)} leaves no picture; give {LEAST_SIDE} pixels or more"
        )
    if size and size[0] * size[1] > MOST_PIXELS:
        raise UserError(
            f"--image-size {max(size)} asks for more than {MOST_PIXELS // 10**6} megapixels a "
            f"picture; give {math.isqrt(MOST_PIXELS)} pixels or less"
        )
    places, bad = read_places(
        source.path, source.frame, source.places, "--skip-bad-images", skip_bad
    )
    bad |= _unlabelled(source)
    labelled = source.frame.drop(index=list(bad))
    ids = labelled.index.to_numpy("int64")
    enlarged = _enlargement(source, ids, min(size)) if size else []
    packed = pack(
        lambda row: source.read(int(ids[row])), labelled["name"].tolist(), size, source.path
    )
    bad |= {int(ids[row]): reason for row, reason in packed.unusable.items()}
    if bad and not skip_bad:
        raise _refusal(source, bad)
    frame = labelled.iloc[packed.rows]
    if frame.empty:
        raise UserError(f"{source.path} holds no image that can be used; check what is in it")
    _, height, width, channels = packed.pixels.shape
    if height != width:
        raise UserError(
            f"{source.path}: images are {width}×{height}, and networks take squares; give "
            "--image-size N to resize and crop all to N×N"
        )
    if source.classes:
        labels, classes = frame["label"].to_numpy("int64"), source.classes
    else:
        _refuse_lost(source.path, labelled["label"], frame["label"])
        labels, classes = encode(frame["label"], source.path, source.label_column, comparable)
    groups, _ = pd.factorize(pd.Series(packed.keys))
    facts = {
        "duplicates": count_duplicates(groups, labels),
        "dropped": dict(Counter(bad.values())),
        "remarks": [*classes_alike(classes, labels), *enlarged],
        "image": {"height": height, "width": width, "channels": channels},
    }
    rows = pd.DataFrame({"id": frame.index, "label": labels, "name": frame["name"].to_numpy()})
    if "time" in places:
        rows["time"] = frame["time"].astype(str).to_numpy()
    found = arrays(places.loc[frame.index])
    own = frame["own"].to_numpy(str)
    return Rows(rows, classes, packed.keys, groups, facts, pixels=packed.pixels, own=own, **found)


def _enlargement(source: ImageSource, rows: np.ndarray, side: int) -> list[str]:
    """A sentence on images that are enlarged several times, by the median of a sample.

    Raises:
        UserError: they would become far larger than they are.
    """
    found = [min(size) for size in sample_of_sizes(source, rows, _SAMPLE)]
    own = int(median(found or [side]))
    least = max(own, _USUAL_SIDE)
    if side > _MOST * least:
        raise UserError(
            f"{source.path}: images have {own} pixels a side, and {side} would show nothing more "
            f"of them; give --image-size {_MOST * least} or less, or larger images"
        )
    if side <= _TOLD * least:
        return []
    return [
        f"images of {own} pixels a side are enlarged to {side}, which shows nothing more of them "
        "and takes longer"
    ]


def sample_of_sizes(source: ImageSource, rows: np.ndarray, many: int) -> list[tuple[int, int]]:
    """Width and height of about so many images, evenly spaced, by their headers; those that cannot
    be read are left out.
    """
    found = []
    for row in rows[:: max(1, len(rows) // many)]:
        with suppress(OSError, KeyError, zipfile.BadZipFile, zlib.error):  # As in `pack`.
            found.append(sides(source.read(int(row))))
    return [size for size in found if all(size)]


def _unlabelled(source: ImageSource) -> dict[int, str]:
    """Row → what is wrong with its label."""
    labels: pd.Series = source.frame["label"]
    if source.classes:
        bad, reason = ~labels.between(0, len(source.classes) - 1), "label outside the classes"
    else:
        bad, reason = unlabelled(labels), "no label"
    return {int(row): reason for row in labels.index[bad]}


def _refuse_lost(path: str, before: pd.Series, after: pd.Series) -> None:
    """Raise a UserError if a class went with the images that were left out."""
    counts = before.value_counts()
    for name in sorted(set(before) - set(after), key=str):
        n = counts[name]
        raise UserError(
            f"{path}: class {name!r} has no image that can be used, as its {n:,} "
            f"{'is' if n == 1 else 'are'} left out; mend them, or leave the class out"
        )


def _refusal(source: ImageSource, bad: dict[int, str]) -> UserError:
    names = source.frame["name"]
    told = sorted(bad)[:_SHOWN]
    reasons = dict.fromkeys(bad[row] for row in told)
    shown = [
        f"{', '.join(names[row] for row in told if bad[row] == reason)}: {reason}"
        for reason in reasons
    ]
    more = ["…"] if len(bad) > _SHOWN else []
    return UserError(
        f"{source.path}: {len(bad)} image{'s' if len(bad) > 1 else ''} cannot be used "
        f"({'; '.join(shown + more)}); mend or remove, or leave out with --skip-bad-images"
    )
