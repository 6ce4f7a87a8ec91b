"""Loading a trained model, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.errors import UserError
from bakeoff.training.trained import read_model

if TYPE_CHECKING:
    import numpy as np


class Predictor(Protocol):
    """A trained model, ready to score what it was trained for."""

    @property
    def classes(self) -> list[str]: ...

    def probabilities(self, inputs: Sequence[Any]) -> np.ndarray:
        """Shape (inputs, classes), float64; rows sum to 1."""
        ...


def load(folder: Path) -> Predictor:
    """The model of a model folder.

    Raises:
        UserError: the folder was written by a bakeoff that knows more kinds of models.
    """
    model = read_model(folder)
    kind = model["kind"]
    if kind == "linear":
        from bakeoff.text.classical import load_linear

        return load_linear(folder, model)
    if kind == "tree":
        from bakeoff.text.classical import load_tree

        return load_tree(folder, model)
    if kind == "text-network":
        from bakeoff.text.network import load_network

        return load_network(folder, model)
    if kind == "ensemble":
        from bakeoff.ensemble import load_ensemble

        return load_ensemble(folder, model)
    raise UserError(f"{folder} holds a model of the unknown kind {kind!r}; use a newer bakeoff")
