"""A train step of images that is killed, and goes on to the result of one that was not."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bakeoff.artifacts import read_json
from bakeoff.data.prepare import prepare
from bakeoff.training.settings import CHECKPOINTS, TrainingSettings, to_dict
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures

FAST = TrainingSettings(epochs=3, least_steps=0, batch_size=16, learning_rate=3e-3)
MOVED = Pictures(size=8, shift=1 / 8, cutout=1 / 3)
CONV = Autoencoder(encoder="conv", pictures=MOVED, training=FAST)
TUNED = ImageNetwork(
    encoder="conv", pictures=MOVED, pretraining=CONV, dropout=0.2, training=FAST, loss="center"
)
LINEUP = {
    "ae-conv": CONV,
    "frozen": replace(TUNED, frozen=True, loss="cross-entropy", dropout=0.0),
    "tuned": TUNED,
    "triplet": replace(TUNED, loss="triplet", images_per_class=4),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset whose test split is gone, and the models of an unbroken training on it."""
    folder = tmp_path_factory.mktemp("resume")
    prepare(
        folder / "dataset",
        folder / "test",
        source="digits",
        modality="image",
        split="60:20:20",
        seed=0,
    )
    for path in (folder / "test").iterdir():
        path.unlink()
    assert run(folder, "unbroken") == 0
    return folder


def run(folder, out, killed="", epoch=0):
    """Train in a process of its own, which kills itself after that epoch of that network."""
    command = [sys.executable, __file__, str(folder), out, killed, str(epoch)]
    environment = {**os.environ, CHECKPOINTS: str(folder / f"{out}-checkpoints")}
    return subprocess.run(command, check=False, timeout=300, env=environment).returncode


@pytest.mark.parametrize(
    ("killed", "epoch", "left"),
    [
        ("ae-conv", 2, {"Reconstruction": 1, "Probing": 3, "Classification": 6}),
        ("tuned", 1, {"Reconstruction": 0, "Probing": 0, "Classification": 5}),
    ],
)
def test_a_killed_step_goes_on_to_the_same_models(folder, killed, epoch, left):
    out = f"killed-{killed}"
    assert run(folder, out, killed, epoch) == -signal.SIGKILL
    assert not (folder / out).exists()
    assert list((folder / f"{out}-checkpoints").glob("*/*"))
    assert run(folder, out) == 0
    # What was finished was not trained again.
    assert read_json(folder / f"{out}.json") == left
    assert read_json(folder / "unbroken.json") == {
        "Reconstruction": 3,
        "Probing": 3,
        "Classification": 6,
    }
    assert not list((folder / f"{out}-checkpoints").glob("*"))
    for name in LINEUP:
        unbroken, resumed = (folder / where / f"{name}-seed5" for where in ("unbroken", out))
        for file in ("weights.safetensors", "embeddings.safetensors"):
            first, second = load_file(unbroken / file), load_file(resumed / file)
            assert first.keys() == second.keys()
            assert all(torch.equal(first[key], second[key]) for key in first), (name, file)
        validation = "validation.parquet"
        assert (unbroken / validation).read_bytes() == (resumed / validation).read_bytes()
        histories = [
            [{**record, "seconds": 0} for record in read_json(where / "training.json")["history"]]
            for where in (unbroken, resumed)
        ]
        assert histories[0] == histories[1]


def main(folder: str, out: str, killed: str, epoch: str) -> None:
    from bakeoff.training import keeper
    from bakeoff.training.step import train_networks
    from bakeoff.vision import tasks
    from bakeoff.vision.training import train_image_network

    keeper.CHECKPOINT_SHARE = float("inf")
    trained = dict.fromkeys(["Reconstruction", "Probing", "Classification"], 0)

    def counted(batches):
        def counting(self, number):
            trained[type(self).__name__] += 1
            return batches(self, number)

        return counting

    for task in (tasks._Pictures, tasks.Probing):
        task.training_batches = counted(task.training_batches)

    class Killer:
        def __init__(self, name):
            self.name = name

        def start(self, **facts):
            pass

        step = start

        def epoch(self, record):
            if (self.name, record["epoch"]) == (killed, int(epoch)):
                os.kill(os.getpid(), signal.SIGKILL)

    def train(name, *given, observers, **rest):
        return train_image_network(name, *given, observers=[*observers, Killer(name)], **rest)

    train_networks(
        Path(folder) / "dataset",
        Path(folder) / out,
        configs={name: to_dict(config) for name, config in LINEUP.items()},
        seed=5,
        threads=1,
        train=train,
    )
    (Path(folder) / f"{out}.json").write_text(json.dumps(trained))


if __name__ == "__main__":
    main(*sys.argv[1:])
