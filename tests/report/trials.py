"""Trials of a search, made up."""

import numpy as np

from bakeoff.tuning.journal import Record
from bakeoff.tuning.spaces import Choice, Integers, LogUniform, Uniform

SPACE = {
    "training.learning_rate": LogUniform(1e-4, 1e-2),
    "dropout": Uniform(0.0, 0.5),
    "layers": Integers(1, 3),
    "hidden": Choice((32, 64)),
}


def record(number, right, state="finished", error=""):
    settings = {"training.learning_rate": 1e-3 * (number % 7 + 1), "dropout": number / 100}
    settings |= {"layers": 1 + number % 3, "hidden": (32, 64)[number % 2]}
    made = Record(number=number, settings=settings, state=state, error=error)
    values = (np.arange(500) < 500 * right).astype(float).tolist()
    told = {"epoch": 3, "epochs": 4, "share": 75.0, "merit": right, "score": right, "seconds": 7.0}
    if state != "failed":
        made.reports = [told | ({"values": values} if state == "finished" else {})]
    return made
