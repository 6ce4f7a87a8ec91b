"""A first look at data, as the command line and a notebook take it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.data.columns import Columns
from bakeoff.data.frames import in_words, kept, refused_in_words
from bakeoff.data.frames import split_column as column_of_splits
from bakeoff.data.look import look as facts_of
from bakeoff.running.options import at_home, checked, refuse_of_others
from bakeoff.studies import GENERAL, STUDIES

_ROLES = ("text", "image", "label", "split", "group", "time")


@dataclass(frozen=True)
class Look:
    """What data holds; printed, or as the value of a cell, in tables and sentences."""

    facts: dict[str, Any]
    """said (what was recognised), modality, name, path, columns (input and label), rows (as they
    came), usable, classes (name → usable rows), lengths (of texts, in words and characters) or
    sizes (of images), languages (of texts, name → share), duplicates, near_copies, left_out (reason
    → rows that --skip-bad-rows or --skip-bad-images leaves out), split (part → rows), remarks, and
    refusals: what a run would say, one line each. What cannot be told for a refusal is None."""

    def __str__(self) -> str:
        from bakeoff.report.looked import looked_lines, looked_tables
        from bakeoff.report.terminal import text_of

        return text_of(self.facts["said"], *looked_tables(self.facts), *looked_lines(self.facts))

    __repr__ = __str__


def look(
    source: Any,
    *,
    text_column: str = "",
    image_column: str = "",
    label_column: str = "",
    split_column: str = "",
    group_column: str = "",
    time_column: str = "",
    image_size: int = 0,
    class_level: int = 0,
    split: str = "0.7:0.1:0.2",
    seed: int = 0,
) -> Look:
    """Rows, classes, lengths or sizes, languages, copies, and what a bake-off would refuse.

    Args:
        source: a path, an address, the name of a data set, a pandas frame, or anything with
            `to_pandas()`, or a dictionary of splits of such.
        text_column: holds the texts; "" finds it.
        image_column: holds encoded images; "" finds it.
        label_column: holds the labels; "" finds it.
        split_column: says train, validation or test.
        group_column: holds what stays on one side of the split.
        time_column: holds times: train on the past, test on the future.
        image_size: pixels a side that images are brought to; 0: what a run would.
        class_level: of the folders that are the classes; 0: found.
        split: sizes or ratios, train:validation:test.
        seed: of the split.

    Raises:
        UserError: there is no such data, or more than one reading of it is possible.
    """
    if not time_column:
        split_column = split_column or column_of_splits(source)
    given = checked(
        {
            **{"text_column": text_column, "image_column": image_column},
            **{"label_column": label_column, "split_column": split_column},
            **{"group_column": group_column, "time_column": time_column},
            **{"image_size": image_size, "class_level": class_level, "split": split, "seed": seed},
        }
    )
    text, image, *others = (given.pop(f"{role}_column") for role in _ROLES)
    columns = Columns(image or text, *others)
    modality = "image" if image else "text" if text else ""
    with tempfile.TemporaryDirectory() as folder:
        if not isinstance(source, str | os.PathLike):
            source = kept(source, Path(folder))
        source = at_home(source)
        with refused_in_words(source):
            facts = facts_of(source, columns, modality=modality, limits=_limits(), **given)
    named = {"text_column": text, "image_column": image}
    refuse_of_others(facts["modality"], given | named)
    for told in ("remarks", "refusals"):
        facts[told] = [in_words(line, source) for line in facts[told]]
    facts["path"] = in_words(facts["path"], source)
    return Look(facts)


def _limits() -> dict[str, int]:
    """Of each modality the rows that a run takes unless it is told another number."""
    return {modality: STUDIES[study].presets["quick"].limit for modality, study in GENERAL.items()}
