"""What the options of a bake-off may be, where Python gives them, the command line has its own; and
how it is held.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, get_type_hints

from bakeoff.dotted import Count, CountOrNone, Range, argument
from bakeoff.errors import UserError, unknown_name


class PlanOptions(TypedDict, total=False):
    """Options that a plan is made from, by the names that a person gives them."""

    text_column: str
    """Of the data, holds the texts; "" finds it."""
    image_column: str
    """Holds encoded images; "" finds it."""
    label_column: str
    """Holds the labels; "" finds it."""
    split_column: str
    """Says train, validation or test."""
    group_column: str
    """Holds what stays on one side of the split: a patient, a user, an author."""
    time_column: str
    """Holds times: train on the past, test on the future."""
    image_size: CountOrNone | None
    """Pixels a side that images are brought to; 0 keeps them, None is the preset's."""
    class_level: CountOrNone
    """Of the folders that are the classes; 0: found."""
    split: str
    """Sizes or ratios, train:validation:test, instead of the preset's."""
    limit: CountOrNone | None
    """Rows used at most, sampled by class; 0: all, None: the preset's."""
    skip_bad_rows: bool
    """Leave out rows that cannot be used."""
    skip_bad_images: bool
    """Leave out images that cannot be used."""
    drop_suspects: bool
    """Leave training rows out whose label is likely wrong."""
    preprocessing: str
    """For every model of texts, instead of its own."""
    glove: str
    """A GloVe file by path or address."""
    word2vec: str
    """A word2vec file by path or address, or google-news."""
    freeze_vectors: bool
    """Keep pretrained word vectors as they are."""
    weights: str
    """What ResNets start from: imagenet, or a file."""
    precision: str
    """Of networks: fp32, bf16 or auto."""
    keep_sides: bool
    """Mirror no image."""
    metric: str
    """What of validation chooses: accuracy, macro-f1, balanced-accuracy, log-loss or auc."""
    seed: CountOrNone
    """Fixes the split and the first training."""
    seeds: Count
    """Trainings of each model that chance affects."""
    tune: str
    """Search settings first: trials of each model, or the time for all, as 30m."""


class Options(PlanOptions, total=False):
    """All options of `bakeoff run` that are single values."""

    preset: str
    threads: CountOrNone
    workers: Count
    parallel: Annotated[int, Range(1, 2)]
    where: Literal["inline", "ray"]
    gpus_per_worker: Annotated[int, Range(0, 1)] | None
    runner: Literal["subprocess", "docker"]
    image: str
    wandb: Literal["online", "offline", "disabled"] | None
    wandb_suffix: str
    runs: str


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a bake-off is held on this machine."""

    runner: str
    """Of steps: `subprocess` (this environment) or `docker` (the image, in containers)."""
    image: str
    """Container image of the steps, used by `docker`; "" is the one that `make images` builds."""
    parallel: int
    """Networks trained at the same time."""
    where: str
    """Networks train: `inline`, in their step, or on `ray`."""
    gpus_per_worker: int | None
    """0 or 1, of each worker on Ray; None: 1 where it has any."""
    wandb: str | None
    """Mode of Weights & Biases; None decides by whether there is a key."""
    wandb_suffix: str
    """Ends the ids of W&B runs."""
    runs: Path
    """The folder that holds all runs."""
    command: str = ""
    """What a person types for the same again."""


_OF_ONE_KIND = {
    "text": ("text_column", "skip_bad_rows"),
    "image": ("image_column", "image_size", "skip_bad_images"),
}
"""Modality → options that say nothing of data of the other."""


def refuse_of_others(modality: str, given: Mapping[str, Any]) -> None:
    """Raise a UserError for an option that says nothing of data of this modality."""
    for other, names in _OF_ONE_KIND.items():
        for name in names:
            if other != modality and given.get(name):
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} is for {other}s: of {modality}s leave it out")


def at_home(given: str | os.PathLike[str]) -> str:
    """A name, a path or an address as text, in which ~ is the home folder; a `Path` is never taken
    for a name.
    """
    named = os.fspath(given)
    if named.startswith("~"):
        return str(Path(named).expanduser())
    return named if isinstance(given, str) or os.sep in named else f"{os.curdir}{os.sep}{named}"


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as their types are; paths may be text.

    Raises:
        UserError: there is no such option, or it cannot be that.
    """
    kinds = get_type_hints(Options, include_extras=True)
    for name in given:
        if name not in kinds:
            raise unknown_name("option", name, kinds)
    if type(given.get("tune")) is int:  # Of trials; a time is a text.
        given = {**given, "tune": str(given["tune"])}
    return {name: argument(name, kinds[name], value) for name, value in given.items()}


def texts(name: str, given: Any) -> list[str]:
    """An option that is a list of texts, or one.

    Raises:
        UserError: it is neither.
    """
    several = isinstance(given, Iterable) and not isinstance(given, str)
    found = list(given) if several else [given]
    if not all(isinstance(one, str) for one in found):
        raise UserError(f"{name}={reprlib.repr(given)}: must be a list of texts")
    return found
