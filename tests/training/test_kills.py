"""Trainings on Ray that are killed at random moments, again and again, end as unbroken ones."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from test_on_ray import MARK, ours, result

from bakeoff.environment import cores

KILLS = int(os.environ.get("BAKEOFF_KILLS", "2"))
"""Each costs a start of Ray."""
EPOCHS, PAUSE = 40, 0.05
HERE = Path(__file__).parent

TRAIN = """
import sys, time
from pathlib import Path
from test_on_ray import Shared
from bakeoff.training.on_ray import train_on_ray
job = Shared(Path(sys.argv[1]), epochs=int(sys.argv[2]), pause=float(sys.argv[3]))
train_on_ray(job, workers=2, threads=1)
"""


def start(folder):
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parent}"}
    environment.pop("RAY_ADDRESS", None)
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(folder), str(EPOCHS), str(PAUSE)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def workers():
    """The processes in which Ray trains."""
    found = []
    for pids in ours().values():
        for pid in pids:
            with suppress(OSError):
                if b"TrainWorker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
    return sorted(found)


def at_work(process, begun, before):
    """Wait until an epoch has begun since; False where the process ended instead."""
    while begun.stat().st_size <= before if begun.exists() else True:
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
@pytest.mark.skipif(cores() < 2, reason="needs two CPUs")
def test_a_training_that_is_killed_again_and_again_ends_as_an_unbroken_one(tmp_path, monkeypatch):
    monkeypatch.setenv(MARK, str(tmp_path))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    assert start(whole).wait() == 0
    chance, begun, killed = random.Random(KILLS), broken / "begun", []
    process = start(broken)
    while not (broken / "result.pt").exists():
        before = begun.stat().st_size if begun.exists() else 0
        if not at_work(process, begun, before):
            process.wait()
            if not (broken / "result.pt").exists():
                process = start(broken)  # Workers died too often for one step.
            continue
        if len(killed) == KILLS:
            process.wait()
            continue
        time.sleep(chance.uniform(0, 1.5))
        victim = chance.choice(["step", "worker"])
        with suppress(ProcessLookupError, IndexError):  # Workers may be gone, or not there yet.
            pid = process.pid if victim == "step" else chance.choice(workers())
            os.kill(pid, signal.SIGKILL)
            killed.append(victim)
        if victim == "step":
            process.wait()
            process = start(broken)
    process.wait()
    assert result(broken) == result(whole)
    assert len(killed) == KILLS
    assert set(killed) == {"step", "worker"}
    epochs = [int(line) for line in begun.read_text().split()]
    assert len(epochs) <= EPOCHS + KILLS, "an epoch is lost at most with each"
    print(f"killed: {killed}")
