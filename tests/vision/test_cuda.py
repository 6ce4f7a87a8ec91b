"""Training on a GPU, where there is one, in a process of its own: tests themselves see none."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import drawn
from on_gpu import run_on_gpu

from bakeoff.artifacts import read_json
from bakeoff.predictors import load
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import model_folders, read_probabilities, write_trained
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures

FAST = TrainingSettings(epochs=3, least_steps=0, batch_size=12, learning_rate=1e-3)
MOVED = Pictures(flip=True, shift=1 / 8, crop=0.5, color=0.3, cutout=0.2)
CONV = Autoencoder(encoder="conv", pictures=MOVED, training=FAST)
NETWORK = ImageNetwork(encoder="resnet18", pictures=replace(MOVED, cutmix=0.5), training=FAST)
LINEUP = {
    "ae-conv": CONV,
    "frozen": replace(NETWORK, encoder="conv", pretraining=CONV, frozen=True),
    "cross-entropy": replace(NETWORK, crops_at_test=0.9, flip_at_test=True),
    "triplet": replace(NETWORK, loss="triplet", images_per_class=4),
    "center": replace(NETWORK, loss="center"),
    "fp32": replace(NETWORK, precision="fp32"),
}
SPLITS = drawn(36, size=32), drawn(15, size=32, seed=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The model folders of a line-up trained on a GPU."""
    out = tmp_path_factory.mktemp("cuda")
    run_on_gpu(__file__, out)
    return {folder.name.removesuffix("-seed0"): folder for folder in model_folders(out)}


def test_every_kind_of_network_trains_on_a_gpu_and_predicts_alike_without_one(trained):
    assert set(trained) == set(LINEUP)
    for name, folder in trained.items():
        training = read_json(folder / "training.json")
        assert training["facts"]["device"] != "CPU"
        assert all(np.isfinite(record["validation_loss"]) for record in training["history"])
        here = load(folder).probabilities(SPLITS[1].inputs)
        there = read_probabilities(folder)[1]
        exact = name == "fp32"
        assert here == pytest.approx(there, abs=1e-3 if exact else 0.1), name


def main(out: str) -> None:
    from bakeoff.vision.training import train_image_network

    assert torch.cuda.is_available()
    for name, config in LINEUP.items():
        made = train_image_network(
            name, to_dict(config), *SPLITS, seed=0, threads=1, earlier=Path(out)
        )
        write_trained(made, Path(out) / made.folder_name, SPLITS[0].classes, SPLITS[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
