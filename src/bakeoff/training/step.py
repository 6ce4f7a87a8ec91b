"""The train step of networks: from a dataset folder to a folder of models."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bakeoff.artifacts import artifact_hash, explained_write_errors, new_artifact, settings_hash
from bakeoff.container import CODE
from bakeoff.data.splits import Split, read_split
from bakeoff.environment import cores
from bakeoff.tracking import Identity, open_run
from bakeoff.training.loop import EventObserver, Observer
from bakeoff.training.memory import forget_peak
from bakeoff.training.settings import CHECKPOINTS, WHERE
from bakeoff.training.trained import Trained, write_trained
from bakeoff.training.workers import ALONE, Workers


class Train(Protocol):
    """Trains one of several networks."""

    def __call__(
        self,
        name: str,
        config: Mapping[str, Any],
        train: Split,
        validation: Split,
        *,
        seed: int,
        threads: int,
        checkpoint: Path | None,
        observers: Sequence[Observer],
        earlier: Path,
        workers: Workers,
    ) -> Trained:
        """`earlier` holds the folders of the networks before it."""
        ...


def train_networks(
    dataset: Path,
    models: Path,
    *,
    configs: Mapping[str, Mapping[str, Any]],
    seed: int,
    threads: int,
    train: Train,
    files: str = "",
    workers: int = 1,
) -> None:
    """Train networks one after another; an interrupted one goes on from its last checkpoint.

    Where, says `$BAKEOFF_WHERE`: in this process (inline), or by workers on Ray (ray), which do the
    same work on the same batches.

    Args:
        dataset: a "dataset" artifact.
        models: where the "models" artifact goes; it holds a folder for each network.
        configs: name → configuration, as JSON holds it.
        seed: fixes weights, order of batches and dropout.
        threads: CPU threads of each worker, on fewer CPUs as many as there are; a result repeats
            bit for bit on the same number only.
        train: trains one of them.
        files: hash of files that a configuration names; a checkpoint of others is not continued,
            nor is one of other code.
        workers: how many share the batches; any number may go on from a checkpoint.
    """
    threads = min(threads, cores())
    settings = {"configs": dict(configs), "seed": seed, "threads": threads}
    key = settings_hash([settings, artifact_hash(dataset), os.environ.get(CODE), files])
    settings["workers"] = workers
    identity = Identity.of_step(dataset, key)
    with (
        _checkpoints(key) as checkpoints,
        new_artifact(models, "models", settings=settings, inputs={"dataset": dataset}) as (
            out,
            facts,
        ),
    ):
        facts["identity"] = identity.facts()
        job = _Job(
            dataset=dataset,
            out=out,
            configs=configs,
            seed=seed,
            threads=threads,
            train=train,
            checkpoints=checkpoints,
            identity=identity,
        )
        if os.environ.get(WHERE) == "ray":
            from bakeoff.training.on_ray import train_on_ray

            train_on_ray(job, workers=workers, threads=threads)
        else:
            job(ALONE)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What each worker does; it travels to where the worker is."""

    dataset: Path
    out: Path
    configs: Mapping[str, Mapping[str, Any]]
    seed: int
    threads: int
    train: Train
    checkpoints: Path | None
    identity: Identity

    def __call__(self, workers: Workers) -> None:
        """Train all networks; worker 0 leaves their folders in `out`, and tells of it."""
        if workers.rank == 0:
            self._train(workers, self.out)
            return
        with tempfile.TemporaryDirectory(prefix="bakeoff-worker-") as scratch:
            self._train(workers, Path(scratch))

    def _train(self, workers: Workers, out: Path) -> None:
        splits = read_split(self.dataset, "train"), read_split(self.dataset, "validation")
        for name, config in self.configs.items():
            forget_peak()
            with self._told(workers, name, config) as (observers, told):
                trained = self.train(
                    name,
                    config,
                    *splits,
                    seed=self.seed,
                    threads=self.threads,
                    checkpoint=self.checkpoints and self.checkpoints / name,
                    observers=observers,
                    earlier=out,
                    workers=workers,
                )
                if workers.count > 1:
                    trained.facts["workers"] = workers.count
                write_trained(trained, out / trained.folder_name, splits[0].classes, splits[1])
                told(trained)

    @contextmanager
    def _told(
        self, workers: Workers, name: str, config: Mapping[str, Any]
    ) -> Iterator[tuple[list[Observer], Callable[[Trained], None]]]:
        """Who is told of epochs, and of the end: of several workers' training once."""
        if workers.rank:
            yield [], lambda _: None
            return
        with open_run(
            name, self.seed, config, self.out, job="train", identity=self.identity
        ) as run:
            yield [EventObserver(name, self.seed), run], run.log_training


@contextmanager
def _checkpoints(key: str) -> Iterator[Path | None]:
    """The folder of the checkpoints of one step, removed once it is done; None where there is none,
    or another process is at the same step.
    """
    root = os.environ.get(CHECKPOINTS)
    if not root:
        yield None
        return
    folder = Path(root) / key
    with explained_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
