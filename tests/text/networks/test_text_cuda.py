"""Text networks on a GPU, where there is one, in a process of its own; tests see none."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from on_gpu import run_on_gpu

from bakeoff.artifacts import read_json
from bakeoff.data.splits import Split
from bakeoff.predictors import load
from bakeoff.text.configs import TextNetwork
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import model_folders, read_probabilities, write_trained

FAST = TrainingSettings(epochs=3, least_steps=0, batch_size=8, learning_rate=1e-2)
NETWORK = TextNetwork(encoder="lstm", hidden=16, max_tokens=20, min_count=1, training=FAST)
LINEUP = {
    "rnn": replace(NETWORK, encoder="rnn"),
    "lstm of two layers": replace(NETWORK, layers=2, pooling="last"),
    "bilstm, disturbed": replace(NETWORK, bidirectional=True, dense=8, disturbance=0.02),
    "bilstm-glove": replace(NETWORK, bidirectional=True, vectors="glove-6b-50d"),
    "frozen vectors": replace(NETWORK, vectors="glove-6b-50d", freeze_vectors=True),
    "cnn": replace(NETWORK, encoder="cnn"),
    "bag": replace(NETWORK, encoder="bag", pooling="mean"),
    "transformer": replace(NETWORK, encoder="transformer"),
    "fp32": replace(NETWORK, precision="fp32"),
}


def written(rows, seed=0):
    """Texts of 1 to 30 words, of which one says the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    texts = [
        " ".join([*rng.choice(["film", "plot", "actor", "scene"], rng.integers(0, 30)), word])
        for word in np.array(["dreadful", "wonderful"])[labels]
    ]
    return Split(np.arange(rows), texts, labels, ["bad", "good"], "text")


SPLITS = written(40), written(15, seed=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The model folders of a line-up trained on a GPU."""
    out = tmp_path_factory.mktemp("cuda")
    run_on_gpu(__file__, out)
    return {folder.name.removesuffix("-seed0"): folder for folder in model_folders(out)}


def test_every_kind_of_network_trains_on_a_gpu_and_predicts_alike_without_one(trained):
    assert len(trained) == len(LINEUP)
    for name, folder in trained.items():
        training = read_json(folder / "training.json")
        assert all(np.isfinite(record["validation_loss"]) for record in training["history"])
        here = load(folder).probabilities(SPLITS[1].inputs)
        there = read_probabilities(folder)[1]
        exact = name == "fp32"
        assert here == pytest.approx(there, abs=1e-3 if exact else 0.1), name


def main(out: str) -> None:
    from bakeoff.text.networks.training import train_text_network

    assert torch.cuda.is_available()
    for name, config in LINEUP.items():
        made = train_text_network(name, to_dict(config), *SPLITS, seed=0, threads=1)
        write_trained(made, Path(out) / made.folder_name, SPLITS[0].classes, SPLITS[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
