"""What can be run: the studies, their models, presets and line-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bakeoff.errors import unknown_name
from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.text.registry import LINEUPS, MODELS, PAIRS
from bakeoff.training.settings import Ensemble
from bakeoff.vision.configs import ImageNetwork
from bakeoff.vision.registry import (
    AUTOENCODER_LINEUPS,
    AUTOENCODER_PAIRS,
    AUTOENCODERS,
    RESNET_LINEUPS,
    RESNET_PAIRS,
    RESNETS,
)

Config = LinearText | TreeText | TextNetwork | ImageNetwork | Ensemble


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How much data a bake-off uses."""

    split: str
    """Sizes or ratios, train:validation:test."""
    limit: int = 0
    """Rows used at most; 0 uses all."""
    models: tuple[str, ...]
    """Line-up where none is asked for."""
    data: str = ""
    """The data set where none is asked for, if not the study's."""
    image_size: int = 0
    """Pixels a side that images are resized to where no size is asked for; 0 keeps theirs."""
    epochs: float = 1.0
    """Share of their epochs that image networks train; less than all of them see pictures neither
    cropped, mixed, recoloured nor growing."""
    batch_size: int = 0
    """Pictures of a batch of image networks: few make many steps of few epochs; 0: as many as a
    model's configuration says."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One question about one kind of data; its graph is in pipelines/."""

    about: str
    modality: str
    """What is classified: "text" or "image"."""
    data: str
    """The data set where none is asked for."""
    models: Mapping[str, Config]
    presets: dict[str, Preset]
    lineups: dict[str, tuple[str, ...]]
    """Names that stand for several models."""
    pairs: tuple[tuple[str, str], ...]
    """Models whose difference the report tests: first against second."""


_SHORT = (
    "nb-counts",
    "nb-tfidf",
    "tree-tfidf",
    "logreg-tfidf",
    "nbsvm",
    "rnn-64",
    "bilstm-glove",
    "ensemble",
)


def _images(
    about: str,
    models: Mapping[str, Config],
    lineups: dict[str, tuple[str, ...]],
    pairs: tuple[tuple[str, str], ...],
    *,
    quick: float,
    quick_batch: int = 0,
    image_size: int = 0,
) -> Study:
    """A study of images: the embedded digits, with a share of the epochs, or STL-10 as the seed
    report has it.
    """
    ours = lineups["all"]
    stl10 = Preset(split="0.72:0.08:0.2", models=ours, data="stl10", image_size=image_size)
    return Study(
        about=about,
        modality="image",
        data="digits",
        models=models,
        presets={
            "quick": Preset(split="0.7:0.1:0.2", models=ours, epochs=quick, batch_size=quick_batch),
            "full": stl10,
            "paper": replace(stl10, split="4500:500:1000"),
        },
        lineups=lineups,
        pairs=pairs,
    )


STUDIES = {
    "sentiment": Study(
        about="Text classification: naive Bayes, trees and linear models, RNNs and LSTMs",
        modality="text",
        data="imdb-25k",
        models=MODELS,
        presets={
            "quick": Preset(
                split="0.7:0.1:0.2",
                limit=6000,
                models=_SHORT,
            ),
            "full": Preset(
                split="0.7:0.1:0.2",
                models=_SHORT,
            ),
            "paper": Preset(
                split="36000:4000:10000",
                models=LINEUPS["all"],
                data="imdb",
            ),
        },
        lineups=LINEUPS,
        pairs=PAIRS,
    ),
    "autoencoder": _images(
        "Image classification on the embeddings of autoencoders: probed, fine-tuned, from scratch",
        AUTOENCODERS,
        AUTOENCODER_LINEUPS,
        AUTOENCODER_PAIRS,
        quick=1 / 6,
    ),
    "resnet": _images(
        "Image classification with ResNet-18: cross-entropy, triplet loss, center loss",
        RESNETS,
        RESNET_LINEUPS,
        RESNET_PAIRS,
        quick=1 / 60,
        quick_batch=32,
        # Enlarged, they leave a ResNet more pixels in its first layers.
        image_size=128,
    ),
}


def get_study(name: str) -> Study:
    """The study of that name, or a UserError that suggests the nearest."""
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    return STUDIES[name]
