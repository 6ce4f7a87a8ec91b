"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.errors import UserError
from bakeoff.training.settings import MOST_SEED

if TYPE_CHECKING:
    from bakeoff.cluster.settings import RayJobSettings


class Where(StrEnum):
    inline = "inline"
    ray = "ray"


class Size(StrEnum):
    small = "small"
    standard = "standard"


class WhereOnCluster(StrEnum):
    inline = "inline"
    rayjob = "rayjob"


class Runner(StrEnum):
    subprocess = "subprocess"
    docker = "docker"


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
Preset = Annotated[
    str, typer.Option(help="How much data: quick (minutes), full (all rows) or paper.")
]
Models = Annotated[
    str, typer.Option(help="Names separated by commas; see: bakeoff models.", metavar="A,B")
]


OnCluster = Annotated[
    WhereOnCluster,
    typer.Option(
        "--where", help="Where networks train: in their step's pod, or on RayJobs (KubeRay 1.7)."
    ),
]
RayWorkers = Annotated[
    int,
    typer.Option("--workers", help="Pods that share the batches of a training on a RayJob.", min=1),
]
RayJobChanges = Annotated[
    list[str] | None,
    typer.Option(
        "--rayjob",
        help="How RayJobs are run, such as queue=team, attempts=1; repeatable.",
        metavar="NAME=VALUE",
    ),
]


def rayjob_settings(
    where: WhereOnCluster, workers: int, changes: list[str] | None
) -> RayJobSettings | None:
    """How RayJobs are run; None where there are none.

    Raises:
        UserError: something is said of RayJobs, and there are none.
    """
    from bakeoff.cluster.settings import RayJobSettings

    if where is WhereOnCluster.rayjob:
        return RayJobSettings.of_pairs(changes or ())
    if workers > 1 or changes:
        raise UserError("--workers and --rayjob are about RayJobs: add --where rayjob")
    return None


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
Weights = Annotated[
    str,
    typer.Option(
        help="What ResNets start from: imagenet (torchvision's weights), or a file by path or "
        "address; default: from scratch. They look for more than 64 pixels a side: --image-size "
        "enlarges.",
        metavar="imagenet|FILE",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        help="Of networks: fp32, bf16, or auto (bf16 on CUDA, but for RNNs and LSTMs).",
        metavar="fp32|bf16|auto",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A setting of a model, rnn-64.training.epochs=8, or of all that have it, "
        "training.epochs=8; settings: bakeoff models rnn-64. May be given several times.",
        metavar="[MODEL.]PATH=VALUE",
    ),
]
KeepSides = Annotated[
    bool,
    typer.Option("--keep-sides", help="Mirror no image: for letters, digits, left and right."),
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
Limit = Annotated[
    int | None,
    typer.Option(help="Rows used at most, sampled by class; default: the preset's; 0: all.", min=0),
]
DropSuspects = Annotated[
    bool,
    typer.Option(
        "--drop-suspects",
        help="Leave training rows out whose label is likely wrong, a fifth of a class at most.",
    ),
]
Seed = Annotated[
    int, typer.Option(help="Fixes the split and the first training.", min=0, max=MOST_SEED)
]
MetricName = Annotated[
    Metric,
    typer.Option(
        "--metric",
        help="What of validation chooses the winner, the width and the best epoch of networks, and "
        "what differences are tested in. An ensemble's weights always have the lowest log loss.",
    ),
]
Tune = Annotated[
    str,
    typer.Option(
        help="Search the settings of models on validation first: trials of each model, as 20 (the "
        "first has its own settings), or the time for all, as 30m. What --set names stays so.",
        metavar="N|TIME",
    ),
]
Seeds = Annotated[int, typer.Option(help="Trainings of each model that chance affects.", min=1)]
Preprocessing = Annotated[
    str,
    typer.Option(
        help="For every model, instead of its own: default, report, or steps added and left out.",
        metavar="report,-drop-stop-words,+stem-porter",
    ),
]
Glove = Annotated[
    str,
    typer.Option(
        help="GloVe text file, by path or address, instead of GloVe 6B 50d.", metavar="FILE"
    ),
]
Word2vec = Annotated[
    str,
    typer.Option(
        help="word2vec file, by path or address, or google-news (downloaded once), instead of "
        "vectors trained on the training split.",
        metavar="FILE",
    ),
]
FreezeVectors = Annotated[
    bool, typer.Option("--freeze-vectors", help="Keep pretrained word vectors as they are.")
]
Image = Annotated[
    str,
    typer.Option(
        help="Container image of the steps; default: the one that make images builds.",
        envvar="BAKEOFF_IMAGE",
    ),
]
Resources = Annotated[
    Size,
    typer.Option(
        help="What steps ask for: small fits 4 CPUs and 8 GiB with KFP, or two CPUs, and trains "
        "one network at a time; standard has up to 8 GiB a step."
    ),
]
Parallelism = Annotated[
    int, typer.Option(help="Networks trained at a time; 0: what --resources has.", min=0)
]


def _suffix(suffix: str) -> str:
    from bakeoff.tracking.identity import check_suffix

    check_suffix(suffix)
    return suffix


WandbSuffix = Annotated[
    str,
    typer.Option(
        help="Ends the ids of W&B runs: W&B takes no id again that was deleted there.",
        metavar="NAME",
        callback=_suffix,
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
        raise UserError(f"--models {models!r} names none; leave it out for those of the preset")
    return found


def refuse_threads(resources: Size, threads: int) -> None:
    """Raise a UserError if trainings have more threads than CPUs."""
    if resources is Size.small and threads > 2:
        raise UserError(f"--resources small has two CPUs, not --threads {threads}: leave one out")
