"""A first look at data: what it holds, and what a bake-off on it would refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from bakeoff.data.assigning import assign
from bakeoff.data.cleaning import Rows
from bakeoff.data.columns import Columns
from bakeoff.data.frames import name_of
from bakeoff.data.image_files import ImageSource
from bakeoff.data.images import sample_of_sizes
from bakeoff.data.languages import languages
from bakeoff.data.prepare import read_rows
from bakeoff.data.recognise import Reading, recognise
from bakeoff.data.sources import Source
from bakeoff.data.splitting import SplitSpec
from bakeoff.errors import UserError

_SIZES = 1000
"""Images whose size is looked at."""


def look(
    source: str,
    columns: Columns,
    *,
    modality: str = "",
    class_level: int = 0,
    image_size: int = 0,
    split: str = "0.7:0.1:0.2",
    seed: int = 0,
    limits: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any]:
    """What there is to know of data before anything trains.

    Args:
        source: a named set, a path or an address.
        columns: those that a person named; "" are recognised.
        modality: "text" or "image" where that is known.
        class_level: as of `read_images`.
        image_size: as of `prepare`; 0 takes what a run would.
        split: as of `prepare`.
        seed: of the split.
        limits: modality → the rows that a bake-off takes where nobody says how many.

    Returns:
        The facts that `running.look.Look` lists.

    Raises:
        UserError: there is no such data, or more than one reading of it is possible.
    """
    columns.check()
    reading = recognise(source, modality, columns, class_level, sized=bool(image_size))
    columns = Columns.of(
        reading.modality,
        reading.input_column or columns.input,
        reading.label_column or columns.label or "label",
        columns.split,
        columns.group,
        columns.time,
    )
    side = image_size or reading.image_size
    size = (side, side) if side else None

    def read(skip: bool, comparable: bool = True) -> tuple[Source | ImageSource, Rows]:
        return read_rows(source, reading.modality, columns, size, skip, class_level, comparable)

    refusals: list[str] = []
    found = _first(
        refusals,
        lambda: read(False),
        lambda: read(True),
        lambda: read(True, comparable=False),
    )
    facts = _unknown(source, reading, columns) | {"refusals": refusals}
    if found is None:
        return facts
    raw, rows = found
    facts |= _counted(raw, rows)
    made = None
    if not refusals or rows.facts["dropped"]:
        try:
            made = assign(rows, columns, SplitSpec.parse(split), 0, seed)
            if 0 < (limit := limits.get(reading.modality, 0)) < len(rows.frame):
                assign(rows, columns, SplitSpec.parse(split), limit, seed)
        except UserError as error:
            refusals.append(f"{source}: {error}")
    if made:
        facts["near_copies"] = made.facts.get("near_copies", {"rows": 0, "groups": 0})
        facts["split"] = {name: len(part) for name, part in made.parts.items()}
        facts["remarks"] = [*rows.facts["remarks"], *made.remarks]
    return facts


def _first(
    refusals: list[str], *ways: Callable[[], tuple[Source | ImageSource, Rows]]
) -> tuple[Source | ImageSource, Rows] | None:
    """What the first way gives that is not refused; the others' refusals are kept."""
    for way in ways:
        try:
            return way()
        except UserError as error:
            if str(error) not in refusals:
                refusals.append(str(error))
    return None


def _unknown(source: str, reading: Reading, columns: Columns) -> dict[str, Any]:
    told = ("rows", "usable", "classes", "duplicates", "near_copies", "left_out", "split")
    return {
        "said": reading.said,
        "modality": reading.modality,
        "name": name_of(source),
        "path": source,
        "columns": {"input": columns.input, "label": columns.label} if reading.label_column else {},
        **dict.fromkeys(told),
        "remarks": [],
    }


def _counted(raw: Source | ImageSource, rows: Rows) -> dict[str, Any]:
    labels = rows.frame["label"].to_numpy()
    counts = np.bincount(labels, minlength=len(rows.classes)).tolist()
    facts = {
        "name": raw.name,
        "path": raw.path,
        "rows": len(raw.frame),
        "usable": len(rows.frame),
        "classes": dict(zip(rows.classes, counts, strict=True)),
        "duplicates": rows.facts["duplicates"],
        "left_out": {reason: n for reason, n in rows.facts["dropped"].items() if n},
        "remarks": rows.facts["remarks"],
    }
    if isinstance(raw, ImageSource):
        ids = rows.frame["id"].to_numpy("int64")
        found = sample_of_sizes(raw, ids, _SIZES)
        widths, heights = zip(*found, strict=True) if found else ((), ())
        return facts | {"sizes": {"width": _spread(widths), "height": _spread(heights)}}
    texts = rows.frame["text"].tolist()
    return facts | {
        "lengths": {
            "words": _spread([len(text.split()) for text in texts]),
            "characters": _spread([len(text) for text in texts]),
        },
        "languages": languages(texts),
    }


def _spread(values: Sequence[int]) -> dict[str, int]:
    """The least, the middle, what 95 % do not exceed, and the most."""
    quantiles = np.quantile(np.asarray(values or [0]), [0, 0.5, 0.95, 1], method="lower")
    return dict(zip(("least", "median", "95 %", "most"), map(int, quantiles), strict=True))
