"""What the real W&B client records of images, offline."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import TABLEAU_COLORS, to_rgb
from matplotlib.image import imread

from bakeoff.data.exhibits import exhibit
from bakeoff.tracking import Identity, open_run
from bakeoff.tracking import run as run_module

POINTS = [{"x": 0.5, "y": -1.0, "class": 1}, {"x": 0.0, "y": 2.0, "class": 0}]
SCORED = {"accuracy": 0.75, "low": 0.5, "high": 1.0}
EMBEDDING = {
    "knn": SCORED,
    "centroid": {**SCORED, "accuracy": 0.5},
    "recall_at_1": {**SCORED, "accuracy": 0.25},
    "maps": {"pca": POINTS, "tsne": POINTS},
}

TRAINING = {
    "kind": "image-network",
    "history": [],
    "layers": [],
    "parameters": 1,
    "seconds": 1.0,
    "threads": 1,
    "facts": {},
}
IDENTITY = Identity(group="a-group", key="a-key")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(run_module, "FINISH_SECONDS", {"online": 30.0, "offline": 60.0})


@pytest.fixture(scope="module")
def uri():
    return exhibit(np.full((1, 40, 20, 3), 128, np.uint8), 0)


def recorded(folder):
    """Summary, points and names of files of the one run in a folder."""
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    wandb = shutil.which("wandb") or f"{sys.prefix}/bin/wandb"
    command = [wandb, "leet", "inspect", str(path), "--json"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    summary, points = {}, {}
    for line in map(json.loads, lines.splitlines()):
        if line["type"] == "summary":
            summary |= line["summary"]["update"]
        elif line["type"] == "history":
            points |= line["history"]["item"]
    return summary, points, [str(p) for p in path.parent.rglob("*") if "/media/" in str(p)]


def colours_of(files):
    """Which of a map's ten colours a picture has, drawn four fifths opaque on white."""
    (file,) = files
    pixels = {tuple(pixel) for pixel in (imread(file)[..., :3].reshape(-1, 3) * 255).round()}
    drawn = {
        name: tuple(round(255 * (0.8 * part + 0.2)) for part in to_rgb(name))
        for name in TABLEAU_COLORS
        if name != "tab:gray"  # So are the edges of letters.
    }
    return {
        name
        for name, colour in drawn.items()
        if any(max(abs(a - b) for a, b in zip(colour, pixel, strict=True)) <= 2 for pixel in pixels)
    }


def test_the_reconstructions_of_an_epoch_are_images(tmp_path, uri):
    record = {
        "epoch": 1,
        "seconds": 1.0,
        "train_loss": 0.1,
        "train_accuracy": None,
        "pictures": {"best": uri},
    }
    with open_run("ae-conv", 0, {}, tmp_path, job="train", identity=IDENTITY) as run:
        run.epoch(record)
    _, points, files = recorded(tmp_path)
    assert points["train/loss"] == 0.1
    assert points["reconstruction/best._type"] == "image-file"
    assert points["reconstruction/best.width"] == 20
    assert points["reconstruction/best.height"] == 40
    assert [name for name in files if name.endswith(".png")]


def test_an_autoencoder_has_its_error_its_neighbours_and_examples(tmp_path, uri):
    record = {
        "mse": 0.02,
        "size_bytes": 5,
        "classes": ["cat", "dog"],
        "examples": {"worst": [uri, uri]},
        "embedding": EMBEDDING,
        **TRAINING,
    }
    with open_run("ae-conv", 0, {}, tmp_path, job="evaluate", identity=IDENTITY) as run:
        run.log_evaluation(record, tmp_path / "model")
    summary, points, files = recorded(tmp_path)
    assert summary["test/mse"] == 0.02
    assert summary["test/knn_accuracy"] == 0.75
    assert summary["test/centroid_accuracy"] == 0.5
    assert summary["test/recall_at_1"] == 0.25
    assert points["evaluation/worst.count"] == 2
    assert colours_of([name for name in files if "tsne" in name]) == {"tab:blue", "tab:orange"}


def test_mistakes_of_images_are_pictures_and_embeddings_a_map(tmp_path, uri):
    per_class = {"label": "cat", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    metrics = {"accuracy": 0.5, "per_class": [per_class], "calibration": []}
    mistake = {"id": 1, "image": uri, "label": "cat", "predicted": "dog", "probability": 0.9}
    evaluation = {
        "classes": ["cat", "dog"],
        "test": metrics,
        "validation": metrics,
        "mistakes": [mistake],
        "embedding": EMBEDDING,
        "size_bytes": 5,
        **TRAINING,
    }
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    with open_run("resnet18", 0, {}, tmp_path, job="evaluate", identity=IDENTITY) as run:
        run.log_evaluation(evaluation, tmp_path / "model", np.array([0, 1]), probabilities)
    summary, points, files = recorded(tmp_path)
    assert summary["test/knn_accuracy"] == 0.75
    assert points["evaluation/mistakes.captions"] == ["cat, predicted dog"]
    assert colours_of([name for name in files if "tsne" in name]) == {"tab:blue", "tab:orange"}
    assert [name for name in files if name.endswith(".png")]
