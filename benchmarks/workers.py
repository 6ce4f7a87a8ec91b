"""What training on Ray costs, against the same without it: samples a second of several workers
against plain DistributedDataParallel under torchrun, in turn; seconds from the call of fit() to the
first step; seconds from a worker's death to the next step; the whole time of a bake-off on Ray
against the same inline; and the memory of four workers on the paper split.

.venv/bin/python benchmarks/workers.py [--parts speed,recovery,overhead] [--rounds 2]
.venv/bin/python benchmarks/workers.py --parts memory --data ../shared/data/imdb50k.parquet
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from record import record

HERE = Path(__file__).parent
STEPS = {"bilstm": 300, "resnet18": 48}
WAYS = {"1 worker x 2 threads": (1, 2), "2 workers x 1 thread": (2, 1)}
PARTS = ("speed", "recovery", "overhead", "memory")


def speed(rounds: int) -> dict[str, Any]:
    """Samples a second of ours on Ray and of torchrun, and seconds from fit() to the first step."""
    figures: dict[str, Any] = {}
    starts = []
    for network, steps in STEPS.items():
        for way, (workers, threads) in WAYS.items():
            ours, theirs = [], []
            for _ in range(rounds):
                found, start = _on_ray(network, steps, workers, threads)
                ours.append(found)
                starts.append(start)
                theirs.append(_by_torchrun(network, steps, workers, threads))
            share = statistics.median(ours) / statistics.median(theirs)
            figures[f"{network}, {way}"] = {"ours": ours, "torchrun": theirs, "share": share}
            print(f"{network}, {way}: {share:.3f} of torchrun's {theirs} samples a second: {ours}")
    print(f"seconds from fit() to the first step: {starts}")
    return {"samples_per_second": figures, "seconds_from_fit_to_first_step": starts}


def _on_ray(network: str, steps: int, workers: int, threads: int) -> tuple[float, float]:
    from together import Ours

    from bakeoff.training import ray_trainer
    from bakeoff.training.on_ray import train_on_ray

    fit, called = ray_trainer.fit, []

    def noted(*given: Any, **how: Any) -> None:
        called.append(time.time())
        fit(*given, **how)

    ray_trainer.fit = noted
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        try:
            train_on_ray(Ours(network, steps, threads, out), workers=workers, threads=threads)
        finally:
            ray_trainer.fit = fit
        figures = json.loads(out.read_text())
    return figures["samples_per_second"], figures["first_step_at"] - called[0]


def _by_torchrun(network: str, steps: int, workers: int, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
                *("--nproc-per-node", str(workers), str(HERE / "together.py"), network),
                *("--steps", str(steps), "--threads", str(threads), "--out", str(out)),
            ],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            check=True,
        )
        return json.loads(out.read_text())["samples_per_second"]


@dataclass(frozen=True)
class Dying:
    """Steps of nothing; worker 1 kills itself once, and worker 0 notes when it steps."""

    folder: Path

    def __call__(self, workers: Any) -> None:
        import torch

        died = self.folder / "died"
        for step in range(40):
            if workers.rank == 1 and step == 10 and not died.exists():
                died.write_text(str(time.time()))
                os.kill(os.getpid(), signal.SIGKILL)
            workers.sum(torch.ones(1))
            time.sleep(0.05)
            if workers.rank == 0 and died.exists() and not (self.folder / "again").exists():
                (self.folder / "again").write_text(str(time.time()))


def recovery(rounds: int) -> dict[str, Any]:
    """Seconds from a worker's death to the next step of all."""
    from bakeoff.training.on_ray import train_on_ray

    seconds = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train_on_ray(Dying(folder), workers=2, threads=1)
            died, again = (float((folder / what).read_text()) for what in ("died", "again"))
            seconds.append(again - died)
    print(f"seconds from a worker's death to the next step: {seconds}")
    return {"seconds_to_recover": seconds}


def overhead(_: int) -> dict[str, Any]:
    """Seconds of the quick study of reviews inline and on Ray, one worker of all CPUs."""
    seconds = {}
    for where in ("inline", "ray"):
        with tempfile.TemporaryDirectory() as runs:
            command = [str(Path(sys.executable).parent / "bakeoff"), "run", "sentiment"]
            started = time.monotonic()
            subprocess.run(
                [*command, "--where", where, "--wandb", "disabled", "--runs", runs],
                stdout=subprocess.DEVNULL,
                check=True,
            )
            seconds[where] = time.monotonic() - started
    print(f"the quick study: {seconds}, {seconds['ray'] - seconds['inline']:.1f} s more on Ray")
    return {"seconds_of_the_quick_study": seconds}


@dataclass(frozen=True)
class Reviews:
    """Trains the BiLSTM with GloVe's vectors on a dataset folder for an epoch."""

    dataset: Path

    def __call__(self, workers: Any) -> None:
        from dataclasses import replace

        from bakeoff.data.splits import read_split
        from bakeoff.text.configs import TextNetwork
        from bakeoff.text.networks.training import train_text_network
        from bakeoff.text.registry import MODELS
        from bakeoff.training.settings import to_dict

        config = MODELS["bilstm-glove"]
        assert isinstance(config, TextNetwork)
        config = replace(config, training=replace(config.training, epochs=1, least_steps=0))
        splits = read_split(self.dataset, "train"), read_split(self.dataset, "validation")
        train_text_network(
            "bilstm-glove", to_dict(config), *splits, seed=0, threads=1, workers=workers
        )


def memory(_: int, data: str, workers: int = 4) -> dict[str, Any]:
    """Proportional set size of the workers together, at most, in GB."""
    import threading

    import ray

    from bakeoff.data.prepare import prepare
    from bakeoff.training.local_ray import QUIET, SETTINGS, room

    os.environ |= SETTINGS
    peak, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            peak[0] = max(peak[0], _workers_memory())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        split = "36000:4000:10000"
        prepare(folder / "dataset", folder / "test", source=data, split=split, seed=0)
        with room() as temporary:
            # More than this machine's CPUs: what counts is the memory.
            ray.init(num_cpus=workers, include_dashboard=False, _temp_dir=str(temporary), **QUIET)
            os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
            watching = threading.Thread(target=look)
            watching.start()
            train = [sys.executable, __file__, "--train", str(folder / "dataset")]
            try:
                subprocess.run([*train, "--workers", str(workers)], check=True)
            finally:
                done.set()
                watching.join()
                ray.shutdown()
    print(f"{workers} workers together: {peak[0]:.2f} GB")
    return {"workers": workers, "gigabytes_of_all_workers": peak[0]}


def _workers_memory() -> float:
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cmdline").read_bytes().startswith(b"ray::RayTrainWorker"):
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e9


def main(parts: list[str], rounds: int, data: str, workers: int, train: Path | None) -> None:
    from bakeoff.training.local_ray import room
    from bakeoff.training.on_ray import train_on_ray

    if train:
        from workers import Reviews as Job

        train_on_ray(Job(train), workers=workers, threads=1)
        return
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # As a bake-off sets it for its steps.
    os.environ["PYTHONPATH"] = f"{HERE}:{os.environ.get('PYTHONPATH', '')}"
    figures: dict[str, Any] = {}
    measure: dict[str, Callable[[], dict[str, Any]]] = {
        "speed": lambda: speed(rounds),
        "recovery": lambda: recovery(rounds),
        "overhead": lambda: overhead(rounds),
        "memory": lambda: memory(rounds, data, workers),
    }
    for part in parts:
        if part in ("speed", "recovery"):
            with room():  # One Ray for all of them, as in a bake-off.
                figures |= measure[part]()
        else:
            figures |= measure[part]()
    record("workers-memory" if parts == ["memory"] else "workers", rounds, **figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", type=lambda given: given.split(","), default=list(PARTS[:3]))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data", default="imdb")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    main(**vars(parser.parse_args()))
