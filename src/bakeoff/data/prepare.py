"""The prepare step: from a source to a dataset folder and a test folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bakeoff.artifacts import new_artifact
from bakeoff.data.cleaning import clean
from bakeoff.data.sources import fingerprint, read_source
from bakeoff.data.splitting import SplitSpec, split_rows
from bakeoff.errors import UserError


def prepare(
    dataset: Path,
    test: Path,
    *,
    source: str,
    split: str,
    seed: int,
    limit: int = 0,
    text_column: str = "text",
    label_column: str = "label",
    skip_bad_rows: bool = False,
) -> None:
    """Clean, deduplicate and split labelled texts.

    Args:
        dataset: where train and validation go.
        test: where the test split goes.
        source: a named set, a path or an fsspec URL.
        split: "train:validation:test", rows or shares.
        seed: fixes the split.
        limit: rows used at most, sampled by class; 0 uses all.
        text_column: the column with the text.
        label_column: the column with the label.
        skip_bad_rows: leave out rows without text or label instead of refusing the data.

    Raises:
        UserError: anything about the data that a person can mend.
    """
    spec = SplitSpec.parse(split)
    found = read_source(source, text_column, label_column)
    rows = clean(found, skip_bad_rows)
    labels = rows.frame["label"].to_numpy()
    try:
        sizes = spec.sizes(len(labels), limit)
        parts = split_rows(labels, rows.groups, rows.classes, sizes, seed)
    except UserError as error:
        raise UserError(f"{found.path}: {error}") from None
    settings = {
        "source": source,
        "split": split,
        "seed": seed,
        "limit": limit,
        "text_column": text_column,
        "label_column": label_column,
        "skip_bad_rows": skip_bad_rows,
    }
    facts = {
        "modality": "text",
        "classes": rows.classes,
        "sizes": {name: len(part) for name, part in parts.items()},
        "class_counts": {
            name: dict(zip(rows.classes, _counts(labels[part], len(rows.classes)), strict=True))
            for name, part in parts.items()
        },
        "source": {
            "name": found.name,
            "path": found.path,
            "fingerprint": fingerprint(source),
            "rows": len(found.frame),
        },
        **rows.facts,
        "split": split,
        "seed": seed,
    }
    frame = rows.frame.astype({"label": "int16"})
    with (
        new_artifact(dataset, "dataset", settings=settings) as (out, dataset_facts),
        new_artifact(test, "test", settings=settings) as (test_out, test_facts),
    ):
        dataset_facts.update(facts)
        test_facts.update(facts)
        for name, part in parts.items():
            folder = test_out if name == "test" else out
            frame.iloc[part].to_parquet(folder / f"{name}.parquet", index=False)


def _counts(labels: np.ndarray, classes: int) -> list[int]:
    return np.bincount(labels, minlength=classes).tolist()
