"""When a training is saved, and how it goes on from there."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.patience import StoreAwayError
from bakeoff.training.checkpoint import load_checkpoint, save_checkpoint
from bakeoff.training.device import device
from bakeoff.training.layout import as_stored
from bakeoff.training.optimization import Optimizers
from bakeoff.training.places import Place
from bakeoff.training.workers import Workers

CHECKPOINT_SHARE = 0.1
"""Of the time of a training that its checkpoints may take: very short epochs go without one."""
UNSAVED_SECONDS = 10.0
"""Of training, after which an epoch that ends is saved however long that takes."""
INTERVAL = 15 * 60.0
"""Seconds after which an epoch is saved before its end."""
NOTICE_INTERVAL = 5.0
"""Seconds between two looks for a notice: all workers wait for each other there."""


class Keeper:
    """Saves a training at the end of epochs, and within those that take long.

    Attributes:
        history: a record of each epoch that has ended.
        best: the weights of the best one, or the first weights.
        begun: of the epoch that was saved before its end: "step", its "sums" and "seconds".
    """

    def __init__(
        self,
        where: Place | None,
        model: nn.Module,
        optimizers: Optimizers,
        workers: Workers,
        *,
        seed: int,
        interval: float = INTERVAL,
    ) -> None:
        """`where` is read at once, and without it nothing is ever saved; `interval` in seconds.

        Workers have the first one's weights from here on.

        Raises:
            UserError: workers found different checkpoints.
        """
        self._where, self._model, self._optimizers = where, model, optimizers
        self._workers, self._seed, self._interval = workers, seed, interval
        self.history: list[dict[str, Any]] = []
        self.begun: dict[str, Any] | None = None
        self._own: dict[str, Tensor] = {}
        found = load_checkpoint(where, model, optimizers) if where else None
        if found:
            self.history, self.begun = found.facts["history"], found.facts.get("begun")
            self._own = found.own
        if workers.count > 1:
            self._begin_alike()
        self.best = found.best if found else weights(model)
        self._saved_at, self._pause = time.perf_counter(), 0.0
        self._looked_at, self._noticed = time.perf_counter(), False

    def _begin_alike(self) -> None:
        step = self.begun["step"] if self.begun else 0
        begin = torch.tensor([[len(self.history), step]], device=device())
        if len(self._workers.gathered(begin).unique(dim=0)) > 1:
            raise UserError(
                f"the workers found different checkpoints in {self._where}: let it be a folder "
                "that all of their machines share, or an s3:// address"
            )
        # On other processors, chances and pretrained vectors may differ in the last digits.
        for tensor in map(as_stored, self._model.state_dict().values()):
            if self._workers.rank:
                tensor.zero_()
            self._workers.sum(tensor)

    def epoch_ended(self, *, last: bool) -> None:
        """Save the epoch whose record `history` has got, if it is the `last`, or not so short that
        saving would take most of the time.
        """
        self.begun = None
        spent = time.perf_counter() - self._saved_at
        if self._where and (last or self._noticed or spent >= self._pause):
            self._save({})

    def look(self, step: int, sums: dict[str, Any], seconds: float) -> None:
        """Save an epoch after one of its steps, if it is time. All workers call it alike.

        Args:
            step: of the epoch.
            sums: what was added up in it so far, as JSON holds it.
            seconds: that it has taken.
        """
        if not self._where:
            return
        now = time.perf_counter()
        # One clock for all: that of who saves.
        clocks = torch.tensor([now - self._saved_at, now - self._looked_at], dtype=torch.float64)
        clocks *= self._workers.rank == 0
        self._workers.sum(clocks)
        unsaved, unseen = clocks.tolist()
        told = False
        if unseen >= NOTICE_INTERVAL and not self._noticed:
            self._noticed = told = self._workers.notice()
            self._looked_at = time.perf_counter()
        if unsaved >= self._interval or told:
            self.begun = {"step": step, "sums": sums, "seconds": seconds}
            self._save(self._own_state())

    def _save(self, own: dict[str, Tensor]) -> None:
        started, longest = time.perf_counter(), UNSAVED_SECONDS
        if self._where and self._workers.rank == 0:
            facts = {"history": self.history, "begun": self.begun}
            try:
                save_checkpoint(self._where, self._model, self.best, self._optimizers, facts, own)
            except StoreAwayError as error:
                # The training needs it only if it is interrupted before the next one.
                events.emit("warning", message=f"{error}; it goes on unsaved")
                longest = math.inf  # Each epoch would wait for the store as long again.
        self._saved_at = time.perf_counter()
        self._pause = min((self._saved_at - started) / CHECKPOINT_SHARE, longest)

    def seed_epoch(self) -> None:
        """Fix what the next epoch leaves to chance: a checkpoint at its begin needs no state of a
        generator, and so fits any number of workers.
        """
        torch.manual_seed(_chance(self._seed, len(self.history) + 1, self._workers.rank))

    def resume_epoch(self) -> None:
        """Take over what each worker had of its own when the epoch was saved before its end.

        Another number of workers has the mean of statistics, and chances of its own.
        """
        rank, count = self._workers.rank, self._workers.count
        same = len(next(iter(self._own.values()))) == count
        statistics = _statistics(self._model)
        for name, values in self._own.items():
            if name in statistics:
                statistics[name].copy_(values[rank] if same else values.mean(dim=0))
        if not same:
            assert self.begun
            epoch, step = len(self.history) + 1, self.begun["step"]
            torch.manual_seed(_chance(self._seed, epoch, rank, step))
            return
        torch.set_rng_state(self._own["random"][rank].clone())  # It must be aligned.
        if "random-cuda" in self._own and torch.cuda.is_available():
            torch.cuda.set_rng_state(self._own["random-cuda"][rank].clone())

    def _own_state(self) -> dict[str, Tensor]:
        """What each worker has of its own, (workers, ...): its generators, and the statistics of
        its batch norms.
        """
        state = {"random": torch.get_rng_state(), **_statistics(self._model)}
        if torch.cuda.is_available():
            state["random-cuda"] = torch.cuda.get_rng_state()
        return {
            name: self._workers.gathered(value.to(device()).unsqueeze(0))
            for name, value in state.items()
        }

    def average_statistics(self) -> None:
        """Give all workers the mean of what their batch norms saw, which on CUDA is one already."""
        if self._workers.count == 1:
            return
        for statistic in _statistics(self._model).values():
            self._workers.sum(statistic)
            statistic /= self._workers.count


def _statistics(model: nn.Module) -> dict[str, Tensor]:
    """Running mean and variance of each batch norm."""
    return {
        f"{name}.{kind}": statistic
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats
        for kind in ("running_mean", "running_var")
        if (statistic := getattr(module, kind)) is not None
    }


def _chance(*where: int) -> int:
    return int(np.random.SeedSequence(where).generate_state(1, np.uint64)[0] >> 1)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of a model's state."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
