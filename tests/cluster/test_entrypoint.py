"""The program on the head of a RayJob: a real process, a real S3, a real Ray."""

import json
import os
import subprocess
import sys

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from bakeoff.artifacts import read_manifest
from bakeoff.cluster.following import LOG, outcome_name
from bakeoff.cluster.heartbeat import NAME
from bakeoff.cluster.step import JOB
from bakeoff.data.prepare import prepare
from bakeoff.s3 import Folder, fetched
from bakeoff.shipped import LogReader
from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.training import train_text_network
from bakeoff.training.settings import CHECKPOINTS, WHERE, TrainingSettings, to_dict
from bakeoff.training.step import train_networks

TRAINING = TrainingSettings(epochs=2, least_steps=0)
RNN = TextNetwork(encoder="rnn", hidden=4, embedding_dim=4, max_tokens=8, training=TRAINING)
ASKED = {"configs": {"rnn-4": to_dict(RNN)}, "seed": 1, "threads": 1, "files": "", "workers": 1}
TRAIN = "bakeoff.text.networks.training:train_text_network"
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for variable in (WHERE, CHECKPOINTS, "WANDB_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def dataset(reviews_csv, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    source = {"source": str(reviews_csv), "input_column": "review", "label_column": "stars"}
    made = folder / "dataset", folder / "test"
    prepare(*made, **source, split="0.6:0.2:0.2", seed=0, limit=200)
    return folder / "dataset"


@pytest.fixture(scope="module")
def there(s3_server, dataset):
    """The data set's address."""
    Folder(f"{s3_server}/dataset").upload(dataset)
    return f"{s3_server}/dataset"


@pytest.fixture
def models(s3_server, tmp_path):
    return f"{s3_server}/{tmp_path.name}/models"


@pytest.fixture
def work(s3_server, tmp_path):
    return Folder(f"{s3_server}/{tmp_path.name}/work")


def run(work, **asked):
    """The exit code of an entrypoint, and how it says it ended."""
    asked = {
        "heartbeat_seconds": 600,
        "gpus": 0,
        "rayjob": "ae-1",
        "train": TRAIN,
        **ASKED,
        **asked,
    }
    work.write(JOB, json.dumps(asked).encode())
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff.cluster.entrypoint", work.place, "7f"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
        timeout=600,
    )
    return done.returncode, json.loads(work.read(outcome_name("7f")) or b"null")


def log_of(work):
    return "".join(LogReader(work / LOG).chunks())


def test_it_trains_what_is_trained_elsewhere_and_leaves_it_in_s3(
    work, models, there, dataset, tmp_path
):
    ended = run(work, dataset=there, models=models)
    assert ended == (0, {"outcome": "done", "message": ""}), log_of(work)
    said = log_of(work)
    assert [said.count(f"epoch {number}/2") for number in (1, 2)] == [1, 1], said
    assert f"to {models}\n" in said
    assert "credentials" not in said
    assert "Warning" not in said
    train_networks(dataset, tmp_path / "models", **ASKED, train=train_text_network)
    with fetched(models) as found:
        made, inline = read_manifest(found), read_manifest(tmp_path / "models")
        found_weights = {
            str(path.relative_to(found)): load_file(path) for path in found.rglob("*.safetensors")
        }
    assert made["files"].keys() == inline["files"].keys()
    assert made["facts"]["identity"]["about"].pop("rayjob") == "ae-1"
    assert made["facts"] == inline["facts"]
    # Gradients of workers are means of sums, which round differently.
    for name, weights in found_weights.items():
        assert_close(weights, load_file(tmp_path / "models" / name), rtol=1e-3, atol=1e-5)
    assert found_weights
    assert made["inputs"]["dataset"]["hash"] == inline["inputs"]["dataset"]["hash"]


def test_what_a_person_has_to_put_right_is_left_in_its_words(work, models, s3_server):
    code, told = run(work, dataset=f"{s3_server}/none", models=models)
    assert (code, told["outcome"]) == (2, "refused")
    assert told["message"].startswith(f"{s3_server}/none is no bakeoff folder")
    assert f"error: {told['message']}\n" in log_of(work)
    assert Folder(models).names() == []


def test_a_fault_of_the_code_is_left_with_its_traceback(work, models, there):
    code, told = run(work, dataset=there, models=models, train="os:none")
    assert (code, told["outcome"]) == (1, "crashed")
    assert told["message"].startswith("AttributeError: ")
    assert "Traceback" in log_of(work)


def test_it_ends_without_a_failure_once_nobody_follows_it(work, models, there):
    work.write(NAME, b"once")
    code, told = run(work, heartbeat_seconds=1, dataset=there, models=models)
    assert (code, told["outcome"]) == (0, "abandoned")
    assert "nobody follows this training" in log_of(work)
    assert Folder(models).names() == []
