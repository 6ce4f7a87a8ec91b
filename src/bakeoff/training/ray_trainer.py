"""Ray Train's trainer, as this package asks for it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback

_UNNEEDED = (DatasetsCallback, PlacementGroupCleanerCallback)
"""Each starts a process, seconds on a small machine: one hands out Ray's own data sets, the other
looks after a controller that dies while its driver, which would end all, does not notice."""

_NO_OTHER_LIMITS: dict[str, Any] = {"controller_failure_limit": 0, "max_preemption_failures": 0}
"""Ray's own are endless; what is worth trying again is decided by the caller."""


class _Trainer(TorchTrainer):
    """Starts no process but what trains and who watches it."""

    def _create_default_callbacks(self) -> list[Any]:
        callbacks: list[Any] = super()._create_default_callbacks()  # type: ignore[misc]
        return [c for c in callbacks if not isinstance(c, _UNNEEDED)]


def fit(
    function: Callable[[dict[str, Any]], None],
    config: dict[str, Any],
    *,
    workers: int,
    threads: int,
    gpus: int,
    name: str,
) -> None:
    """Run `function` with `config` once in each of several processes: one attempt.

    Args:
        function: what each does.
        config: what it is given.
        workers: how many processes, one torch.distributed group.
        threads: CPUs of each.
        gpus: GPUs of each.
        name: of the attempt in Ray's logs.

    Raises:
        ray.train.TrainingFailedError: a worker raised or died, or could not start.
    """
    with tempfile.TemporaryDirectory(prefix="bakeoff-train-") as storage:
        _Trainer(
            function,
            train_loop_config=config,
            torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=bool(gpus),
                resources_per_worker={"CPU": threads} | ({"GPU": gpus} if gpus else {}),
            ),
            run_config=RunConfig(
                name=name,
                storage_path=storage,
                failure_config=FailureConfig(max_failures=0, **_NO_OTHER_LIMITS),
            ),
        ).fit()
