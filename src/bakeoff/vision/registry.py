"""The image models by name. Adding a model is one entry here; a new kind of encoder is a class in
encoders.py, a new loss a function in losses.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bakeoff.training.settings import TrainingSettings
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures


def _epochs(number: int, learning_rate: float, **settings: Any) -> TrainingSettings:
    """All of the epochs, however long none is better: the rate falls to the end."""
    return TrainingSettings(
        epochs=number, patience=0, least_steps=0, learning_rate=learning_rate, **settings
    )


_MOVED = Pictures(flip=True, shift=1 / 8)
_LINEAR = Autoencoder(
    encoder="linear",
    pictures=Pictures(size=96, grey=True),
    training=_epochs(24, 1e-3, optimizer="adam"),
)
_CONV = Autoencoder(
    encoder="conv",
    pictures=replace(_MOVED, cutout=1 / 3),
    training=_epochs(24, 2e-3),
)
_PROBE = _epochs(40, 1e-3, weight_decay=0.1)


def _classifiers(
    name: str, scratch: ImageNetwork, pretraining: Autoencoder
) -> dict[str, ImageNetwork]:
    """A linear probe of an autoencoder, the same fine-tuned, and from scratch as control."""
    probe = ImageNetwork(
        encoder=scratch.encoder,
        pictures=replace(scratch.pictures, cutout=0, cutmix=0),
        pretraining=pretraining,
        frozen=True,
        crops_at_test=scratch.crops_at_test,
        flip_at_test=True,
        training=_PROBE,
    )
    return {
        f"{name}-frozen": probe,
        f"{name}-tuned": replace(scratch, pretraining=pretraining),
        f"{name}-scratch": scratch,
    }


AUTOENCODERS: dict[str, ImageNetwork] = {
    **_classifiers(
        "ae-linear",
        ImageNetwork(
            encoder="linear",
            pictures=Pictures(size=96, grey=True, flip=True, shift=1 / 16, crop=0.5),
            dropout=0.3,
            hidden_dropout=0.2,
            crops_at_test=0.9,
            flip_at_test=True,
            training=_epochs(120, 8e-4, batch_size=128, weight_decay=0.05, label_smoothing=0.1),
        ),
        _LINEAR,
    ),
    **_classifiers(
        "ae-conv",
        ImageNetwork(
            encoder="conv",
            pictures=replace(_MOVED, cutout=1 / 3),
            dropout=0.5,
            flip_at_test=True,
            training=_epochs(40, 2e-3, weight_decay=0.05, label_smoothing=0.1),
        ),
        _CONV,
    ),
}

_RESNET = ImageNetwork(
    encoder="resnet18",
    pictures=Pictures(growth=0.8, flip=True, crop=0.35, color=0.4, cutmix=0.5),
    crops_at_test=0.9,
    flip_at_test=True,
    training=_epochs(120, 2e-3, weight_decay=0.05, label_smoothing=0.1),
)

_STUDY: dict[str, ImageNetwork] = {
    "resnet18": _RESNET,
    # The hardest triplets alone teach little; those of pictures much changed less than others.
    "resnet18-triplet": replace(
        _RESNET,
        loss="triplet",
        temperature=2.0,
        pictures=Pictures(growth=0.8, flip=True, crop=0.5, color=0.2),
        training=replace(_RESNET.training, epochs=100),
    ),
    "resnet18-center": replace(_RESNET, loss="center"),
}
_OTHER_WEIGHTS: dict[str, ImageNetwork] = {
    f"resnet18-center@{weight}": replace(_RESNET, loss="center", center_weight=weight)
    for weight in (0.001, 0.1)
}


def _after_report(**settings: Any) -> ImageNetwork:
    """As the report trains: Adam, ten epochs (the quick preset takes a part of them), pictures that
    are not augmented, the hardest triplets alone.

    What it does not state is ours: rate, batch size, margin and the weight of center loss.
    """
    return ImageNetwork(
        encoder="resnet18",
        training=_epochs(
            10, 1e-3, optimizer="adam", schedule="constant", warmup=0.0, clip_norm=0.0
        ),
        **settings,
    )


_AFTER_REPORT: dict[str, ImageNetwork] = {
    "resnet18@report": _after_report(),
    "resnet18-triplet@report": _after_report(loss="triplet", margin=0.2),
    "resnet18-center@report": _after_report(loss="center"),
}

RESNETS = _STUDY | _OTHER_WEIGHTS | _AFTER_REPORT
"""Every ResNet by name."""

_ENCODERS = {"ae-linear": "dense layers", "ae-conv": "convolutions"}
AUTOENCODERS_ABOUT = {
    f"{name}-{how}": about.format(layers)
    for name, layers in _ENCODERS.items()
    for how, about in (
        ("frozen", "A linear layer on an autoencoder of {}, which stays as it is."),
        ("tuned", "The encoder of an autoencoder of {}, fine-tuned."),
        ("scratch", "The same {} without the autoencoder: the control."),
    )
}
_LOSSES = {
    "resnet18": "cross-entropy",
    "resnet18-triplet": "a triplet loss: likes near each other, others apart",
    "resnet18-center": "center loss: classes gather around their centers",
}
RESNETS_ABOUT = (
    {name: f"ResNet-18 with {loss}." for name, loss in _LOSSES.items()}
    | {
        name: f"The same with the weight {name.partition('@')[2]} of center loss."
        for name in _OTHER_WEIGHTS
    }
    | {name: f"{name.partition('@')[0]} as the original report trains." for name in _AFTER_REPORT}
)
"""A sentence on every model."""

AUTOENCODER_LINEUPS = {"all": tuple(AUTOENCODERS)}
RESNET_LINEUPS = {
    "all": tuple(_STUDY),
    "center-weights": ("resnet18-center", *_OTHER_WEIGHTS),
    "report": tuple(_AFTER_REPORT),
}
"""Names that stand for several models: ours, center loss with a tenth and with ten times its weight
for validation to choose from, and those trained as in the original report."""

AUTOENCODER_PAIRS = tuple(
    (f"{name}-tuned", f"{name}-{other}")
    for name in ("ae-linear", "ae-conv")
    for other in ("scratch", "frozen")
)
RESNET_PAIRS = tuple(
    (f"resnet18-{loss}{how}", f"resnet18{how}")
    for how in ("", "@report")
    for loss in ("triplet", "center")
)
"""Differences the report tests wherever both models ran: first against second."""

GENERAL = {
    **{name: config for name, config in AUTOENCODERS.items() if name.startswith("ae-conv")},
    **_STUDY,
}
"""The models for images of any kind, by name."""
GENERAL_ABOUT = {name: (AUTOENCODERS_ABOUT | RESNETS_ABOUT)[name] for name in GENERAL}
GENERAL_LINEUPS = {
    "small": ("ae-conv-scratch", "ae-conv-tuned"),
    "resnets": tuple(_STUDY),
    "all": tuple(GENERAL),
}
"""Names that stand for several of them: small networks, and ResNets with each loss."""
GENERAL_PAIRS = (
    ("ae-conv-tuned", "ae-conv-scratch"),
    ("resnet18", "ae-conv-scratch"),
    ("resnet18-triplet", "resnet18"),
    ("resnet18-center", "resnet18"),
)
"""What pays: pretraining without labels, depth, and losses on embeddings."""
