"""Where networks compute, and how exactly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from bakeoff.environment import cores
from bakeoff.training.memory import keep_freed


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolved(precision: str) -> str:
    """ "fp32" or "bf16": where that is left open, bf16 on GPUs that compute in it, Ampere or later;
    imitated it is slower.
    """
    if precision != "auto":
        return precision
    able = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bf16" if able else "fp32"


def autocast(precision: str) -> torch.autocast:
    """The context of a forward pass in "fp32" or "bf16"."""
    return torch.autocast(device().type, torch.bfloat16, enabled=precision == "bf16")


def sent(values: np.ndarray | Tensor, where: torch.device) -> Tensor:
    """Values on a device; a GPU takes them from pinned memory, and is not waited for."""
    tensor = torch.as_tensor(values)
    if where.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(where, non_blocking=True)


@contextmanager
def computing_on(threads: int) -> Iterator[None]:
    """Compute on that many CPU threads, or on as many as there are CPUs; the process has its own
    number again after.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(threads, cores()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def set_up_process(seed: int, threads: int) -> None:
    """Set up this process so that a training repeats: to the bit on the same number of CPU threads,
    closely on a GPU, where more would cost too much time.
    """
    keep_freed()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(not torch.cuda.is_available(), warn_only=True)
    # Filling memory before it is written to costs a tenth of the time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # The first optimizer of a process imports for seconds, which are no training's.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    torch.manual_seed(seed)
