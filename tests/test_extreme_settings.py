"""Every setting of every model at the least and the greatest value that its type allows: it trains,
or is refused for what is wrong with it.
"""

import math
import types
from dataclasses import is_dataclass, replace
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch

from bakeoff.data.splits import Split
from bakeoff.dotted import changed, settings_of
from bakeoff.errors import UserError
from bakeoff.evaluation.mixture import cross_fitted
from bakeoff.studies import STUDIES
from bakeoff.text.classical.models import train_alone
from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.text.networks import training as text_training
from bakeoff.training.settings import Ensemble, to_dict
from bakeoff.vision.configs import Autoencoder, ImageNetwork
from bakeoff.vision.training import train_image_network

MODELS = {name: config for study in STUDIES.values() for name, config in study.models.items()}
SMALL = {
    "training.epochs": 1,
    "training.least_steps": 0,
    "training.batch_size": 12,
    "pictures.size": 8,
    "min_count": 1,
    "hidden": 8,
    "embedding_dim": 8,
}
SMALL |= {f"pretraining.{path}": value for path, value in SMALL.items()}
NO_GREATEST = {
    *("epochs", "least_steps", "size", "images_per_class"),
    *("hidden", "layers", "embedding_dim", "dense"),
}
"""Counts that time and memory alone limit."""


def small(config):
    have = settings_of(config)
    return changed(config, {path: value for path, value in SMALL.items() if path in have})


def quick(config, path):
    """The part of a configuration that a setting belongs to; losses of ResNets on convolutions."""
    if not isinstance(config, ImageNetwork):
        return config
    if path.startswith("pretraining."):
        config = config.pretraining
    if path.endswith("precision"):
        # oneDNN's gradients in bf16 of a map of one pixel are no numbers.
        config = changed(config, {"pictures.size": 32})
    if isinstance(config, Autoencoder):
        return config
    encoder = config.encoder if path == "encoder" or config.encoder == "linear" else "conv"
    return replace(config, encoder=encoder, pretraining=None)


def family(config):
    """What decides which code a model runs."""
    if isinstance(config, TextNetwork):
        return config.encoder, config.layers > 1
    if isinstance(config, ImageNetwork):
        return config.encoder == "linear", config.loss, config.frozen
    return type(config), getattr(config, "method", "")


FAMILIES = {family(config): name for name, config in reversed(MODELS.items())}


def kinds(config, above=""):
    """Path → annotation of every setting, and the class that it is a setting of."""
    found = {}
    for name, kind in get_type_hints(type(config), include_extras=True).items():
        held = getattr(config, name)
        if is_dataclass(held):
            found |= kinds(held, f"{above}{name}.")
        if not is_dataclass(kind):
            found[above + name] = kind, type(config)
    return found


def extremes(path, kind):
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        number, allowed = arguments
        least = allowed.least + (1e-9 if allowed.least_excluded else 0)
        values = {least, 1} if number is int else {least}
        if allowed.most < math.inf:
            values.add(allowed.most)
        elif path.rpartition(".")[2] not in NO_GREATEST:
            values.add(10**9 if number is int else 1e30)
        return sorted(map(number, values))
    if origin is Literal:
        return arguments
    if origin in (Union, types.UnionType):
        return [None]
    assert kind in (bool, str), f"{path} may be anything: give it a range"
    return [False, True] if kind is bool else []


def cases():
    """A model, a setting, and values that it does not have."""
    seen = set()
    for name in FAMILIES.values():
        for path, (kind, cls) in kinds(MODELS[name]).items():
            # What networks have in common is tried in one of them.
            above, _, setting = path.rpartition(".")
            held = settings_of(MODELS[name]).get(path)
            others = [value for value in extremes(path, kind) if value != held]
            if others and not (above and (cls, setting) in seen):
                yield name, path, others
            seen.add((cls, setting))


def words(rows, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    texts = [
        " ".join([*(f"w{word}" for word in rng.integers(0, 9, 6)), ("bad", "good")[label]])
        for label in labels
    ]
    return Split(np.arange(rows), texts, labels, ["bad", "good"])


def pictures(rows, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    pixels = rng.integers(0, 255, (rows, 8, 8, 3), np.uint8)
    return Split(np.arange(rows), pixels, labels, ["a", "b", "c"], "image")


TEXTS = words(24, 0), words(8, 1)
PICTURES = pictures(24, 0), pictures(9, 1)


def train(config):
    if isinstance(config, LinearText | TreeText):
        return train_alone("some", config, *TEXTS, seed=0)
    function, data = (
        (text_training.train_text_network, TEXTS)
        if isinstance(config, TextNetwork)
        else (train_image_network, PICTURES)
    )
    return function("some", to_dict(config), *data, seed=0, threads=1)


@pytest.fixture(autouse=True)
def process(monkeypatch):
    monkeypatch.setattr(text_training, "EXAMPLE", (7, 5))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.use_deterministic_algorithms(False)


def figures(config, path):
    """Losses and probabilities of a training with it."""
    if isinstance(config, Ensemble):
        probabilities = np.full((2, 8, 2), 0.5)
        return [cross_fitted(probabilities, TEXTS[1].labels, config.least_weight)]
    trained = train(quick(config, path))
    losses = [(r["train_loss"], r["validation_loss"]) for r in trained.history]
    return [losses, trained.validation_probabilities]


@pytest.mark.parametrize(("name", "path", "values"), cases())
def test_an_extreme_value_trains_or_is_refused(name, path, values):
    for value in values:
        try:
            made = figures(changed(small(MODELS[name]), {path: value}), path)
        except UserError as error:
            diverged = "no longer a finite number" in str(error)
            assert not diverged or value == 1e30, f"{path}={value}: {error}"  # noqa: PT017
        else:
            assert all(np.isfinite(some).all() for some in made), f"{path}={value}"
