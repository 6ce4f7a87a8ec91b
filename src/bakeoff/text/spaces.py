"""What a search may change in text networks: what costs no more time, or little."""

from __future__ import annotations

from bakeoff.text.configs import TextNetwork
from bakeoff.tuning.spaces import Choice, Dimension, LogUniform, Uniform


def space_of(config: TextNetwork) -> dict[str, Dimension]:
    """Setting → values. A width that is chosen, or takes part in the choice, is not searched."""
    space: dict[str, Dimension] = {
        "training.learning_rate": LogUniform(5e-4, 1e-2),
        "training.batch_size": Choice((32, 64, 128)),
        "training.label_smoothing": Uniform(0.0, 0.2),
        "dropout": Uniform(0.0, 0.6),
        "word_dropout": Uniform(0.0, 0.4),
    }
    if not config.vectors:
        space["embedding_dim"] = Choice((32, 64, 128))
    if config.encoder == "cnn":
        space["hidden"] = Choice((32, 64, 128))
    if config.encoder == "transformer":
        space["training.weight_decay"] = Uniform(0.0, 0.1)
    if config.disturbance:
        space["disturbance"] = Uniform(0.005, 0.03)
    return space
