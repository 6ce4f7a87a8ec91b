"""Loading a trained model, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from bakeoff.errors import UserError
from bakeoff.training.trained import Predictor, read_model


def load(folder: Path) -> Predictor:
    """The model of a model folder.

    Raises:
        UserError: the folder was written by a bakeoff that knows more kinds of models.
    """
    model = read_model(folder)
    kind = model["kind"]
    if kind == "linear":
        from bakeoff.text.classical.models import load_linear

        return load_linear(folder, model)
    if kind == "tree":
        from bakeoff.text.classical.models import load_tree

        return load_tree(folder, model)
    if kind == "text-network":
        from bakeoff.text.networks.network import load_network

        return load_network(folder, model)
    if kind == "image-network":
        from bakeoff.vision.network import load_image_network

        return load_image_network(folder, model)
    if kind == "autoencoder":
        from bakeoff.vision.network import load_autoencoder

        return load_autoencoder(folder, model)
    if kind == "ensemble":
        from bakeoff.ensemble import load_ensemble

        return load_ensemble(folder, model, load)
    raise UserError(f"{folder} holds a model of the unknown kind {kind!r}; use a newer bakeoff")
