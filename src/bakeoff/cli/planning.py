"""The options of a bake-off that several commands have, and what is made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli.options import (
    ClassLevel,
    GroupColumn,
    Image,
    Metric,
    OwnImageColumn,
    OwnLabelColumn,
    OwnTextColumn,
    PresetImageSize,
    Seed,
    SkipBadImages,
    SkipBadRows,
    Split,
    SplitColumn,
    StudyData,
    TimeColumn,
    WandbMode,
    WandbSuffix,
    names,
)
from bakeoff.errors import UserError

if TYPE_CHECKING:
    from bakeoff.cluster.settings import RayJobSettings
    from bakeoff.pipelines.options import Options
    from bakeoff.plans import Plan

OF_EACH_RUN = (
    *("split_column", "group_column", "time_column", "image_size", "class_level"),
    *("split", "limit", "skip_bad_rows", "skip_bad_images"),
)
"""Fields of `BakeOff` that each run of a compiled pipeline is given."""


@dataclass(frozen=True, kw_only=True)
class BakeOff:
    """Who takes part, on which data, and how models train."""

    preset: Annotated[
        str, typer.Option(help="How much data: quick (minutes), full (all rows) or paper.")
    ] = "full"
    models: Annotated[
        str, typer.Option(help="Names separated by commas; see: bakeoff models.", metavar="A,B")
    ] = ""
    data: StudyData = None
    text_column: OwnTextColumn = ""
    image_column: OwnImageColumn = ""
    label_column: OwnLabelColumn = ""
    split_column: SplitColumn = ""
    group_column: GroupColumn = ""
    time_column: TimeColumn = ""
    image_size: PresetImageSize = None
    class_level: ClassLevel = 0
    split: Split = ""
    limit: Annotated[
        int | None,
        typer.Option(
            help="Rows used at most, sampled by class; default: the preset's; 0: all.", min=0
        ),
    ] = None
    skip_bad_rows: SkipBadRows = False
    skip_bad_images: SkipBadImages = False
    drop_suspects: Annotated[
        bool,
        typer.Option(
            "--drop-suspects",
            help="Leave training rows out whose label is likely wrong, a fifth of a class at most.",
        ),
    ] = False
    preprocessing: Annotated[
        str,
        typer.Option(
            help="For every model, instead of its own: default, report, or steps added and left "
            "out.",
            metavar="report,-drop-stop-words,+stem-porter",
        ),
    ] = ""
    glove: Annotated[
        str,
        typer.Option(
            help="GloVe text file, by path or address, instead of GloVe 6B 50d.", metavar="FILE"
        ),
    ] = ""
    word2vec: Annotated[
        str,
        typer.Option(
            help="word2vec file, by path or address, or google-news (downloaded once), instead of "
            "vectors trained on the training split.",
            metavar="FILE",
        ),
    ] = ""
    freeze_vectors: Annotated[
        bool, typer.Option("--freeze-vectors", help="Keep pretrained word vectors as they are.")
    ] = False
    weights: Annotated[
        str,
        typer.Option(
            help="What ResNets start from: imagenet (torchvision's weights), or a file by path or "
            "address; default: from scratch. They look for more than 64 pixels a side: "
            "--image-size enlarges.",
            metavar="imagenet|FILE",
        ),
    ] = ""
    precision: Annotated[
        str,
        typer.Option(
            help="Of networks: fp32, bf16, or auto (bf16 on GPUs that compute in it, but for RNNs "
            "and LSTMs).",
            metavar="fp32|bf16|auto",
        ),
    ] = ""
    keep_sides: Annotated[
        bool,
        typer.Option("--keep-sides", help="Mirror no image: for letters, digits, left and right."),
    ] = False
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting of a model, rnn-64.training.epochs=8, or of all that have it, "
            "training.epochs=8; settings: bakeoff models rnn-64. May be given several times.",
            metavar="[MODEL.]PATH=VALUE",
        ),
    ] = None
    metric: Annotated[
        Metric,
        typer.Option(
            help="What of validation chooses the winner, the width and the best epoch of networks, "
            "and what differences are tested in. An ensemble's weights always have the lowest log "
            "loss.",
        ),
    ] = Metric.accuracy
    seed: Seed = 0
    seeds: Annotated[
        int, typer.Option(help="Trainings of each model that chance affects.", min=1)
    ] = 1
    tune: Annotated[
        str,
        typer.Option(
            help="Search the settings of models on validation first: trials of each model, as 20 "
            "(the first has its own settings), or the time for all, as 30m. What --set names "
            "stays so.",
            metavar="N|TIME",
        ),
    ] = ""

    def planned(self, what: str, **others: Any) -> tuple[Plan, str]:
        """As of `running.hold.planned`, of these options and others."""
        from bakeoff.running.hold import planned

        given = vars(self) | {
            "models": names(self.models),
            "changes": self.changes or (),
            "metric": self.metric.value,
        }
        return planned(what, **given, **others)


_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?::[0-9]+)?/)?(?:{_PART}/)*{_PART}(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)
"""A name as registries and Kubernetes take it."""


class Size(StrEnum):
    small = "small"
    standard = "standard"
    large = "large"


class WhereOnCluster(StrEnum):
    inline = "inline"
    rayjob = "rayjob"


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """How steps run on a cluster."""

    threads: Annotated[int, typer.Option(help="CPU threads of a training.", min=1)] = 2
    where: Annotated[
        WhereOnCluster,
        typer.Option(
            help="Where networks train: in their step's pod, or on RayJobs (KubeRay 1.7)."
        ),
    ] = WhereOnCluster.inline
    workers: Annotated[
        int, typer.Option(help="Pods that share the batches of a training on a RayJob.", min=1)
    ] = 1
    rayjob: Annotated[
        list[str] | None,
        typer.Option(
            help="How RayJobs are run, such as queue=team, attempts=1; repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None
    image: Image = ""
    resources: Annotated[
        Size,
        typer.Option(
            help="What steps ask for: small fits 4 CPUs and 8 GiB with KFP, or two CPUs, and "
            "trains one network at a time; standard has up to 8 GiB a step; large, for large data, "
            "up to 32 GiB and four times as long."
        ),
    ] = Size.standard
    parallelism: Annotated[
        int, typer.Option(help="Networks trained at a time; 0: what --resources has.", min=0)
    ] = 0
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Reuse nothing of what earlier runs made.")
    ] = False
    wandb: Annotated[
        WandbMode | None,
        typer.Option(help="Weights & Biases on the cluster; online reads the secret `wandb`."),
    ] = None
    wandb_suffix: WandbSuffix = ""

    def options(self) -> Options:
        """Those of a compilation.

        Raises:
            UserError: trainings have more threads than CPUs, no image can have such a name, or what
                is said of RayJobs is wrong.
        """
        if self.image and not _IMAGE.fullmatch(self.image):
            raise UserError(
                f"--image {self.image!r} is no name of an image: give it as "
                "registry.example:5000/bakeoff:1 or with @sha256: and its digest, in small letters "
                "but for the tag"
            )
        if self.resources is Size.small and self.threads > 2:
            raise UserError(
                f"--resources small has two CPUs, not --threads {self.threads}: leave one out"
            )
        from bakeoff.container import IMAGE
        from bakeoff.pipelines.options import Options

        return Options(
            image=self.image or IMAGE,
            cached=not self.no_cache,
            resources=self.resources.value,
            parallelism=self.parallelism,
            rayjob=self._rayjob(),
            wandb=self.wandb.value if self.wandb else "",
            wandb_suffix=self.wandb_suffix,
        )

    def _rayjob(self) -> RayJobSettings | None:
        """How RayJobs are run; None where there are none."""
        from bakeoff.cluster.settings import RayJobSettings

        if self.where is WhereOnCluster.rayjob:
            return RayJobSettings.of_pairs(self.rayjob or ())
        if self.workers > 1 or self.rayjob:
            raise UserError("--workers and --rayjob are about RayJobs: add --where rayjob")
        return None
