"""The train step of networks: from a dataset folder to a folder of models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bakeoff import events
from bakeoff.artifacts import artifact_hash, new_artifact, settings_hash
from bakeoff.container import CODE
from bakeoff.data.splits import Split, read_split
from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.locks import locked
from bakeoff.patience import patient
from bakeoff.s3 import address, beside, fetched, manifest_of, mounted, published
from bakeoff.shipped import shipped
from bakeoff.step import told_in_lines
from bakeoff.tracking import Identity, open_run
from bakeoff.training.memory import forget_peak
from bakeoff.training.observers import EventObserver, Observer
from bakeoff.training.places import Place, place, read_whole, remove_all, write_whole
from bakeoff.training.settings import BESIDE, CHECKPOINTS, GPUS, WHERE
from bakeoff.training.trained import Trained, write_trained
from bakeoff.training.workers import ALONE, Workers

_TRIED = "tried"
"""Written and read first where nobody asked for checkpoints: it may not be allowed."""


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
        checkpoint: Place | None,
        observers: Sequence[Observer],
        earlier: Path,
        workers: Workers,
    ) -> Trained:
        """`earlier` holds the folders of the networks before it."""
        ...


def train_networks(
    dataset: Path | str,
    models: Path | str,
    *,
    configs: Mapping[str, Mapping[str, Any]],
    seed: int,
    threads: int,
    train: Train,
    files: str = "",
    workers: int = 1,
    task: Any = None,
) -> None:
    """Train networks one after another; an interrupted one goes on from its last checkpoint.

    Where, says `$BAKEOFF_WHERE`: in this process (inline), or by workers on Ray (ray), which do the
    same work on the same batches, or by those of a RayJob (rayjob), which is made for it.

    Args:
        dataset: a "dataset" artifact: a folder, or its address in S3.
        models: where the "models" artifact goes, likewise; it holds a folder for each network.
        configs: name → configuration, as JSON holds it.
        seed: fixes weights, order of batches and dropout.
        threads: CPU threads of each worker, on fewer CPUs as many as there are; a result repeats
            bit for bit on the same number only.
        train: trains one of them.
        files: hash of files that a configuration names; a checkpoint of others is not continued,
            nor is one of other code.
        workers: how many share the batches; any number may go on from a checkpoint.
        task: what the pods of a RayJob are given (a `dsl.TaskConfig`).
    """
    where = os.environ.get(WHERE)
    if where == "rayjob":
        from bakeoff.cluster.step import train_on_rayjob

        asked = {
            "configs": {name: dict(config) for name, config in configs.items()},
            "seed": seed,
            "threads": threads,
            "train": f"{train.__module__}:{train.__qualname__}",  # type: ignore[attr-defined]
            "files": files,
            "workers": workers,
        }
        train_on_rayjob(Path(dataset), Path(models), task=task, job=asked)
        return
    # The CPUs of workers are those of their Ray.
    threads = min(threads, cores()) if where != "ray" else threads
    settings = {"configs": dict(configs), "seed": seed, "threads": threads}
    with manifest_of(dataset) as described:
        dataset_hash = artifact_hash(described)
        key = settings_hash([settings, dataset_hash, os.environ.get(CODE), files])
        identity = Identity.of_step(described, [key, workers])
    settings["workers"] = workers
    with checkpoints(key, models) as kept:
        job = _Job(
            dataset=dataset,
            models=models,
            settings=settings,
            configs=configs,
            seed=seed,
            threads=threads,
            train=train,
            checkpoints=kept,
            identity=identity,
        )
        if where == "ray":
            from bakeoff.training.on_ray import train_on_ray

            gpus = os.environ.get(GPUS)
            train_on_ray(job, workers=workers, threads=threads, gpus=int(gpus) if gpus else None)
        else:
            job(ALONE)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What each worker does; it travels to where the worker is."""

    dataset: Path | str
    models: Path | str
    settings: Mapping[str, Any]
    configs: Mapping[str, Mapping[str, Any]]
    seed: int
    threads: int
    train: Train
    checkpoints: Place | None
    identity: Identity

    def __call__(self, workers: Workers) -> None:
        """Train all networks; worker 0 writes the artifact, and tells of it."""
        with patient(), fetched(self.dataset) as dataset:
            if workers.rank:
                with tempfile.TemporaryDirectory(prefix="bakeoff-worker-") as scratch:
                    self._train(workers, dataset, Path(scratch))
                return
            inputs = {"dataset": dataset}
            with (
                _kept(),
                published(self.models) as models,
                new_artifact(
                    models, "models", settings=self.settings, inputs=inputs, told=self.models
                ) as (out, facts),
            ):
                facts["identity"] = self.identity.facts()
                self._train(workers, dataset, out)

    def _train(self, workers: Workers, dataset: Path, out: Path) -> None:
        splits = read_split(dataset, "train"), read_split(dataset, "validation")
        if workers.rank == 0:
            rows = [f"{len(split.labels):,}" for split in splits]
            events.tell(
                f"train {', '.join(self.configs)} seed {self.seed} on {rows[0]} rows, validated on "
                f"{rows[1]}; {self.threads} CPU threads, {workers.count} workers"
            )
        for name, config in self.configs.items():
            forget_peak()
            with self._told(workers, name, config, out) as (observers, told):
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
        self, workers: Workers, name: str, config: Mapping[str, Any], out: Path
    ) -> Iterator[tuple[list[Observer], Callable[[Trained], None]]]:
        """Who is told of epochs, and of the end: of several workers' training once."""
        if workers.rank:
            yield [], lambda _: None
            return
        with open_run(name, self.seed, config, out, job="train", identity=self.identity) as run:
            yield [EventObserver(name, self.seed), run], run.log_training


@contextmanager
def _kept() -> Iterator[None]:
    """Of a worker that is told to: its log, where it outlives the worker."""
    with shipped("worker") as kept, told_in_lines() if kept else nullcontext():
        yield


@contextmanager
def checkpoints(key: str, output: Path | str) -> Iterator[Place | None]:
    """The place of the checkpoints of one step, emptied once it is done; None where there is none,
    or another process is at the same step.

    In S3 nobody is kept out: two that do the same step write the same, and each object is whole.

    Args:
        key: of all that decides what the step makes.
        output: where that goes.
    """
    root = os.environ.get(CHECKPOINTS)
    kept = _beside(output, key) if root == BESIDE else place(root) / key if root else None
    if kept is None:
        yield None
        return
    with locked(kept / ".lock") if isinstance(kept, Path) else nullcontext(True) as held:
        if not held:
            yield None
            return
        yield kept
        try:
            remove_all(kept)
        except UserError as error:
            # What the step makes is made.
            events.emit("warning", message=f"{error}; checkpoints are left there")


def _beside(output: Path | str, key: str) -> Place | None:
    """A place for checkpoints beside an artifact; None where nothing can be kept there."""
    try:
        kept = place(beside(address(mounted(output) or str(output)), "checkpoints")) / key
        write_whole(kept, _TRIED, b"")
        read_whole(kept, _TRIED)
    except UserError as error:
        events.emit("warning", message=f"no checkpoints, a lost pod's work is done again: {error}")
        return None
    return kept
