"""What can be run: the studies, their models, presets and line-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bakeoff.dotted import Times
from bakeoff.errors import unknown_name
from bakeoff.text import registry as texts
from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.training.settings import Ensemble
from bakeoff.vision import registry as images
from bakeoff.vision.configs import ImageNetwork

Config = LinearText | TreeText | TextNetwork | ImageNetwork | Ensemble


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How much data a bake-off uses."""

    split: str
    """Sizes or ratios, train:validation:test."""
    limit: int = 0
    """Rows used at most; 0 uses all."""
    models: tuple[str, ...]
    """Names of the models where none are asked for."""
    data: str = ""
    """The data set where none is asked for, if not the study's."""
    image_size: int = 0
    """Pixels a side that images are resized to where no size is asked for; 0 keeps theirs."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Path → value, for the models that have such a setting, instead of their own."""

    @property
    def epochs_share(self) -> float:
        """The share of their epochs that networks train."""
        epochs = self.settings.get("training.epochs")
        return epochs.factor if isinstance(epochs, Times) else 1.0


@dataclass(frozen=True, kw_only=True)
class Study:
    """One question about one kind of data; its graph is in pipelines/."""

    about: str
    modality: str
    """What is classified: "text" or "image"."""
    data: str
    """The data set where none is asked for."""
    models: Mapping[str, Config]
    sentences: Mapping[str, str]
    """What each model is."""
    presets: dict[str, Preset]
    lineups: dict[str, tuple[str, ...]]
    """Names that stand for several models."""
    pairs: tuple[tuple[str, str], ...]
    """Models whose difference the report tests: first against second."""

    @property
    def overview(self) -> dict[str, tuple[str, list[str]]]:
        """Each model's sentence, and where it takes part."""
        return {name: (self.sentences[name], self.lineups_with(name)) for name in self.models}

    def lineups_with(self, model: str) -> list[str]:
        """The presets and the line-ups that a model takes part in."""
        presets = {name: preset.models for name, preset in self.presets.items()}
        return [name for name, models in (presets | self.lineups).items() if model in models]


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


SHORT_STEPS = 78
"""Steps of a short training at least, two epochs of the digits: fewer leave a ResNet on a small set
at chance."""


def _short(epochs: float, **settings: Any) -> dict[str, Any]:
    """A share of the epochs, on whole and unmixed pictures of full size in their own colours: what
    others teach takes longer to learn.
    """
    return {
        "training.epochs": Times(epochs),
        "training.least_steps": SHORT_STEPS,
        "pretraining.training.epochs": Times(epochs),
        "pretraining.training.least_steps": SHORT_STEPS,
        "pictures.growth": 0.0,
        "pictures.crop": 1.0,
        "pictures.color": 0.0,
        "pictures.cutmix": 0.0,
        "crops_at_test": 1.0,
        **settings,
    }


def _images(
    about: str,
    models: Mapping[str, Config],
    sentences: Mapping[str, str],
    lineups: dict[str, tuple[str, ...]],
    pairs: tuple[tuple[str, str], ...],
    *,
    quick: Mapping[str, Any],
    image_size: int = 0,
) -> Study:
    """A study of images: the embedded digits, with a share of the epochs, or STL-10 as the original
    report has it.
    """
    ours = lineups["all"]
    stl10 = Preset(split="0.72:0.08:0.2", models=ours, data="stl10", image_size=image_size)
    return Study(
        about=about,
        modality="image",
        data="digits",
        models=models,
        sentences=sentences,
        presets={
            "quick": Preset(split="0.7:0.1:0.2", models=ours, settings=quick),
            "full": stl10,
            "paper": replace(stl10, split="4500:500:1000"),
        },
        lineups=lineups,
        pairs=pairs,
    )


GENERAL = {"text": "text", "image": "images"}
"""What data holds → the study of general name."""
STUDIES = {
    "text": Study(
        about="Classification of texts of any kind: linear models, and networks if they pay",
        modality="text",
        data="rotten-tomatoes",
        models=texts.GENERAL,
        sentences=texts.GENERAL_ABOUT,
        presets={
            "quick": Preset(
                split="0.7:0.1:0.2",
                limit=6000,
                models=(*texts.GENERAL_LINEUPS["linear"], "fasttext", "ensemble"),
            ),
            "full": Preset(
                split="0.7:0.1:0.2",
                models=(
                    *texts.GENERAL_LINEUPS["linear"],
                    *texts.GENERAL_LINEUPS["networks"],
                    "ensemble",
                ),
            ),
        },
        lineups=texts.GENERAL_LINEUPS,
        pairs=texts.GENERAL_PAIRS,
    ),
    "images": Study(
        about="Classification of images of any kind: a small network, ResNet-18, three losses",
        modality="image",
        data="digits",
        models=images.GENERAL,
        sentences=images.GENERAL_ABOUT,
        presets={
            # Few epochs of few pictures a batch: a CPU takes minutes.
            "quick": Preset(
                split="0.7:0.1:0.2",
                limit=3000,
                models=("ae-conv-scratch", "ae-conv-tuned", "resnet18"),
                settings=_short(1 / 20, **{"training.batch_size": 32}),
            ),
            "full": Preset(split="0.7:0.1:0.2", models=images.GENERAL_LINEUPS["all"]),
        },
        lineups=images.GENERAL_LINEUPS,
        pairs=images.GENERAL_PAIRS,
    ),
    "sentiment": Study(
        about="Text classification: naive Bayes, trees and linear models, RNNs and LSTMs",
        modality="text",
        data="imdb-25k",
        models=texts.MODELS,
        sentences=texts.ABOUT,
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
                models=texts.LINEUPS["all"],
                data="imdb",
            ),
        },
        lineups=texts.LINEUPS,
        pairs=texts.PAIRS,
    ),
    "autoencoder": _images(
        "Image classification on the embeddings of autoencoders: probed, fine-tuned, from scratch",
        images.AUTOENCODERS,
        images.AUTOENCODERS_ABOUT,
        images.AUTOENCODER_LINEUPS,
        images.AUTOENCODER_PAIRS,
        quick=_short(1 / 6),
    ),
    "resnet": _images(
        "Image classification with ResNet-18: cross-entropy, triplet loss, center loss",
        images.RESNETS,
        images.RESNETS_ABOUT,
        images.RESNET_LINEUPS,
        images.RESNET_PAIRS,
        # Few pictures a batch make many steps of few epochs.
        quick=_short(1 / 60, **{"training.batch_size": 32}),
        # Enlarged, they leave a ResNet more pixels in its first layers.
        image_size=128,
    ),
}


def get_study(name: str) -> Study:
    """The study of that name, or a UserError that suggests the nearest."""
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    return STUDIES[name]
