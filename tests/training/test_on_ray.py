"""A real Ray on this machine; every start of it takes some ten seconds."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_workers import SETTINGS, Regression, Words

from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.training.janitor import left_running
from bakeoff.training.loop import fit
from bakeoff.training.on_ray import ADDRESS, train_on_ray
from bakeoff.training.workers import ALONE

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """Workers find what a test defines, and no Ray but the test's own."""
    monkeypatch.setenv("PYTHONPATH", f"{HERE}:{HERE.parent}")
    monkeypatch.delenv(ADDRESS, raising=False)
    yield
    left = list(Path("/tmp").glob("bakeoff-ray-*"))
    assert not any(left_running(str(folder)) for folder in left)
    assert not left


needs_two = pytest.mark.skipif(cores() < 2, reason="needs two CPUs")


class Dying(Regression):
    """Kills worker 1 in the middle of an epoch, once; tells of every epoch that begins."""

    def __init__(self, workers, epoch, died, pause):
        super().__init__(workers)
        self.epoch, self.died, self.pause = epoch, died, pause

    def training_batches(self, epoch):
        if self.workers.rank == 0:
            with (self.died.parent / "begun").open("a") as begun:
                begun.write(f"{epoch}\n")
        for batch in super().training_batches(epoch):
            time.sleep(self.pause)
            yield batch
        if epoch == self.epoch and self.workers.rank == 1 and not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Shared:
    """Trains a small network; in the epoch `dies`, if there is one, a worker dies."""

    def __init__(self, folder, dies=0, epochs=3, pause=0.0):
        self.folder, self.dies, self.pause = folder, dies, pause
        self.settings = replace(SETTINGS, epochs=epochs, patience=epochs)

    def __call__(self, workers):
        torch.set_num_threads(1)
        torch.manual_seed(0)
        model, task = Words(), Dying(workers, self.dies, self.folder / "died", self.pause)
        place = self.folder / "checkpoint"
        history = fit(model, task, self.settings, seed=0, checkpoint=place, workers=workers)
        if workers.rank == 0:
            state = {name: value.tolist() for name, value in model.state_dict().items()}
            figures = [{k: v for k, v in r.items() if k != "seconds"} for r in history]
            torch.save((figures, state), self.folder / "part.pt")
            (self.folder / "part.pt").rename(self.folder / "result.pt")


def result(folder):
    return torch.load(folder / "result.pt")


@pytest.mark.slow
@needs_two
def test_two_workers_learn_what_one_does_and_a_dead_one_changes_nothing(tmp_path):
    whole, broken, alone = tmp_path / "whole", tmp_path / "broken", tmp_path / "alone"
    for folder in (whole, broken, alone):
        folder.mkdir()
    train_on_ray(Shared(whole), workers=2, threads=1)
    train_on_ray(Shared(broken, dies=2), workers=2, threads=1)
    assert (broken / "died").exists()
    assert result(broken) == result(whole)
    Shared(alone)(ALONE)
    for name, values in result(alone)[1].items():
        assert torch.tensor(result(whole)[1][name]) == pytest.approx(
            torch.tensor(values).numpy(), abs=1e-5
        ), name


class Refusing:
    def __call__(self, workers):
        raise UserError(f"the file is damaged, says worker {workers.rank}")


class Failing:
    def __call__(self, workers):
        if workers.rank == 1:
            raise ZeroDivisionError("a fault of ours")


@pytest.mark.slow
@needs_two
def test_what_a_worker_refuses_is_the_one_line_and_a_fault_is_not_tried_again(capfd):
    with pytest.raises(UserError, match=r"^the file is damaged, says worker"):
        train_on_ray(Refusing(), workers=2, threads=1)
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        train_on_ray(Failing(), workers=2, threads=1)
    assert "attempt" not in capfd.readouterr().err


@pytest.mark.slow
def test_more_cpus_than_there_are_is_one_line():
    most = cores()
    with pytest.raises(UserError, match=rf"{most} workers of 2 CPUs need .* and Ray has {most}:"):
        train_on_ray(Refusing(), workers=most, threads=2)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "no Ray answers at 127.0.0.1:1"),
        ("nowhere.invalid:6379", "no Ray answers at nowhere.invalid:6379"),
        ("localhost", "give it as host:port"),
        ("ray://head:port", "give it as host:port"),
    ],
)
def test_a_ray_that_does_not_answer_is_one_line_at_once(monkeypatch, address, words):
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(UserError, match=words):
        train_on_ray(Refusing(), workers=1, threads=1)


SLEEPING = """
import sys, time
from pathlib import Path
from bakeoff.training.on_ray import train_on_ray

class Sleeping:
    def __call__(self, workers):
        Path(self.mark).touch()
        time.sleep(600)

job = Sleeping()
job.mark = sys.argv[1]
train_on_ray(job, workers=1, threads=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_of_a_killed_step_nothing_is_left(number, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLEEPING, str(tmp_path / "at work")])
    deadline = time.monotonic() + 120
    while not (tmp_path / "at work").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert list(Path("/tmp").glob("bakeoff-ray-*"))
    os.kill(process.pid, number)
    process.wait(timeout=60)
    deadline = time.monotonic() + 30
    while list(Path("/tmp").glob("bakeoff-ray-*")) and time.monotonic() < deadline:
        time.sleep(0.2)
    # The fixture looks for what is left.
