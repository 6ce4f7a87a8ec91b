"""Training by workers that Ray starts and watches.

Ray brings the processes together and says when one is gone. Batches, gradients and checkpoints are
the training loop's own, so that a training is the same wherever it runs.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import distributed as dist

from bakeoff import events
from bakeoff.environment import cores
from bakeoff.errors import PassingError, UserError, first_line
from bakeoff.training.handed_on import handed_on
from bakeoff.training.local_ray import QUIET, SETTINGS, first_at_cpus, own_ray, room
from bakeoff.training.needed import TO_TRAIN, refuse_without
from bakeoff.training.ray_at_hand import ADDRESS, Machine, gpus_each, reach, refuse_too_much, total
from bakeoff.training.settings import GROWS
from bakeoff.training.workers import Alone, Group, LostWorkerError, Workers

ATTEMPTS = 3
"""Starts of a training whose workers died, each going on from the last checkpoint; on a Ray that
was made for it, one: whoever made that tries again."""

Job = Callable[[Workers], None]


def train_on_ray(job: Job, *, workers: int, threads: int, gpus: int | None = None) -> None:
    """Run `job` in each of several processes, which are one torch.distributed group.

    Args:
        job: what each does; it can be pickled, and goes on from a checkpoint of workers that died.
        workers: how many.
        threads: CPUs of each.
        gpus: GPUs of each, 0 or 1; None: 1 where Ray has any.

    Raises:
        UserError: Ray is absent, cannot be reached, or is too small; a worker raised one; or, a
            `PassingError`, others use what it has, or workers died as often as is tried.
    """
    refuse_without(TO_TRAIN, "--where ray")
    with connected() as there:
        from ray.exceptions import RayError
        from ray.train import TrainingFailedError, WorkerGroupError
        from ray.train.v2._internal.exceptions import RayTrainError, WorkerGroupStartupTimeoutError

        from bakeoff.training.ray_trainer import fit

        died = (RayError, RayTrainError)
        of_its_own = os.environ.get(GROWS) == "1"
        if not of_its_own:
            refuse_too_much(there, workers, threads, gpus or 0)
        each = gpus_each(total(there, "GPU"), workers) if gpus is None else gpus
        attempts = 1 if of_its_own else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                fit(
                    _work,
                    {"job": job, "environment": handed_on()},
                    workers=workers,
                    threads=threads,
                    gpus=each,
                    name=f"attempt-{attempt}",
                )
                return
            except WorkerGroupError as error:
                failure = _cause(error.worker_failures.values(), died)
                if not isinstance(failure, (*died, LostWorkerError)):
                    raise failure from None
            except TrainingFailedError as error:  # Lost on the start, or with its machine.
                failure = getattr(error, "controller_failure", error)
                if isinstance(failure, WorkerGroupStartupTimeoutError):
                    raise PassingError(
                        f"Ray has found no room for {workers} workers for too long: others use it"
                    ) from None
                if not isinstance(failure, died):
                    raise failure from None
            message = f"attempt {attempt} of {attempts}: a worker died"
            events.emit("warning", message=message)
    times = "" if attempts == 1 else f" {attempts} times, the last time"
    raise PassingError(
        f"workers died{times} at {_line(failure)}; if they need more memory, train with fewer of "
        "them, or with smaller batches"
    )


def _work(config: dict[str, Any]) -> None:
    """What Ray calls in each worker."""
    # Ray opens the log for whatever libraries have to say.
    logging.getLogger().setLevel(logging.WARNING)
    os.environ.update(config["environment"])
    first_at_cpus()
    # A Ray of this machine's own watches for no notice.
    watched = os.environ.get("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "1") != "0"
    kind = Group if dist.get_world_size() > 1 else Alone
    config["job"](kind(_preempted) if watched else kind())


def _preempted() -> bool:
    """Whether a machine of the workers is about to be taken away, as Ray has heard."""
    from ray.train import get_preemption_info

    return get_preemption_info() is not None


@contextmanager
def connected() -> Iterator[list[Machine]]:
    """The machines of the Ray at `$RAY_ADDRESS`, or else of one that starts here.

    Raises:
        UserError: it cannot be reached, or does not start.
    """
    os.environ |= {name: os.environ.get(name, value) for name, value in SETTINGS.items()}
    with ExitStack() as stack:
        own: dict[str, float] = {}
        given = os.environ.get(ADDRESS)
        if given:
            reach(given)
        else:
            own = {"CPU": cores()}
        address = given or stack.enter_context(own_ray(stack.enter_context(room())))
        import ray  # Not before: it reads what is set by now.

        try:
            ray.init(address=address, **QUIET)
        except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
            if not given:
                raise
            raise UserError(
                f"the Ray at {address} cannot be used from here: {_line(error)}"
            ) from None
        stack.callback(ray.shutdown)
        yield [{**node["Resources"], **own} for node in ray.nodes() if node["Alive"]]


def _cause(failures: Iterable[Exception], died: tuple[type[Exception], ...]) -> Exception:
    """What went wrong, of what is known of each worker: a refusal, a fault, a death, and least that
    another one is gone.
    """

    def rank(error: Exception) -> int:
        return [
            isinstance(error, LostWorkerError),
            isinstance(error, died),
            not isinstance(error, UserError),
            True,
        ].index(True)

    return max(failures, key=rank)


def _line(error: Exception) -> str:
    """An error's first line, without the place in gloo's code and gloo's advice.

    >>> _line(RuntimeError("[/a/pair.cc:537] Read error [::1]:5: reset. This is typically caused"))
    'Read error [::1]:5: reset'
    """
    return re.sub(r"^\[\S+\.cc:\d+\] ", "", first_line(error)).partition(". This is typically")[0]
