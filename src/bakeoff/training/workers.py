"""Who trains a network: one process, or several that each take a share of every batch.

Workers hold the same weights and see the same global batches in the same order; each computes on
its share, and what they must know of each other is summed. Whatever all must decide alike (the loss
is no number, the best epoch, the end) is decided on sums, so that nobody waits for one that left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

from bakeoff.training.layout import as_stored, laid_out

Rows = TypeVar("Rows", np.ndarray, Tensor)


class Figures(Protocol):
    """What the training loop adds up of a batch."""

    @property
    def loss(self) -> Tensor:
        """Scalar: the mean over the batch."""
        ...

    @property
    def examples(self) -> int: ...

    @property
    def correct(self) -> Tensor | None:
        """Number of right predictions; None where that means nothing."""
        ...


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


@dataclass(frozen=True)
class Pooled:
    """The `Figures` of a batch that several workers shared."""

    loss: Tensor
    examples: int
    correct: Tensor | None


class Workers(Protocol):
    """What a training needs to know of those who share it."""

    rank: int
    """Which of them this process is; 0 writes the result and tells of progress."""
    count: int

    def share(self, rows: Rows) -> Rows:
        """Of the rows of a batch those that are this worker's."""
        ...

    def sum(self, *tensors: Tensor) -> None:
        """Put in place of each tensor its sum over all workers."""
        ...

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows (n, ...) of all workers, one worker's after the other's; a gradient flows to
        this worker's alone.
        """
        ...

    def pooled(
        self, outcome: Outcome | None, dense: Sequence[nn.Parameter], sparse: Sequence[nn.Parameter]
    ) -> Figures:
        """The figures of a whole batch; gradients become those of its mean loss.

        Args:
            outcome: of this worker's share, differentiated already; None where it has no rows.
            dense: parameters whose gradients are dense.
            sparse: parameters whose gradients are sparse.
        """
        ...

    def notice(self) -> bool:
        """Whether a machine is about to be taken away; all hear the same, at the same time."""
        ...


def _unwatched() -> bool:
    return False


class Alone:
    """The only worker."""

    rank, count = 0, 1

    def __init__(self, notice: Callable[[], bool] = _unwatched) -> None:
        self.notice = notice

    def share(self, rows: Rows) -> Rows:
        return rows

    def sum(self, *tensors: Tensor) -> None:
        pass

    def gathered(self, rows: Tensor) -> Tensor:
        return rows

    def pooled(
        self, outcome: Outcome | None, dense: Sequence[nn.Parameter], sparse: Sequence[nn.Parameter]
    ) -> Figures:
        assert outcome is not None
        return outcome


ALONE = Alone()


_ASKED_WRONGLY = ("ncclUnhandledCudaError", "ncclInvalidUsage", "ncclInvalidArgument")
"""Results of NCCL that a new start would bring again."""


class LostWorkerError(RuntimeError):
    """Another worker is gone: what is wrong, it would know."""


@contextmanager
def _or_lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if _is_lost(error):
            raise LostWorkerError(str(error)) from None
        raise


def _is_lost(error: RuntimeError) -> bool:
    """Whether an exchange failed since a partner or the way to it is gone, and not for what was
    asked: by NCCL's name of the result, or by the file that gloo's message begins with.
    """
    said = str(error)
    if isinstance(error, dist.DistError):
        return not any(name in said for name in _ASKED_WRONGLY)
    return "gloo/transport/" in said and "enforce fail" not in said


class Group:
    """One of the processes of torch.distributed's default group."""

    def __init__(self, notice: Callable[[], bool] = _unwatched) -> None:
        self.notice = notice
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        nccl = dist.get_backend() == "nccl"
        self._device = torch.device("cuda", torch.cuda.current_device()) if nccl else None

    def share(self, rows: Rows) -> Rows:
        # Neighbours in a batch are of similar length: to take every count-th balances the work.
        return rows[self.rank :: self.count]

    def sum(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            moved = tensor if self._device is None else tensor.to(self._device)
            with _or_lost():
                dist.all_reduce(moved)
            if moved is not tensor:
                tensor.copy_(moved)

    def gathered(self, rows: Tensor) -> Tensor:
        counts = torch.zeros(self.count, dtype=torch.int64, device=rows.device)
        counts[self.rank] = len(rows)
        self.sum(counts)
        (everyone,) = self._joined([rows], counts.tolist())
        return everyone

    def _joined(self, tensors: Sequence[Tensor], counts: Sequence[int]) -> list[Tensor]:
        """Of each tensor the rows of all workers, of which each has as many as `counts` says."""
        joined, sent = [], []
        # Not all_gather: gloo's copies what it gathered by OpenMP threads of its own, and with more
        # threads than CPUs each of the model's operations ends in a sleep: a third of the speed.
        with _or_lost():
            for rows in tensors:
                parts = [rows.new_empty((count, *rows.shape[1:])) for count in counts]
                parts[self.rank] = rows.detach().contiguous()
                sent += [
                    dist.broadcast(part, src=rank, async_op=True)
                    for rank, part in enumerate(parts)
                    if len(part)
                ]
                joined.append(parts)
            for work in sent:
                work.wait()
        for rows, parts in zip(tensors, joined, strict=True):
            parts[self.rank] = rows
        return [torch.cat(parts) for parts in joined]

    def pooled(
        self, outcome: Outcome | None, dense: Sequence[nn.Parameter], sparse: Sequence[nn.Parameter]
    ) -> Figures:
        where = next((p.device for p in (*dense, *sparse)), torch.device("cpu"))
        examples = outcome.examples if outcome else 0
        # Loss, right predictions, whether they mean anything, examples.
        figures = torch.zeros(4, device=where)
        if outcome:
            figures[0] = outcome.loss.detach() * examples
            if (correct := outcome.correct) is not None:
                figures[1], figures[2] = correct, 1
        figures[3] = examples
        # A parameter that no worker used keeps no gradient, so that weight decay spares it.
        used = torch.tensor([p.grad is not None for p in dense], dtype=figures.dtype, device=where)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in dense]
        sizes = [gradient.numel() for gradient in gradients]
        touched = [_touched(p) for p in sparse]
        counts = torch.zeros(len(sparse), self.count, device=where)
        for of_workers, (rows, _) in zip(counts, touched, strict=True):
            of_workers[self.rank] = len(rows)
        told = [used, counts.reshape(-1), figures]
        buffer = torch.cat([*(as_stored(g).reshape(-1) for g in gradients), *told])
        sums, used, counts, figures = buffer.split([sum(sizes), *map(len, told)])
        # In place: new memory for so many numbers takes longer than the arithmetic.
        sums *= examples
        self.sum(buffer)
        loss, right, scored, total = figures.tolist()
        sums /= total
        parts = zip(dense, gradients, sums.split(sizes), used.tolist(), strict=True)
        for parameter, gradient, part, users in parts:
            parameter.grad = laid_out(part, gradient) if users else None
        everyones = counts.int().reshape(len(sparse), self.count).tolist()
        for parameter, (rows, values), count in zip(sparse, touched, everyones, strict=True):
            # Gathered, which NCCL can do and which moves no more than the words of a batch.
            rows, values = self._joined([rows, values * (examples / total)], count)
            parameter.grad = torch.sparse_coo_tensor(
                rows.unsqueeze(0),
                values,
                parameter.shape,
                check_invariants=False,  # Unsaid, each worker warns of it.
            )
        return Pooled(
            torch.tensor(loss / total), int(total), torch.tensor(right) if scored else None
        )


def _touched(parameter: nn.Parameter) -> tuple[Tensor, Tensor]:
    """Which rows a sparse gradient has, each once, and their values."""
    if parameter.grad is None:
        rows = torch.zeros(0, dtype=torch.int64, device=parameter.device)
        return rows, parameter.new_zeros((0, *parameter.shape[1:]))
    gradient = parameter.grad.coalesce()
    return gradient.indices()[0], gradient.values()
