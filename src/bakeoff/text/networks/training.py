"""Training a network over word indices, as the train step of networks asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bakeoff.data.splits import Split
from bakeoff.text.configs import TextNetwork, from_dict
from bakeoff.text.networks.network import train_network
from bakeoff.training.trained import Trained


def train_text_network(
    name: str,
    config: Mapping[str, Any],
    train: Split,
    validation: Split,
    **settings: Any,
) -> Trained:
    """Train one network of a line-up (a `bakeoff.training.step.Train`)."""
    settings.pop("earlier")
    return train_network(name, cast(TextNetwork, from_dict(config)), train, validation, **settings)
