"""What steps of a bake-off tell W&B, in a process of its own: FOLDER JOB…

Jobs: train:FIRST:LAST (from a checkpoint: all records up to the last come again), evaluate and
leaderboard; limits:INIT:FINISH:LAST sets the seconds that W&B is waited for. Prints the seconds of
each.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.tracking import LEADERBOARD, Identity, open_run
from bakeoff.tracking import run as run_module
from bakeoff.training.trained import Trained

IDENTITY = Identity(
    group="a-group",
    key="a-key",
    about={
        "study": "sentiment",
        "commit": "c0ffee",
        "data_hash": "d0c5",
        "rows": {"train": 70, "test": 20},
    },
    dataset={"data": "reviews.csv", "data_hash": "d0c5d0c5", "rows": {"train": 70, "test": 20}},
)
EPOCHS = 5


def record(epoch: int) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "train_loss": 1 / epoch,
        "train_accuracy": 0.5,
        "validation_loss": 0.7,
        "validation_accuracy": 0.5 + epoch / 100,
        "learning_rate": 0.002,
        "seconds": 1.5,
    }


def training() -> dict[str, Any]:
    """What training.json says, as far as it is recorded."""
    return {
        "history": [record(epoch) for epoch in range(1, EPOCHS + 1)],
        "layers": [{"name": "embedding", "type": "Embedding", "output_shape": "(B, T, 8)"}],
        "parameters": 1234,
        "seconds": 7.5,
        "threads": 2,
        "facts": {"vocabulary": 900},
    }


def evaluation() -> dict[str, Any]:
    row = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "accuracy": 0.5}
    full = {"low": 0.5, "high": 0.6, "mean_probability": 0.55, "accuracy": 0.5, "n": 4}
    metrics = {
        "n": 4,
        "accuracy": 0.5,
        "per_class": [{"label": name, **row} for name in ("negative", "positive")],
        "calibration": [full],
    }
    mistake = {"id": 7, "text": "Not bad!", "label": "positive", "predicted": "negative"}
    return {
        "classes": ["negative", "positive"],
        "kind": "text-network",
        "test": metrics,
        "validation": {**metrics, "accuracy": 0.75},
        "mistakes": [mistake],
        "size_bytes": 1002,
        **training(),
    }


RESULTS = {
    "metric": "accuracy",
    "winner": {"model": "rnn-64", "seed": 0, "reason": "rnn-64 has the best validation accuracy."},
    "leaderboard": [
        {"model": "rnn-64", "kind": "text-network", "accuracy": 0.5, "validation_accuracy": 0.75},
        {"model": "largest-class", "kind": "baseline", "accuracy": 0.5, "validation_accuracy": 0.5},
    ],
    "comparisons": [
        {"first": "rnn-64", "second": "largest-class", "difference": 0.0, "p": 1.0, "holm_p": 1.0}
    ],
}


def step(folder: Path, job: str) -> None:
    what, *numbers = job.split(":")
    if what == "limits":
        run_module.INIT_SECONDS = float(numbers[0])
        run_module.FINISH_SECONDS["online"] = float(numbers[1])
        run_module.LAST_SECONDS = float(numbers[2])
        return
    if what == LEADERBOARD:
        whole = IDENTITY.of_whole()
        with open_run(LEADERBOARD, None, {}, folder, job=what, identity=whole) as run:
            run.log_leaderboard(RESULTS)
        return
    with open_run("rnn-64", 0, {"hidden": 64}, folder, job=what, identity=IDENTITY) as run:
        if what == "evaluate":
            labels = np.array([0, 1, 0, 1])
            probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
            model = folder / "rnn-64-seed0"
            model.mkdir(exist_ok=True)
            (model / "model.json").write_text("{}")
            run.log_evaluation(evaluation(), model, labels, probabilities)
            return
        first, last = map(int, numbers)
        run.start(steps=10, costs=[1] * EPOCHS)
        for epoch in range(first, last + 1):
            run.epoch(record(epoch))
            time.sleep(0.01)
        if last == EPOCHS:
            run.log_training(
                Trained(
                    name="rnn-64",
                    seed=0,
                    kind="text-network",
                    config={"hidden": 64, "dropout": 0.3},
                    validation_probabilities=np.zeros((1, 2)),
                    save=lambda _: None,
                    **training(),
                )
            )


if __name__ == "__main__":
    for job in sys.argv[2:]:
        started = time.monotonic()
        step(Path(sys.argv[1]), job)
        print(f"{time.monotonic() - started:.1f}", flush=True)
