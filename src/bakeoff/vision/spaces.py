"""What a search may change in image networks: what costs no more time, or little."""

from __future__ import annotations

from bakeoff.tuning.spaces import Choice, Dimension, LogUniform, Uniform
from bakeoff.vision.configs import Autoencoder, ImageNetwork


def space_of(config: ImageNetwork | Autoencoder) -> dict[str, Dimension]:
    """Setting → values. The autoencoder that a network starts from stays as it is."""
    if isinstance(config, Autoencoder):
        return {}
    space: dict[str, Dimension] = {
        "training.learning_rate": LogUniform(2e-4, 1e-2),
        "training.weight_decay": Uniform(0.0, 0.2),
        "training.label_smoothing": Uniform(0.0, 0.2),
    }
    if config.frozen:
        return space
    space["pictures.crop"] = Uniform(0.25, 1.0)
    space["dropout"] = Uniform(0.0, 0.6)
    if config.encoder == "linear":
        space["hidden_dropout"] = Uniform(0.0, 0.4)
    if config.loss == "triplet":
        space["temperature"] = Uniform(0.0, 4.0)
        space["images_per_class"] = Choice((4, 8))
    if config.loss == "center":
        space["center_weight"] = LogUniform(1e-3, 1.0)
    return space
