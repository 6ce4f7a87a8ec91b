"""Which settings of a model's configuration do anything, and what their figures stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bakeoff.report.summary import flat

_ONLY_WITH: dict[str, tuple[str, Collection[Any]]] = {
    "interpolation": ("method", {"nbsvm"}),
    "freeze_vectors": ("vectors", ()),
    "layers": ("encoder", {"rnn", "lstm", "transformer"}),
    "bidirectional": ("encoder", {"rnn", "lstm"}),
    "margin": ("loss", {"triplet"}),
    "temperature": ("loss", {"triplet"}),
    "images_per_class": ("loss", {"triplet"}),
    "center_weight": ("loss", {"center"}),
    "center_rate": ("loss", {"center"}),
    "hidden_dropout": ("encoder", {"linear"}),
    "pictures.growth": ("encoder", {"resnet18"}),
    "weights": ("encoder", {"resnet18"}),
}
"""A setting → the other one that it needs, and the values with which it does something; without
values, any but an empty one."""

_NOTHING = {
    "vectors": "learned",
    "weights": "from scratch",
    "dense": "none",
    "margin": "soft",
    "pictures.size": "as it is",
    "training.clip_norm": "none",
    "pretraining.pictures.size": "as it is",
    "pretraining.training.clip_norm": "none",
}
"""What a setting's empty value or 0 stands for."""


def hyper_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings on one level, without those that do nothing in this configuration.

    >>> hyper_parameters({"loss": "cross-entropy", "margin": 0.0, "dropout": 0.0})
    {'loss': 'cross-entropy', 'dropout': 0.0}
    >>> hyper_parameters({"loss": "triplet", "margin": 0.0, "pretraining": None})
    {'loss': 'triplet', 'margin': 'soft'}
    >>> hyper_parameters({"vectors": "", "freeze_vectors": False, "dense": 0})
    {'vectors': 'learned', 'dense': 'none'}
    """
    settings = flat(dict(config))
    shown = {name: value or _NOTHING.get(name, value) for name, value in settings.items()}
    return {
        name: value
        for name, value in shown.items()
        if value not in (None, "") and _applies(name, settings)
    }


def _applies(name: str, settings: Mapping[str, Any]) -> bool:
    prefix = "pretraining." if name.startswith("pretraining.") else ""
    needed, values = _ONLY_WITH.get(name.removeprefix(prefix), ("", ()))
    if prefix + needed not in settings:
        return True
    value = settings[prefix + needed]
    return value in values if values else bool(value)
