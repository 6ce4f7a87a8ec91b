"""A training that is played: its score follows from its settings, and it tells whom it saw."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.artifacts import new_artifact
from bakeoff.errors import UserError
from bakeoff.text.configs import TextNetwork, from_dict
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import Trained
from bakeoff.tuning.spaces import Choice, Uniform
from bakeoff.tuning.step import Kind

EPOCHS = 5
NETWORK = TextNetwork(encoder="rnn", dropout=0.5, training=TrainingSettings(epochs=EPOCHS))


def make_dataset(folder):
    """Twenty texts to train on and forty to judge by; their ids say which split they are of."""
    with new_artifact(folder, "dataset", settings={}) as (out, facts):
        facts |= {"modality": "text", "classes": ["bad", "good"], "sizes": {}}
        for name, first, rows in (("train", 0, 20), ("validation", 100, 40)):
            ids = np.arange(first, first + rows)
            frame = pd.DataFrame({"id": ids, "text": [f"{name} {i}" for i in ids]})
            frame.assign(label=ids % 2).to_parquet(out / f"{name}.parquet")
    return folder


class Played:
    """Right on the more rows the smaller dropout is; logs in `folder` who trained, and whom it saw.

    Args:
        folder: gets log.jsonl, one line a training that began, and one a training that ended.
        pause: seconds of an epoch.
        fails: trainings whose dropout is in this range are refused.
        dies: the process is killed in the epoch 2 of trainings in this range.
    """

    def __init__(self, folder, pause=0.0, fails=(2, 2), dies=(2, 2)):
        self.folder, self.pause, self.fails, self.dies = folder, pause, fails, dies

    def __call__(self, name, config, train, validation, *, seed, observers, earlier, **_):
        dropout = config["dropout"]
        seen = sorted({*train.ids.tolist(), *validation.ids.tolist()})
        self._log(begun=dropout, seen=seen, before=sorted(p.name for p in earlier.glob("*/")))
        right = round(len(validation.labels) * (1 - dropout))
        for observer in observers:
            observer.start(steps=1, costs=[1.0] * EPOCHS)
        for epoch in range(1, EPOCHS + 1):
            time.sleep(self.pause)
            if epoch == 2 and self.dies[0] <= dropout <= self.dies[1]:
                os.kill(os.getpid(), signal.SIGKILL)
            if epoch == 2 and self.fails[0] <= dropout <= self.fails[1]:
                raise UserError(f"a dropout of {dropout:.1f} is refused")
            share = right / len(validation.labels)
            record = {"epoch": epoch, "validation_loss": 1 - share, "validation_accuracy": share}
            for observer in observers:
                observer.epoch({**record, "seconds": 0.1})
        self._log(ended=dropout)
        chosen = np.where(np.arange(len(validation.labels)) < right, validation.labels, 0)
        chosen[right:] = 1 - validation.labels[right:]
        return Trained(
            name=name,
            seed=seed,
            kind="played",
            config=dict(config),
            parameters=1,
            seconds=0.1,
            threads=1,
            validation_probabilities=np.eye(2)[chosen],
            save=lambda _: None,
        )

    def _log(self, **facts):
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(facts) + "\n")

    def logged(self, what):
        lines = (self.folder / "log.jsonl").read_text().splitlines()
        return [facts[what] for line in lines if what in (facts := json.loads(line))]


def space_of(config):
    if config.encoder == "bag":
        return {}
    return {"dropout": Uniform(0.0, 1.0), "training.batch_size": Choice((32, 64))}


def kind(train):
    return Kind(train=train, from_dict=from_dict, space_of=space_of)


def loop(seeds=(0,), settings="", **configs):
    """The items of a loop over these networks, and what each of them trains."""
    named = configs or {"rnn": NETWORK}
    item = {"model": ", ".join(named), "settings": settings, "fingerprint": ""}
    trained = {name: to_dict(config) for name, config in named.items()}
    return [{**item, "seed": seed} for seed in seeds], [trained for _ in seeds]


if __name__ == "__main__":
    import sys

    from bakeoff.tuning.step import tune

    folder, budget = Path(sys.argv[1]), sys.argv[2]
    played = kind(Played(folder, pause=0.3))
    items, configs = loop()
    tune(
        folder / "dataset",
        folder / "trials",
        items,
        configs=configs,
        budget=budget,
        threads=int(sys.argv[3]),
        metric="accuracy",
        kind=played,
    )
