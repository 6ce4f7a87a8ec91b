"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.errors import UserError
from bakeoff.training.settings import MOST_SEED


class Metric(StrEnum):
    accuracy = "accuracy"
    macro_f1 = "macro-f1"
    balanced_accuracy = "balanced-accuracy"
    log_loss = "log-loss"
    auc = "auc"


class WandbMode(StrEnum):
    online = "online"
    offline = "offline"
    disabled = "disabled"


StudyOrData = Annotated[
    str,
    typer.Argument(
        help="What to compare: text, images, sentiment, autoencoder or resnet; or the data, for "
        "text or images: a name, a path or an address.",
        metavar="STUDY|DATA",
    ),
]
Run = Annotated[str, typer.Argument(help="Name of a run, or: latest.")]
Runs = Annotated[
    Path, typer.Option("--runs", help="Folder that holds all runs.", envvar="BAKEOFF_RUNS")
]


def _named(data: str | None) -> str | None:
    """An empty name, such as of a variable that is not set, is no wish for the default."""
    if data is not None and not data.strip():
        raise UserError("--data is empty; give a name, a path or an address")
    return data


_data = typer.Option(
    help="A named data set; a CSV, TSV, JSONL or Parquet file by path or s3:// address; or a "
    "folder of files by class, class/name.jpg or class/name.txt. A run's default is its study's.",
    metavar="NAME|PATH",
    callback=_named,
)
Data = Annotated[str, _data]
StudyData = Annotated[str | None, _data]
THE_RUNS = "the run's"
TextColumn = Annotated[
    str, typer.Option(help="Column of --data that holds the text.", show_default=THE_RUNS)
]
ImageColumn = Annotated[
    str,
    typer.Option(
        help="Column of a Parquet --data that holds encoded images.", show_default=THE_RUNS
    ),
]
_FOUND = "found, where only one can be meant"
OwnTextColumn = Annotated[
    str, typer.Option(help="Column of --data that holds the text.", show_default=_FOUND)
]
OwnImageColumn = Annotated[
    str,
    typer.Option(help="Column of a Parquet --data with encoded images.", show_default=_FOUND),
]
OwnLabelColumn = Annotated[
    str, typer.Option(help="Column of --data that holds the label.", show_default=_FOUND)
]
_image_size = typer.Option(
    help="Resize the shorter side of images to this and crop the centre; 0: keep. A run's default "
    "is its preset's.",
    min=0,
)
ImageSize = Annotated[int, _image_size]
PresetImageSize = Annotated[int | None, _image_size]
ClassLevel = Annotated[
    int,
    typer.Option(
        help="Level of the folders that are the classes, in a folder of files by class: 1 are its "
        "own, 2 those in them; 0: found.",
        min=0,
    ),
]
SkipBadImages = Annotated[
    bool, typer.Option("--skip-bad-images", help="Leave out images that cannot be used.")
]
LabelColumn = Annotated[
    str, typer.Option(help="Column of --data that holds the label.", show_default=THE_RUNS)
]
SplitColumn = Annotated[
    str,
    typer.Option(help="Column of --data that says train, validation or test.", metavar="COLUMN"),
]
GroupColumn = Annotated[
    str,
    typer.Option(
        help="Column of --data with what stays on one side: a patient, a user, an author.",
        metavar="COLUMN",
    ),
]
TimeColumn = Annotated[
    str,
    typer.Option(
        help="Column of --data with a time (numbers or ISO dates): train on the past, test on the "
        "future.",
        metavar="COLUMN",
    ),
]
Split = Annotated[
    str,
    typer.Option(
        help="Sizes or ratios, instead of the preset's: 36000:4000:10000 or 0.7:0.1:0.2.",
        metavar="TRAIN:VALIDATION:TEST",
    ),
]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used.")
]
Seed = Annotated[
    int, typer.Option(help="Fixes the split and the first training.", min=0, max=MOST_SEED)
]
Image = Annotated[
    str,
    typer.Option(
        help="Container image of the steps; default: the one that make images builds.",
        envvar="BAKEOFF_IMAGE",
    ),
]


def _suffix(suffix: str | None) -> str | None:
    from bakeoff.tracking.identity import check_suffix

    check_suffix(suffix or "")
    return suffix


_ENDS_IDS = "Ends the ids of W&B runs: W&B takes no id again that was deleted there"
WandbSuffix = Annotated[str, typer.Option(help=f"{_ENDS_IDS}.", metavar="NAME", callback=_suffix)]
LastSuffix = Annotated[
    str | None,
    typer.Option(
        help=f"{_ENDS_IDS}; default: as at the last upload.", metavar="NAME", callback=_suffix
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def names(models: str) -> list[str]:
    """The names of a comma-separated list.

    Raises:
        UserError: it holds commas alone.
    """
    found = [name.strip() for name in models.split(",") if name.strip()]
    if models.strip() and not found:
        raise UserError(f"--models {models!r} names none; leave it out for the default")
    return found
