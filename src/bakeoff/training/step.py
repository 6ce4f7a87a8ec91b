"""The train step of networks: from a dataset folder to a folder of models."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from bakeoff.artifacts import artifact_hash, explained_write_errors, new_artifact, settings_hash
from bakeoff.container import CODE
from bakeoff.data.splits import Split, read_split
from bakeoff.environment import cores
from bakeoff.tracking import Identity, open_run
from bakeoff.training.loop import EventObserver, Observer
from bakeoff.training.memory import forget_peak
from bakeoff.training.settings import CHECKPOINTS
from bakeoff.training.trained import Trained, write_trained


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
) -> None:
    """Train networks one after another; an interrupted one goes on from its last checkpoint.

    Args:
        dataset: a "dataset" artifact.
        models: where the "models" artifact goes; it holds a folder for each network.
        configs: name → configuration, as JSON holds it.
        seed: fixes weights, order of batches and dropout.
        threads: CPU threads, on fewer CPUs as many as there are; a result repeats bit for bit on
            the same number only.
        train: trains one of them.
        files: hash of files that a configuration names; a checkpoint of others is not continued,
            nor is one of other code.
    """
    training, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    threads = min(threads, cores())
    settings = {"configs": dict(configs), "seed": seed, "threads": threads}
    key = settings_hash([settings, artifact_hash(dataset), os.environ.get(CODE), files])
    identity = Identity.of_step(dataset, key)
    with (
        _checkpoints(key) as checkpoints,
        new_artifact(models, "models", settings=settings, inputs={"dataset": dataset}) as (
            out,
            facts,
        ),
    ):
        facts["identity"] = identity.facts()
        for name, config in configs.items():
            forget_peak()
            with open_run(name, seed, config, out, job="train", identity=identity) as run:
                trained = train(
                    name,
                    config,
                    training,
                    validation,
                    seed=seed,
                    threads=threads,
                    checkpoint=checkpoints and checkpoints / name,
                    observers=[EventObserver(name, seed), run],
                    earlier=out,
                )
                write_trained(trained, out / trained.folder_name, training.classes, validation)
                run.log_training(trained)


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
