"""The prepare step: from a source to a dataset folder and a test folder."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from bakeoff import events
from bakeoff.artifacts import new_artifact
from bakeoff.data.assigning import assign
from bakeoff.data.cleaning import Rows, clean
from bakeoff.data.columns import Columns
from bakeoff.data.decoding import Size, write_pixels
from bakeoff.data.depth import learned_range, to_bytes
from bakeoff.data.image_files import ImageSource
from bakeoff.data.images import clean_images
from bakeoff.data.sources import Source, fingerprint, read_images, read_source
from bakeoff.data.splitting import SplitSpec
from bakeoff.errors import UserError


def prepare(
    dataset: Path,
    test: Path,
    *,
    source: str,
    modality: str = "text",
    split: str,
    seed: int,
    limit: int = 0,
    input_column: str = "",
    label_column: str = "label",
    split_column: str = "",
    group_column: str = "",
    time_column: str = "",
    image_size: int = 0,
    class_level: int = 0,
    skip_bad: bool = False,
) -> None:
    """Clean or decode, deduplicate and split labelled texts or images.

    Data may come with splits of its own (folders or a column): the test split then stays the test
    split, a validation split beside it is the validation split, and one without a test split
    is the test split. The first two numbers of `split` divide the rest, as shares relative to each
    other or as they are; of the own test split, the third takes at most all; `limit` scales all
    parts in proportion. Copies of test rows are left out of training. Images of 16 bits a pixel
    are kept in 8, by the range of the training split's values (`image.range` of the facts).

    Args:
        dataset: where train and validation go.
        test: where the test split goes.
        source: a named set, a path or an fsspec URL.
        modality: "text" or "image".
        split: "train:validation:test", rows or shares.
        seed: fixes the split.
        limit: rows used at most, sampled by class; 0 uses all.
        input_column: the column with the text or the encoded image; "" is "text" or "image".
        label_column: the column with the label.
        split_column: the column that says train, validation or test; "" finds one called split in
            a Parquet of images.
        group_column: the column with what stays on one side: a patient, a user, an author.
        time_column: the column by which the past trains and the future tests.
        image_size: resize the shorter side of images to this and crop the centre; 0 keeps their
            size.
        class_level: at which level of a folder's folders the classes are; 0 finds it.
        skip_bad: leave out rows that cannot be used, such as those without a label, instead of
            refusing the data.

    Raises:
        UserError: anything about the data that a person can mend.
    """
    spec = SplitSpec.parse(split)
    columns = Columns.of(
        modality, input_column, label_column, split_column, group_column, time_column
    )
    columns.check()
    size = (image_size, image_size) if image_size else None
    found, rows = read_rows(source, modality, columns, size, skip_bad, class_level)
    labels = rows.frame["label"].to_numpy()
    try:
        made = assign(rows, columns, spec, limit, seed)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    parts = made.parts
    become = np.ascontiguousarray
    if rows.pixels is not None and rows.pixels.dtype == np.uint16:
        values = learned_range(rows.pixels, parts["train"])
        become = partial(to_bytes, values=values)
        rows.facts["image"]["range"] = list(values)
    settings = {
        "source": source,
        "modality": modality,
        "split": split,
        "seed": seed,
        "limit": limit,
        "columns": asdict(columns),
        "image_size": image_size,
        "class_level": class_level,
        "skip_bad": skip_bad,
    }
    facts = {
        "modality": modality,
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
        "columns": {"input": columns.input, "label": columns.label},
        **rows.facts,
        **made.facts,
        "remarks": [*rows.facts["remarks"], *spec.remarks(len(rows.frame)), *made.remarks],
        # Tells this preparation from others of equal data.
        "preparation": uuid.uuid4().hex,
        "split": split,
        "seed": seed,
    }
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
    events.tell(f"{source}: {len(found.frame):,} rows, of which {sizes}")
    frame = rows.frame.astype({"label": "int32"}).drop(columns="time", errors="ignore")
    with (
        new_artifact(dataset, "dataset", settings=settings) as (out, dataset_facts),
        new_artifact(test, "test", settings=settings) as (test_out, test_facts),
    ):
        dataset_facts.update(facts)
        test_facts.update(facts)
        for name, part in parts.items():
            folder = test_out if name == "test" else out
            frame.iloc[part].to_parquet(folder / f"{name}.parquet", index=False)
            if rows.pixels is not None:
                write_pixels(folder / f"{name}.npy", rows.pixels, part, become)


def read_rows(
    source: str,
    modality: str,
    columns: Columns,
    size: Size | None,
    skip_bad: bool,
    class_level: int = 0,
    comparable: bool = True,
) -> tuple[Source | ImageSource, Rows]:
    """Labelled texts or images as they came, and those of them that a model may see.

    Args:
        source, modality, skip_bad, class_level: as in `prepare`.
        columns: those of a file.
        size: width and height that images are resized and cropped to; None keeps their own.
        comparable: refuse labels that no models could be compared on; see `encode`.

    Raises:
        UserError: the data cannot be used.
    """
    if modality == "image":
        images = read_images(source, columns, class_level)
        return images, clean_images(images, size, skip_bad, comparable)
    texts = read_source(source, columns, skip_bad, class_level)
    return texts, clean(texts, skip_bad, comparable)


def _counts(labels: np.ndarray, classes: int) -> list[int]:
    return np.bincount(labels, minlength=classes).tolist()
