"""The kinds of image models: one small configuration each. Names for them are in registry.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bakeoff.dotted import CountOrNone, NotNegative, Range, Share, check
from bakeoff.errors import UserError
from bakeoff.training.settings import Precision, TrainingSettings

PositiveShare = Annotated[float, Range(0, 1, least_excluded=True)]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """How pictures reach a network, and what is done to them in training."""

    size: CountOrNone = 0
    """Pixels a side they are resized to, antialiased; 0 leaves them as they are, or enlarges them
    to 32."""
    growth: Share = 0.0
    """Share of the epochs in which a ResNet learns on smaller pictures: for two thirds of it on
    such of about half the side, then of three quarters (progressive learning, Tan & Le 2021)."""
    grey: bool = False
    """One channel instead of three (ITU-R 601 luma)."""
    flip: bool = False
    """Mirror half of the training pictures left to right."""
    crop: PositiveShare = 1.0
    """Least share of its area that a training picture shows, resized to all of it (the random
    resized crop of Szegedy et al. 2015)."""
    shift: Share = 0.0
    """Share of its side by which a training picture is moved at most, up or down and left or right;
    its border is mirrored into the gap."""
    color: Share = 0.0
    """How far a training picture's brightness, contrast and saturation are scaled at most: by a
    factor of 1 ± color each."""
    cutout: Share = 0.0
    """Side of a square that is blanked in each training picture, as a share of the picture's
    (DeVries & Taylor 2017)."""
    cutmix: Share = 0.0
    """Share of training pictures in which a square is replaced by that of another picture of the
    batch, whose class counts by the area of the square (Yun et al. 2019) in cross-entropy and in
    center loss; probes, triplets and autoencoders know the picture's own alone."""

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Autoencoder:
    """An encoder and its mirror image, trained to give back their input."""

    encoder: Literal["linear", "conv"]
    """`linear` (the original report's dense layers) or `conv`."""
    pictures: Pictures = field(default_factory=Pictures)
    precision: Precision = "auto"
    """`fp32`, `bf16` (matrix products and convolutions; weights stay fp32), or `auto`: bf16 on
    GPUs that compute in it, fp32 elsewhere."""
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        check(self)

    @property
    def name(self) -> str:
        """What its trainings are called."""
        return f"ae-{self.encoder}"


@dataclass(frozen=True, kw_only=True)
class ImageNetwork:
    """An encoder of pictures and a linear layer that classifies its embeddings."""

    encoder: Literal["linear", "conv", "resnet18"]
    """`linear`, `conv` (the autoencoders' encoders) or `resnet18` (He et al. 2016)."""
    pictures: Pictures = field(default_factory=Pictures)
    pretraining: Autoencoder | None = None
    """The autoencoder whose trained encoder this network starts from."""
    weights: str = ""
    """Where a ResNet starts: "" at random, `imagenet` (torchvision's weights), or a file by
    path or address."""
    frozen: bool = False
    """Train the linear layer alone: a linear probe."""
    loss: Literal["cross-entropy", "triplet", "center"] = "cross-entropy"
    """`cross-entropy`; `triplet` (the hardest triplets of a batch, Hermans et al. 2017, or with a
    temperature the harder ones more), whose linear layer learns on embeddings it does not change;
    or `center` (cross-entropy and center loss, Wen et al. 2016)."""
    margin: NotNegative = 0.0
    """Of the triplet loss; 0 takes the soft margin."""
    temperature: NotNegative = 0.0
    """How much easier triplets of a batch take part (Ristani & Tomasi 2018); 0: not at all."""
    images_per_class: Annotated[int, Range(2)] = 8
    """Pictures of each class in a batch of the triplet loss (K of its P × K)."""
    center_weight: NotNegative = 0.01
    """λ of the center loss (Wen et al. 2016, eq. 5)."""
    center_rate: Share = 0.5
    """α, the rate at which centers follow their class (Wen et al. 2016, eq. 4)."""
    dropout: Share = 0.0
    """Share of an embedding dropped before the linear layer."""
    hidden_dropout: Share = 0.0
    """The same of each hidden layer of the encoder `linear`."""
    crops_at_test: PositiveShare = 1.0
    """Side, as a share of the picture's, of the five crops whose mean prediction counts: of the
    corners and the centre, each resized to all of it (Krizhevsky et al. 2012); 1: the whole
    picture."""
    flip_at_test: bool = False
    """Predict the mean of a picture and its mirror image."""
    precision: Precision = "auto"
    """As an autoencoder's."""
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        check(self)
        if self.pretraining and self.pretraining.encoder != self.encoder:
            raise UserError(
                f"encoder={self.encoder}: pretraining trains an encoder of another kind, "
                f"{self.pretraining.encoder}"
            )
        if self.pretraining:
            # Dense layers take pictures of one size, convolutions of any.
            for name in ("size", "grey") if self.encoder == "linear" else ("grey",):
                held = getattr(self.pictures, name)
                if (before := getattr(self.pretraining.pictures, name)) != held:
                    raise UserError(
                        f"pictures.{name}={held}: the autoencoder that the network starts from "
                        f"has pretraining.pictures.{name}={before}; change both alike"
                    )
        if self.frozen and self.loss != "cross-entropy":
            raise UserError(
                f"loss={self.loss}: embeddings of a frozen encoder stay as they are, so that its "
                "linear layer learns by cross-entropy alone"
            )
        if self.weights and self.encoder != "resnet18":
            raise UserError(f"weights={self.weights}: only resnet18 starts from weights")


def from_dict(config: Mapping[str, Any]) -> ImageNetwork | Autoencoder:
    """The configuration that `bakeoff.training.settings.to_dict` wrote."""
    fields = dict(config)
    cls = {"ImageNetwork": ImageNetwork, "Autoencoder": Autoencoder}[fields.pop("type")]
    fields["pictures"] = Pictures(**fields["pictures"])
    fields["training"] = TrainingSettings(**fields["training"])
    if pretraining := fields.get("pretraining"):
        pictures = dict(pretraining["pictures"])
        if fields["encoder"] == "linear" and not pictures["size"]:
            # In older models it is open still, and filled in above.
            pictures["size"] = fields["pictures"].size
        before = {"type": "Autoencoder", **pretraining, "pictures": pictures}
        fields["pretraining"] = from_dict(before)
    return cls(**fields)
