"""The training loop of every network.

It knows a model, an objective, batches, an optimiser and a schedule. What is trained, on what data
and in which process is the caller's; each epoch is reported to observers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff.errors import UserError
from bakeoff.evaluation.scores import ACCURACY, Metric, get_metric
from bakeoff.training.history import best_epoch, finished
from bakeoff.training.keeper import INTERVAL, Keeper, weights
from bakeoff.training.observers import Observer
from bakeoff.training.optimization import Optimizers
from bakeoff.training.places import Place
from bakeoff.training.settings import TrainingSettings
from bakeoff.training.workers import ALONE, Figures, Outcome, Workers

CHECK_STEPS = 32
"""Steps between two looks at whether the loss is still a number, and whether it is time to save;
all workers look alike."""


class Task(Protocol):
    """What is learned: batches, of which each worker gets its share, and the objective on them."""

    steps_per_epoch: int

    def training_batches(self, epoch: int) -> Iterable[Any]:
        """The batches of an epoch, None where this worker's share of one is empty; the same for the
        same epoch, so that a resumed run repeats.
        """
        ...

    def validation_batches(self) -> Iterable[Any]: ...

    def epoch_cost(self, epoch: int, /) -> float:
        """The time that an epoch takes, in a unit of the task's own."""
        ...

    def objective(self, model: nn.Module, batch: Any) -> Outcome: ...

    def epoch_facts(self, model: nn.Module, /) -> dict[str, Any]:
        """What else the record of an epoch that just ended should hold, as JSON holds it."""
        ...


def fit(
    model: nn.Module,
    task: Task,
    settings: TrainingSettings,
    *,
    seed: int,
    observers: Sequence[Observer] = (),
    checkpoint: Place | None = None,
    workers: Workers = ALONE,
    interval: float = INTERVAL,
) -> list[dict[str, Any]]:
    """Train `model` in place; it ends with the weights of its best epoch.

    Which epoch is the best says `bakeoff.training.history`. With a place for checkpoints epochs are
    saved, long ones also before their end, and a training that was killed goes on from there to the
    same result, bit for bit on the same number of CPU threads and workers.

    Args:
        model: initialised weights.
        task: batches and objective.
        settings: hyper-parameters.
        seed: of everything random in the loop, such as dropout.
        observers: told about steps and epochs, those before a kill included.
        checkpoint: a place for this very training, which every worker can read; the caller removes
            it. Any number of workers may go on from it.
        workers: those who share the training; all start from the first one's weights.
        interval: seconds without a checkpoint after which an epoch is saved before its end.

    Returns:
        One record an epoch: epoch, train_loss, train_accuracy, validation_loss,
        validation_accuracy, validation_<metric> of the settings' metric, learning_rate (that of the
        epoch's last step), seconds, and the task's `epoch_facts`; scores are None where they mean
        nothing.

    Raises:
        UserError: the loss is no longer finite, or workers found different checkpoints.
    """
    epochs = settings.planned_epochs(task.steps_per_epoch)
    metric = get_metric(settings.metric)
    optimizers = Optimizers(model, settings, total_steps=epochs * task.steps_per_epoch)
    keeper = Keeper(checkpoint, model, optimizers, workers, seed=seed, interval=interval)
    history = keeper.history
    costs = [task.epoch_cost(epoch) for epoch in range(1, epochs + 1)]
    for observer in observers:
        observer.start(steps=task.steps_per_epoch, costs=costs, before=len(history))
        for record in history:
            observer.epoch(record)
    while not finished(history, epochs, settings.patience, metric.name):
        started = time.perf_counter()
        before = keeper.begun["seconds"] if keeper.begun else 0.0
        train_loss, train_accuracy = _train_epoch(
            model, task, optimizers, keeper, observers, workers
        )
        keeper.average_statistics()
        loss, accuracy, score = evaluate(model, task, metric, workers)
        epoch = len(history) + 1
        if not math.isfinite(loss):
            raise _diverged(epoch)
        record = {
            "epoch": epoch,
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "validation_loss": loss,
            "validation_accuracy": accuracy,
            f"validation_{metric.key}": score,
            "learning_rate": optimizers.learning_rate,
            "seconds": before + time.perf_counter() - started,
            **task.epoch_facts(model),
        }
        history.append(record)
        if best_epoch(history, metric.name) is record:
            keeper.best = weights(model)
        keeper.epoch_ended(last=finished(history, epochs, settings.patience, metric.name))
        for observer in observers:
            observer.epoch(record)
    model.load_state_dict(keeper.best)
    return history


@torch.no_grad()
def evaluate(
    model: nn.Module, task: Task, metric: Metric = ACCURACY, workers: Workers = ALONE
) -> tuple[float, float | None, float | None]:
    """Mean loss, accuracy and score on the validation batches of all workers."""
    model.eval()
    sums = _Sums()
    logits, labels = [], []
    for batch in task.validation_batches():
        outcome = task.objective(model, batch)
        sums.add(outcome)
        if metric is not ACCURACY and outcome.logits is not None and outcome.labels is not None:
            logits.append(outcome.logits)
            labels.append(outcome.labels)
    sums.join(workers)
    loss, accuracy = sums.means()
    if not logits:
        return loss, accuracy, accuracy
    everyone, classes = workers.gathered(torch.cat(logits)), workers.gathered(torch.cat(labels))
    probabilities = everyone.double().softmax(dim=1).cpu().numpy()
    if not np.isfinite(probabilities).all():
        return loss, accuracy, None
    return loss, accuracy, metric.of(classes.cpu().numpy(), probabilities)


def _train_epoch(
    model: nn.Module,
    task: Task,
    optimizers: Optimizers,
    keeper: Keeper,
    observers: Sequence[Observer],
    workers: Workers,
) -> tuple[float, float | None]:
    """Train the epoch after those of the keeper's history, or what is left of it."""
    epoch, begun = len(keeper.history) + 1, keeper.begun
    model.train()
    keeper.seed_epoch()
    started, sums, done = time.perf_counter(), _Sums(), 0
    batches = iter(task.training_batches(epoch))
    if begun:
        sums, done = _Sums(**begun["sums"]), begun["step"]
        started -= begun["seconds"]
        for _ in range(done):
            next(batches)
        keeper.resume_epoch()
    for step, batch in enumerate(batches, start=done + 1):
        outcome = None
        if batch is not None:
            outcome = task.objective(model, batch)
            outcome.loss.backward()
        sums.add(workers.pooled(outcome, optimizers.dense, optimizers.sparse))
        optimizers.step()
        if step % CHECK_STEPS == 0:
            if not math.isfinite(sums.means()[0]):
                raise _diverged(epoch)
            keeper.look(step, sums.state(), time.perf_counter() - started)
        if observers and sums.due():
            loss, accuracy = sums.means()
            for observer in observers:
                observer.step(epoch=epoch, step=step, loss=loss, accuracy=accuracy)
    loss, accuracy = sums.means()
    if not math.isfinite(loss):
        raise _diverged(epoch)
    return loss, accuracy


def _diverged(epoch: int) -> UserError:
    return UserError(
        f"the loss is no longer a finite number in epoch {epoch}; lower the learning "
        "rate, or clip gradients at a smaller norm"
    )


class _Sums:
    """Loss and right predictions so far, kept as tensors so that a GPU need not be waited for."""

    INTERVAL = 0.25
    """Seconds between two reports of a step."""

    def __init__(
        self, loss: float = 0.0, correct: float | None = None, examples: float = 0.0
    ) -> None:
        self._examples = examples
        self._loss: Tensor | float = loss
        self._correct: Tensor | float | None = correct
        self._told = time.monotonic()

    def state(self) -> dict[str, float | None]:
        """What is added up so far, as the arguments of another one."""
        correct = None if self._correct is None else int(self._correct)
        return {"loss": float(self._loss), "correct": correct, "examples": self._examples}

    def add(self, outcome: Figures) -> None:
        self._examples += outcome.examples
        self._loss = self._loss + outcome.loss.detach().double() * outcome.examples
        if (correct := outcome.correct) is not None:
            self._correct = correct if self._correct is None else self._correct + correct

    def join(self, workers: Workers) -> None:
        """Add up the sums of all workers."""
        if workers.count == 1:
            return
        told = self._correct is not None
        sums = torch.tensor(
            [float(self._loss), float(self._correct or 0), told, self._examples],
            dtype=torch.float64,
        )
        workers.sum(sums)
        self._loss, correct, told, self._examples = sums.tolist()
        self._correct = correct if told else None

    def due(self) -> bool:
        """Whether it is time to tell the observers again."""
        now = time.monotonic()
        if now - self._told < self.INTERVAL:
            return False
        self._told = now
        return True

    def means(self) -> tuple[float, float | None]:
        accuracy = None if self._correct is None else float(self._correct) / self._examples
        return float(self._loss) / self._examples, accuracy
