"""The training loop of every network.

It knows a model, an objective, batches, an optimiser and a schedule. What is trained, on what data
and in which process is the caller's; each epoch is reported to observers.
"""

from __future__ import annotations

import ctypes
import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import ACCURACY, Metric, get_metric
from bakeoff.training.checkpoint import load_checkpoint, save_checkpoint
from bakeoff.training.history import best_epoch, finished
from bakeoff.training.optimization import Optimizers
from bakeoff.training.settings import TrainingSettings

CHECKPOINT_SHARE = 0.1
"""Of the time of a training that its checkpoints may take: after short epochs there is none."""
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


@dataclass(frozen=True)
class Outcome:
    """What the objective says about one batch."""

    loss: Tensor
    """Scalar: the mean over the batch. What of it is a constant, the objective has differentiated
    itself already."""
    examples: int
    logits: Tensor | None = None
    """Shape (batch, classes); None where there are no classes."""
    labels: Tensor | None = None
    """Shape (batch,), the right classes of `logits`."""

    @property
    def correct(self) -> Tensor | None:
        """Number of right predictions; None where that means nothing."""
        if self.logits is None or self.labels is None:
            return None
        return (self.logits.detach().argmax(dim=1) == self.labels).sum()


class Task(Protocol):
    """What is learned: batches and the objective on them."""

    steps_per_epoch: int

    def training_batches(self, epoch: int) -> Iterable[Any]:
        """The batches of an epoch; the same for the same epoch, so that a resumed run repeats."""
        ...

    def validation_batches(self) -> Iterable[Any]: ...

    def epoch_cost(self, epoch: int, /) -> float:
        """The time that an epoch takes, in a unit of the task's own."""
        ...

    def objective(self, model: nn.Module, batch: Any) -> Outcome: ...

    def epoch_facts(self, model: nn.Module, /) -> dict[str, Any]:
        """What else the record of an epoch that just ended should hold, as JSON holds it."""
        ...


class Observer(Protocol):
    """Who watches a training: the progress display, Weights & Biases."""

    def start(self, *, steps: int, costs: Sequence[float]) -> None:
        """Training begins: at most one epoch for each `Task.epoch_cost`, of `steps` each."""
        ...

    def step(self, *, epoch: int, step: int, loss: float, accuracy: float | None) -> None: ...

    def epoch(self, record: dict[str, Any]) -> None: ...


def set_up_process(seed: int, threads: int) -> None:
    """Set up this process so that a training repeats: to the bit on the same number of CPU threads,
    closely on a GPU, where more would cost too much time.
    """
    _keep_freed_memory()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(not torch.cuda.is_available(), warn_only=True)
    # Filling memory before it is written to costs a tenth of the time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed: handing the large maps of a step back to the system and
    fetching them again took a tenth of a convolutional network's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)


def fit(
    model: nn.Module,
    task: Task,
    settings: TrainingSettings,
    *,
    seed: int,
    observers: Sequence[Observer] = (),
    checkpoint: Path | None = None,
) -> list[dict[str, Any]]:
    """Train `model` in place; it ends with the weights of its best epoch.

    Which epoch is the best says `bakeoff.training.history`. With a checkpoint folder epochs are
    saved, and a training that was killed goes on from the last saved one to the same result, bit
    for bit on the same number of CPU threads.

    Args:
        model: initialised weights.
        task: batches and objective.
        settings: hyper-parameters.
        seed: of everything random in the loop, such as dropout.
        observers: told about steps and epochs, those before a kill included.
        checkpoint: a folder for this very training; the caller removes it.

    Returns:
        One record an epoch: epoch, train_loss, train_accuracy, validation_loss,
        validation_accuracy, validation_<metric> of the settings' metric, learning_rate (that of the
        epoch's last step), seconds, and the task's `epoch_facts`; scores are None where they mean
        nothing.

    Raises:
        UserError: the loss is no longer finite.
    """
    torch.manual_seed(seed)
    epochs = settings.planned_epochs(task.steps_per_epoch)
    metric = get_metric(settings.metric)
    optimizers = Optimizers(model, settings, total_steps=epochs * task.steps_per_epoch)
    history, best = [], _weights(model)
    if checkpoint and (saved := load_checkpoint(checkpoint, model, optimizers)):
        facts, best = saved
        history = facts["history"]
    costs = [task.epoch_cost(epoch) for epoch in range(1, epochs + 1)]
    for observer in observers:
        observer.start(steps=task.steps_per_epoch, costs=costs)
        for record in history:
            observer.epoch(record)
    saved_at, saving = time.perf_counter(), 0.0
    while not finished(history, epochs, settings.patience, metric.name):
        started = time.perf_counter()
        epoch = len(history) + 1
        train_loss, train_accuracy = _train_epoch(model, task, optimizers, epoch, observers)
        loss, accuracy, score = evaluate(model, task, metric)
        seconds = time.perf_counter() - started
        record = {
            "epoch": epoch,
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "validation_loss": loss,
            "validation_accuracy": accuracy,
            f"validation_{metric.key}": score,
            "learning_rate": optimizers.learning_rate,
            "seconds": seconds,
            **task.epoch_facts(model),
        }
        history.append(record)
        if best_epoch(history, metric.name) is record:
            best = _weights(model)
        now = time.perf_counter()
        due = saving <= CHECKPOINT_SHARE * (now - saved_at)
        if checkpoint and (due or finished(history, epochs, settings.patience, metric.name)):
            save_checkpoint(checkpoint, model, best, optimizers, {"history": history})
            saved_at = time.perf_counter()
            saving = saved_at - now
        for observer in observers:
            observer.epoch(record)
    model.load_state_dict(best)
    return history


@torch.no_grad()
def evaluate(
    model: nn.Module, task: Task, metric: Metric = ACCURACY
) -> tuple[float, float | None, float | None]:
    """Mean loss, accuracy and score on the validation batches."""
    model.eval()
    sums = _Sums()
    logits, labels = [], []
    for batch in task.validation_batches():
        outcome = task.objective(model, batch)
        sums.add(outcome)
        if metric is not ACCURACY and outcome.logits is not None and outcome.labels is not None:
            logits.append(outcome.logits)
            labels.append(outcome.labels)
    loss, accuracy = sums.means()
    if not logits:
        return loss, accuracy, accuracy
    probabilities = torch.cat(logits).double().softmax(dim=1).cpu().numpy()
    if not np.isfinite(probabilities).all():
        return loss, accuracy, None
    return loss, accuracy, metric.of(torch.cat(labels).cpu().numpy(), probabilities)


def _train_epoch(
    model: nn.Module,
    task: Task,
    optimizers: Optimizers,
    epoch: int,
    observers: Sequence[Observer],
) -> tuple[float, float | None]:
    model.train()
    sums = _Sums()
    for step, batch in enumerate(task.training_batches(epoch), start=1):
        outcome = task.objective(model, batch)
        outcome.loss.backward()
        optimizers.step()
        sums.add(outcome)
        if sums.due():
            loss, accuracy = sums.means()
            if not math.isfinite(loss):
                raise _diverged(epoch)
            for observer in observers:
                observer.step(epoch=epoch, step=step, loss=loss, accuracy=accuracy)
    loss, accuracy = sums.means()
    if not math.isfinite(loss):
        raise _diverged(epoch)
    return loss, accuracy


def _diverged(epoch: int) -> UserError:
    return UserError(
        f"the training loss is no longer a finite number in epoch {epoch}; lower the learning "
        "rate, or clip gradients at a smaller norm"
    )


class _Sums:
    """Loss and right predictions so far, kept as tensors so that a GPU need not be waited for."""

    INTERVAL = 0.25
    """Seconds between two reports of a step."""

    def __init__(self) -> None:
        self._examples = 0
        self._loss: Tensor | float = 0.0
        self._correct: Tensor | None = None
        self._told = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        self._examples += outcome.examples
        self._loss = self._loss + outcome.loss.detach().double() * outcome.examples
        if (correct := outcome.correct) is not None:
            self._correct = correct if self._correct is None else self._correct + correct

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


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


class EventObserver:
    """Tells bakeoff.events, and so the progress display."""

    def __init__(self, model: str, seed: int) -> None:
        self._which = {"model": model, "seed": seed}
        self._steps = 0
        self._costs: Sequence[float] = ()

    def start(self, *, steps: int, costs: Sequence[float]) -> None:
        self._steps, self._costs = steps, costs

    def step(self, *, epoch: int, step: int, loss: float, accuracy: float | None) -> None:
        spent = sum(self._costs[: epoch - 1]) + self._costs[epoch - 1] * step / self._steps
        facts = {"epoch": epoch, "epochs": len(self._costs), "done": spent / sum(self._costs)}
        events.emit("progress", **self._which, **facts, loss=loss, accuracy=accuracy)

    def epoch(self, record: dict[str, Any]) -> None:
        figures = {name: value for name, value in record.items() if not isinstance(value, dict)}
        events.emit("epoch", **self._which, **figures)
