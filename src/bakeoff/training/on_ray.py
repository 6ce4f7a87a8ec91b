"""Training by workers that Ray starts and watches; but for a search, the only module that imports
Ray.

Ray brings the processes together and says when one is gone. Batches, gradients and checkpoints are
the training loop's own, so that a training is the same wherever it runs.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.training.janitor import cleared
from bakeoff.training.workers import Group, LostWorkerError, Workers

ADDRESS = "RAY_ADDRESS"
"""Ray's own variable: a cluster that runs already, as host:port; without it one starts here."""
ATTEMPTS = 3
"""Starts of a training whose workers died, each going on from the last checkpoint."""
REACH_SECONDS = 5.0
OBJECT_STORE_BYTES = 100 * 2**20
"""Workers read their data themselves: Ray's shared memory holds little more than messages."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A GPU-less worker must see none, also where Ray was told of none.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    # Two seconds between looks at the workers would be added to each start and each end.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
}

_NO_OTHER_LIMITS: dict[str, Any] = {"controller_failure_limit": 0, "max_preemption_failures": 0}
"""Ray's own are endless."""

Job = Callable[[Workers], None]


def train_on_ray(job: Job, *, workers: int, threads: int) -> None:
    """Run `job` in each of several processes, which are one torch.distributed group.

    Args:
        job: what each does; it can be pickled, and goes on from a checkpoint of workers that died.
        workers: how many.
        threads: CPUs of each. Where there is a GPU for each, each has one.

    Raises:
        UserError: Ray is absent, cannot be reached, or is too small; a worker raised one; or
            workers died again and again.
    """
    try:
        import ray
        from ray.train import WorkerGroupError
        from ray.train.v2._internal.exceptions import RayTrainError
    except ModuleNotFoundError:
        raise UserError(
            "Ray is not installed: pip install 'bakeoff[ray]', or leave out --where ray"
        ) from None
    died = (ray.exceptions.RayError, RayTrainError)
    with connected(ray):
        there = ray.cluster_resources()
        refuse_too_much(there, workers, threads)
        gpus = int(there.get("GPU", 0) >= workers)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _fit(job, workers, threads, gpus, attempt)
                return
            except WorkerGroupError as error:
                failure = _cause(error.worker_failures.values(), died)
                if not isinstance(failure, (*died, LostWorkerError)):
                    raise failure from None
                print(f"attempt {attempt} of {ATTEMPTS}: a worker died", file=sys.stderr)
    raise UserError(
        f"workers died {ATTEMPTS} times, the last time at {_line(failure)}; if they need more "
        "memory, train with fewer of them, or with smaller batches"
    )


def _fit(job: Job, workers: int, threads: int, gpus: int, attempt: int) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    with tempfile.TemporaryDirectory(prefix="bakeoff-train-") as storage:
        TorchTrainer(
            _work,
            train_loop_config={"job": job, "environment": told()},
            torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=bool(gpus),
                resources_per_worker={"CPU": threads} | ({"GPU": gpus} if gpus else {}),
            ),
            # What is worth trying again is decided in one place, above; endless are none.
            run_config=RunConfig(
                name=f"attempt-{attempt}",
                storage_path=storage,
                failure_config=FailureConfig(max_failures=0, **_NO_OTHER_LIMITS),
            ),
        ).fit()


def _work(config: dict[str, Any]) -> None:
    """What Ray calls in each worker."""
    os.environ.update(config["environment"])
    config["job"](Group())


def told() -> dict[str, str]:
    """The variables that workers elsewhere need; no key of anything."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("BAKEOFF_") or name in ("WANDB_MODE", "WANDB_PROJECT", "GOMP_SPINCOUNT")
    }


@contextmanager
def connected(ray: Any) -> Iterator[None]:
    """Ray at `$RAY_ADDRESS`, or one of its own that leaves nothing behind, however this ends."""
    os.environ |= {name: os.environ.get(name, value) for name, value in _QUIET.items()}
    quiet = {"log_to_driver": False, "logging_level": "CRITICAL"}
    address = os.environ.get(ADDRESS, "")
    if address:
        _reach(address)
        ray.init(address=address, **quiet)
        try:
            yield
        finally:
            ray.shutdown()
        return
    # Sockets lie in it, and may have short paths only.
    folder = tempfile.mkdtemp(prefix="bakeoff-ray-", dir="/tmp")
    with cleared(folder):
        ray.init(
            num_cpus=cores(),
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=folder,
            **quiet,
        )
        try:
            yield
        finally:
            ray.shutdown()


def _reach(address: str) -> None:
    """Try a connection: Ray itself tries for minutes.

    Raises:
        UserError: nobody answers.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{ADDRESS} is {address!r}; give it as host:port, such as 10.0.0.7:6379")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"no Ray answers at {address} ({error}): start it, or unset {ADDRESS} for one on this "
            "machine"
        ) from None


def refuse_too_much(there: Mapping[str, float], workers: int, threads: int) -> None:
    """Raises:
    UserError: a worker would wait for ever.
    """
    have = int(there.get("CPU", 0))
    if workers * threads > have:
        raise UserError(
            f"{workers} workers of {threads} CPUs need {workers * threads}, and Ray has {have}: "
            "train with fewer --workers or --threads"
        )


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
    return (str(error).strip() or type(error).__name__).splitlines()[0]
