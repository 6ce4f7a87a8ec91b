"""One trial: the training that the pipeline would run, with other settings, judged on validation.

It reads the dataset's train and validation split; there is nothing that could lead it to the test
split.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts import settings_hash
from bakeoff.data.splits import read_split
from bakeoff.dotted import changed
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import Metric, get_metric
from bakeoff.tracking import Identity, open_run
from bakeoff.training.history import best_epoch
from bakeoff.training.settings import to_dict
from bakeoff.training.workers import ALONE

if TYPE_CHECKING:
    from bakeoff.training.step import Train

Report = Callable[[dict[str, Any]], None]
"""Takes one of `journal.Record.reports`; may raise SystemExit, where the trial is to stop."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What each trial of a search does; it travels to the process that runs it."""

    model: str
    config: Any
    """The configuration that is searched."""
    dataset: Path
    folder: Path
    """For its checkpoints and for what W&B writes."""
    earlier: Path
    """Holds the networks that this one starts from."""
    seed: int
    threads: int
    metric: str
    """That judges them; what is trained by epochs has its own, which is the same."""
    train: Train
    identity: Identity

    def __call__(self, number: int, settings: Mapping[str, Any], report: Report) -> None:
        """Train, and report each epoch, and at last the score.

        Raises:
            UserError: the training is refused, or the score means nothing on validation.
        """
        config = to_dict(changed(self.config, settings))
        metric = get_metric(self.metric)
        train, validation = (read_split(self.dataset, name) for name in ("train", "validation"))
        checkpoint = self.checkpoint(number)
        epochs = _Epochs(metric.name, report)
        identity = replace(self.identity, key=settings_hash([self.identity.key, number]))
        run = open_run(
            f"{self.model}-trial{number}",
            self.seed,
            {**config, "model": self.model, "trial": number},
            self.folder,
            job="trial",
            identity=identity,
        )
        with run:
            try:
                trained = self.train(
                    self.model,
                    config,
                    train,
                    validation,
                    seed=self.seed,
                    threads=self.threads,
                    checkpoint=checkpoint,
                    observers=[run, epochs],
                    earlier=self.earlier,
                    workers=ALONE,
                )
            except SystemExit:
                run.finish()
                raise
            run.log_training(trained)
        values = metric.rows(validation.labels, trained.validation_probabilities)
        score = float(values.mean())
        if math.isnan(score):
            raise _meaningless(metric)
        whole = {"epoch": 0, "epochs": 0, "share": 100.0, "seconds": trained.seconds}
        last = (epochs.last or whole) | {"score": score, "merit": metric.merit(score)}
        report(last | {"values": [round(value, 7) for value in values.tolist()]})

    def checkpoint(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number}"

    def clean(self, number: int) -> None:
        """Remove what a trial that ended needs no more."""
        shutil.rmtree(self.checkpoint(number), ignore_errors=True)


def _meaningless(metric: Metric) -> UserError:
    return UserError(
        f"the {metric.words} means nothing on these validation rows: choose another --metric, or "
        "give validation rows of every class"
    )


class _Epochs:
    """An observer of the training loop that reports its epochs; `last` is the last report, empty
    where a model has none.
    """

    def __init__(self, metric: str, report: Report) -> None:
        self._metric, self._report = get_metric(metric), report
        self._costs: Sequence[float] = ()
        self._history: list[dict[str, Any]] = []
        self.last: dict[str, Any] = {}

    def start(self, *, steps: int, costs: Sequence[float], before: int = 0) -> None:
        self._costs = costs

    def step(self, *, epoch: int, step: int, loss: float, accuracy: float | None) -> None:
        """Epochs are compared, no less."""

    def epoch(self, record: dict[str, Any]) -> None:
        self._history.append(record)
        key = f"validation_{self._metric.key}"
        if record[key] is None:
            raise _meaningless(self._metric)
        best = best_epoch(self._history, self._metric.name)[key]
        epoch = record["epoch"]
        self.last = {
            "epoch": epoch,
            "epochs": len(self._costs),
            "share": 100 * sum(self._costs[:epoch]) / sum(self._costs),
            "merit": self._metric.merit(best),
            "score": record[key],
            "seconds": sum(r["seconds"] for r in self._history),
        }
        self._report(self.last)
