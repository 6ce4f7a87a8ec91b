"""What a search may change in text models: what costs no more time, or little."""

from __future__ import annotations

from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.tuning.spaces import Choice, Dimension, Integers, LogUniform, Uniform

_STRENGTHS = {
    "naive-bayes": LogUniform(0.01, 2.0),
    "logistic-regression": LogUniform(0.5, 100.0),
    "svm": LogUniform(0.03, 5.0),
    "nbsvm": LogUniform(0.003, 0.3),
}


def space_of(config: LinearText | TreeText | TextNetwork) -> dict[str, Dimension]:
    """Setting → values. A width that is chosen, or takes part in the choice, is not searched."""
    if isinstance(config, TreeText):
        return {
            "max_depth": Integers(5, 60),
            "min_samples_leaf": Choice((5, 10, 20, 50, 100)),
            "max_features": Choice((1_000, 2_000, 5_000, 10_000)),
            "ngrams": Integers(1, 3),
        }
    if isinstance(config, LinearText):
        linear: dict[str, Dimension] = {
            "strength": _STRENGTHS[config.method],
            "ngrams": Integers(1, 3),
            "min_count": Integers(2, 6),
        }
        if config.method == "nbsvm":
            linear["interpolation"] = Uniform(0.05, 1.0)
        return linear
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
