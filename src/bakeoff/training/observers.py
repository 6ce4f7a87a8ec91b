"""Who watches a training: the progress display, Weights & Biases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from bakeoff import events


class Observer(Protocol):
    """Is told of steps and epochs."""

    def start(self, *, steps: int, costs: Sequence[float], before: int = 0) -> None:
        """Training begins: at most one epoch for each `Task.epoch_cost`, of `steps` each.

        `before` of them were trained by a process that is gone, and are told once more.
        """
        ...

    def step(self, *, epoch: int, step: int, loss: float, accuracy: float | None) -> None: ...

    def epoch(self, record: dict[str, Any]) -> None: ...


class EventObserver:
    """Tells bakeoff.events, and so the progress display."""

    def __init__(self, model: str, seed: int) -> None:
        self._which = {"model": model, "seed": seed}
        self._steps = 0
        self._costs: Sequence[float] = ()
        self._before = 0

    def start(self, *, steps: int, costs: Sequence[float], before: int = 0) -> None:
        self._steps, self._costs, self._before = steps, costs, before

    def step(self, *, epoch: int, step: int, loss: float, accuracy: float | None) -> None:
        spent = sum(self._costs[: epoch - 1]) + self._costs[epoch - 1] * step / self._steps
        facts = {"epoch": epoch, "epochs": len(self._costs), "done": spent / sum(self._costs)}
        events.emit("progress", **self._which, **facts, loss=loss, accuracy=accuracy)

    def epoch(self, record: dict[str, Any]) -> None:
        figures = {name: value for name, value in record.items() if not isinstance(value, dict)}
        done = record["epoch"]
        pace = record.get("seconds", 0.0) / self._costs[done - 1]
        left = {"epochs": len(self._costs), "left": pace * sum(self._costs[done:])}
        again = {"before": self._before} if done <= self._before else {}
        events.emit("epoch", **self._which, **figures, **left, **again)
