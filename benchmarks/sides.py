"""Trainings of several sides, one after the other in turn, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any

import torch

from bakeoff.training.device import device


def rate(training: Iterator[Any], warm_up: int, steps: int) -> float:
    """Units a second of a training that yields those of each step, a number or a tensor on the
    device, over `steps` steps after the first `warm_up`.
    """
    for _ in range(warm_up):
        next(training)
    wait()
    started = time.perf_counter()
    units = sum(islice(training, steps))
    wait()
    return float(units) / (time.perf_counter() - started)


def wait() -> None:
    """Until a GPU has done what it was given."""
    if device().type == "cuda":
        torch.cuda.synchronize()


def in_turn(
    sides: Iterable[str], rounds: int, unit: str, measure: Callable[..., float], *given: Any
) -> dict[str, list[float]]:
    """`measure(side, *given)` of each side, once a round."""
    found: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, figures in found.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                figures.append(process.submit(measure, side, *given).result())
            print(f"{side:10} {figures[-1]:12,.1f} {unit} a second", flush=True)
    return found


def device_name() -> str:
    """Of what trains."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
