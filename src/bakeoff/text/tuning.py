"""What a search must know of text models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bakeoff.data.splits import Split
from bakeoff.text.classical.models import train_alone
from bakeoff.text.configs import LinearText, TreeText, from_dict
from bakeoff.text.networks.training import train_text_network
from bakeoff.text.spaces import space_of
from bakeoff.training.trained import Trained
from bakeoff.tuning.step import Kind


def _train(
    name: str, config: Mapping[str, Any], train: Split, validation: Split, **given: Any
) -> Trained:
    """Train a network, or a classical model, which has no epochs to tell of."""
    typed = from_dict(config)
    if isinstance(typed, LinearText | TreeText):
        return train_alone(name, typed, train, validation, given["seed"])
    return train_text_network(name, config, train, validation, **given)


KIND = Kind(train=_train, from_dict=from_dict, space_of=space_of)
