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
from bakeoff.training.workers import ALONE, Figures, Outcome, Workers

CHECKPOINT_SHARE = 0.1
"""Of the time of a training that its checkpoints may take: after short epochs there is none."""
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


CHECK_STEPS = 32
"""Steps between two looks at whether the loss is still a number; all workers look alike."""


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
    workers: Workers = ALONE,
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
        checkpoint: a folder for this very training, which every worker can read; the caller removes
            it. Any number of workers may go on from it.
        workers: those who share the training; all start from the same weights.

    Returns:
        One record an epoch: epoch, train_loss, train_accuracy, validation_loss,
        validation_accuracy, validation_<metric> of the settings' metric, learning_rate (that of the
        epoch's last step), seconds, and the task's `epoch_facts`; scores are None where they mean
        nothing.

    Raises:
        UserError: the loss is no longer finite.
    """
    epochs = settings.planned_epochs(task.steps_per_epoch)
    metric = get_metric(settings.metric)
    optimizers = Optimizers(model, settings, total_steps=epochs * task.steps_per_epoch)
    history, best = [], _weights(model)
    if checkpoint and (found := load_checkpoint(checkpoint, model, optimizers)):
        facts, best = found
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
        torch.manual_seed(_chance(seed, epoch, workers.rank))
        train_loss, train_accuracy = _train_epoch(
            model, task, optimizers, epoch, observers, workers
        )
        _average_statistics(model, workers)
        loss, accuracy, score = evaluate(model, task, metric, workers)
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
        saved = due or finished(history, epochs, settings.patience, metric.name)
        if checkpoint and saved and workers.rank == 0:
            save_checkpoint(checkpoint, model, best, optimizers, {"history": history})
            saved_at = time.perf_counter()
            saving = saved_at - now
        for observer in observers:
            observer.epoch(record)
        workers.epoch_ended(record, saved=saved)
    model.load_state_dict(best)
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
    epoch: int,
    observers: Sequence[Observer],
    workers: Workers,
) -> tuple[float, float | None]:
    model.train()
    sums = _Sums()
    for step, batch in enumerate(task.training_batches(epoch), start=1):
        outcome = None
        if batch is not None:
            outcome = task.objective(model, batch)
            outcome.loss.backward()
        sums.add(workers.pooled(outcome, optimizers.dense, optimizers.sparse))
        optimizers.step()
        if step % CHECK_STEPS == 0 and not math.isfinite(sums.means()[0]):
            raise _diverged(epoch)
        if observers and sums.due():
            loss, accuracy = sums.means()
            for observer in observers:
                observer.step(epoch=epoch, step=step, loss=loss, accuracy=accuracy)
    loss, accuracy = sums.means()
    if not math.isfinite(loss):
        raise _diverged(epoch)
    return loss, accuracy


def _chance(seed: int, epoch: int, rank: int) -> int:
    """The seed of what an epoch leaves to chance, dropout above all: a checkpoint needs no state of
    a generator, and so fits any number of workers.
    """
    return int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1, np.uint64)[0] >> 1)


def _average_statistics(model: nn.Module, workers: Workers) -> None:
    """Give all workers the mean of what their batch norms saw; on CUDA these are one already."""
    if workers.count == 1:
        return
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            for statistic in (module.running_mean, module.running_var):
                if statistic is not None:
                    workers.sum(statistic)
                    statistic /= workers.count


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
        self._examples = 0.0
        self._loss: Tensor | float = 0.0
        self._correct: Tensor | float | None = None
        self._told = time.monotonic()

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
        done = record["epoch"]
        pace = record.get("seconds", 0.0) / self._costs[done - 1]
        left = {"epochs": len(self._costs), "left": pace * sum(self._costs[done:])}
        events.emit("epoch", **self._which, **figures, **left)
