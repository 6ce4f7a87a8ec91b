"""The group of workers over NCCL, where there is a GPU, in a process of its own; tests see none."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from on_gpu import run_on_gpu

from bakeoff.data.splits import Split
from bakeoff.text.configs import TextNetwork
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.vision.configs import ImageNetwork

FAST = TrainingSettings(epochs=2, least_steps=0, batch_size=12, learning_rate=1e-3)
TEXT = TextNetwork(
    encoder="lstm", hidden=8, max_tokens=10, min_count=1, precision="fp32", training=FAST
)
IMAGE = ImageNetwork(encoder="conv", precision="fp32", training=FAST)
LINEUP = {
    "sparse embeddings": TEXT,
    "cross-entropy": IMAGE,
    "triplets of gathered embeddings": replace(IMAGE, loss="triplet", images_per_class=3),
    "centers": replace(IMAGE, loss="center"),
}


def test_one_worker_over_nccl_learns_what_no_group_does(tmp_path):
    run_on_gpu(__file__, tmp_path)
    found = json.loads((tmp_path / "losses.json").read_text())
    assert set(found) == set(LINEUP)
    for name, (alone, group) in found.items():
        assert np.isfinite(alone).all(), name
        assert group == pytest.approx(alone, rel=1e-3), name


def main(out: str) -> None:
    from bakeoff.text.networks.training import train_text_network
    from bakeoff.training.workers import ALONE, Group
    from bakeoff.vision.training import train_image_network

    store = torch.distributed.FileStore(f"{out}/store", 1)
    torch.distributed.init_process_group("nccl", store=store, rank=0, world_size=1)
    rng, labels = np.random.default_rng(0), np.arange(36) % 3
    classes = ["red", "green", "blue"]
    pixels = rng.integers(0, 90, (36, 32, 32, 3), np.uint8)
    pixels[np.arange(36), :, :, labels] += 100
    words = [" ".join(rng.choice(["a", "b", "c"], 5)) + f" {classes[label]}" for label in labels]
    splits = {
        TextNetwork: [Split(np.arange(36), words, labels, classes, "text")] * 2,
        ImageNetwork: [Split(np.arange(36), pixels, labels, classes, "image")] * 2,
    }
    train = {TextNetwork: train_text_network, ImageNetwork: train_image_network}
    losses = {}
    for name, config in LINEUP.items():
        kind = type(config)
        losses[name] = [
            [
                epoch["validation_loss"]
                for epoch in train[kind](
                    name, to_dict(config), *splits[kind], seed=0, threads=1, workers=workers
                ).history
            ]
            for workers in (ALONE, Group())
        ]
    torch.distributed.destroy_process_group()
    (Path(out) / "losses.json").write_text(json.dumps(losses))


if __name__ == "__main__":
    main(*sys.argv[1:])
