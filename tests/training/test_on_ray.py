"""A real Ray on this machine; every start of it takes some ten seconds."""

import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import torch
from test_workers import SETTINGS, Regression, Words

from bakeoff.environment import cores
from bakeoff.errors import PassingError, UserError
from bakeoff.training import on_ray
from bakeoff.training.handed_on import handed_on
from bakeoff.training.janitor import VARIABLE, left_running
from bakeoff.training.loop import fit
from bakeoff.training.on_ray import train_on_ray
from bakeoff.training.ray_at_hand import ADDRESS, gpus_each, refuse_too_much
from bakeoff.training.settings import GROWS
from bakeoff.training.workers import ALONE

HERE = Path(__file__).parent
MARK = "BAKEOFF_TEST"
"""Variable: tells a test's processes from those of others on this machine."""
ROOM = re.compile(rb"/tmp/bakeoff-ray-\w+")


def traces(process):
    """By what a process is known: its environment, which some write their title over, its command
    line, and the files it has open, removed ones too.
    """
    found = []
    with suppress(OSError):
        found += (process / "environ").read_bytes().split(b"\0")
        found += (process / "cmdline").read_bytes().split(b"\0")
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                found.append(os.fsencode(file.readlink()))
    return found


def processes():
    """Of all others that run, but for those of other tests: whether it is this test's, and the
    folders of Rays that it belongs to, be they there or gone, by its number.
    """
    mark, found = f"{MARK}={os.environ[MARK]}".encode(), {}
    for process in Path("/proc").glob("[0-9]*"):
        known = traces(process)
        rooms = {Path(os.fsdecode(room)) for trace in known for room in ROOM.findall(trace)}
        marks = {trace for trace in known if trace.startswith(f"{MARK}=".encode())}
        if marks <= {mark} and int(process.name) != os.getpid():
            found[int(process.name)] = (bool(marks), rooms)
    return found


def ours():
    """The folders that Rays of this test live in, and what runs of them."""
    found = processes()
    folders = set().union(*(rooms for mine, rooms in found.values() if mine))
    return {
        folder: [pid for pid, (_, rooms) in found.items() if folder in rooms] for folder in folders
    }


def in_shared_memory():
    return {str(file) for file in Path("/dev/shm").iterdir()}


def left(pids, files):
    """What runs of this test, or of a folder that is gone, and the files in shared memory that
    nobody uses; but for those processes and files, which were there before.
    """
    lost = [
        (pid, rooms)
        for pid, (mine, rooms) in processes().items()
        if mine or (pid not in pids and not all(room.exists() for room in rooms))
    ]
    unused = in_shared_memory() - files
    for process in Path("/proc").glob("[0-9]*") if unused else ():
        with suppress(OSError):
            used = (process / "maps").read_text()
            unused = {file for file in unused if file not in used}
    return [*lost, *unused]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """Workers find what a test defines, and no Ray but the test's own, of which nothing is left."""
    monkeypatch.setenv("PYTHONPATH", f"{HERE}:{HERE.parent}")
    monkeypatch.setenv(MARK, str(uuid4()))
    monkeypatch.delenv(ADDRESS, raising=False)
    before = set(processes()), in_shared_memory()
    yield
    deadline = time.monotonic() + 15
    while (found := left(*before)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not found


@pytest.mark.parametrize(("of_its_own", "starts"), [(True, 1), (False, 3)])
def test_on_a_ray_that_was_made_for_it_a_training_is_not_tried_again(
    monkeypatch, of_its_own, starts
):
    """Whoever made that Ray tries again."""
    from ray.exceptions import WorkerCrashedError
    from ray.train import WorkerGroupError

    tried = []

    def fit(*_, **settings):
        tried.append(settings["name"])
        raise WorkerGroupError("a worker is gone", {0: WorkerCrashedError()})

    monkeypatch.setattr(on_ray, "connected", lambda: nullcontext([{"CPU": 8.0}]))
    monkeypatch.setattr("bakeoff.training.ray_trainer.fit", fit)
    monkeypatch.setenv(GROWS, "1" if of_its_own else "")
    with pytest.raises(PassingError, match="workers died"):
        train_on_ray(Regression(Path(), 1), workers=1, threads=1)
    assert tried == [f"attempt-{number}" for number in range(1, starts + 1)]


@pytest.mark.parametrize("marked", [True, False])
def test_a_process_that_outlives_its_folder_is_seen(marked):
    gone, known = "/tmp/bakeoff-ray-gone", set(processes())
    environment = dict(os.environ) if marked else {}
    process = subprocess.Popen(["sleep", "60"], env={**environment, VARIABLE: gone})
    try:
        assert ours() == ({Path(gone): [process.pid]} if marked else {})
        assert (process.pid, {Path(gone)}) in left(known, in_shared_memory())
    finally:
        process.kill()
        process.wait()


def test_a_file_that_is_left_in_shared_memory_is_seen():
    files = in_shared_memory()
    file = Path("/dev/shm") / f"bakeoff-{os.environ[MARK]}"
    file.touch()
    try:
        assert str(file) in left(set(processes()), files)
    finally:
        file.unlink()


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
def test_more_than_there_is_is_one_line_and_a_home_stays_as_it_was(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    most = cores()
    with pytest.raises(UserError, match=rf"{most} workers of 2 CPUs need .* and Ray has {most}:"):
        train_on_ray(Refusing(), workers=most, threads=2)
    assert not list(tmp_path.rglob("*"))
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ, "it would be that of a Ray which is gone"
    with pytest.raises(UserError, match="1 workers of 1 GPU need 1, and Ray has 0:"):
        train_on_ray(Refusing(), workers=1, threads=1, gpus=1)


@pytest.mark.parametrize(
    ("watched", "heard", "noticed"),
    [("1", "at 12:00", True), ("1", None, False), ("0", "at 12:00", False)],
)
def test_a_worker_knows_that_a_machine_will_be_taken_away(monkeypatch, watched, heard, noticed):
    monkeypatch.setattr("ray.train.get_preemption_info", lambda: heard)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 1)
    monkeypatch.setenv("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", watched)
    told = []
    on_ray._work({"job": lambda workers: told.append(workers.notice()), "environment": {}})
    assert told == [noticed]


@pytest.mark.slow
def test_a_ray_of_ones_own_reports_nothing_has_no_page_and_little_memory():
    with on_ray.connected():
        import ray

        assert ray.cluster_resources()["object_store_memory"] == 100 * 2**20
        ((folder, pids),) = ours().items()
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
        [dashboard] = [command for command in commands if b"dashboard.py" in command]
        assert b"--disable-frontend" in dashboard
        deadline, said = time.monotonic() + 20, ""
        while "Usage reporting is" not in said and time.monotonic() < deadline:
            logs = folder.glob("session_2*/logs/dashboard*.log")
            said = "".join(log.read_text() for log in logs)
            time.sleep(0.2)
        assert "Usage reporting is disabled" in said


def test_workers_elsewhere_know_where_runs_are_kept_and_no_key(monkeypatch):
    there = {
        "WANDB_PROJECT": "bakes",
        "WANDB_ENTITY": "team",
        "WANDB_BASE_URL": "https://w.example",
    }
    for variable, value in {**there, "WANDB_API_KEY": "hush", "HOME": "/nowhere"}.items():
        monkeypatch.setenv(variable, value)
    known = handed_on()
    assert there.items() <= known.items()
    assert not {"WANDB_API_KEY", "HOME"} & set(known)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((4, 1, 0), None),
        ((1, 3, 1), None),
        ((2, 1, 1), None),
        ((4, 1, 1), "4 workers of 1 GPU need 4, and Ray has 3"),
        ((5, 1, 0), "5 workers of 1 CPUs need 5, and Ray has 4"),
        ((1, 4, 0), "a worker of 4 CPUs and 0 GPU is on one machine, and .* room for 0 of 1"),
        ((3, 1, 1), "a worker of 1 CPUs and 1 GPU is on one machine, and .* room for 2 of 3"),
    ],
)
def test_what_a_cluster_has_room_for(asked, words):
    there = [{"CPU": 3.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 2.0}, {"memory": 1e9}]
    if words is None:
        refuse_too_much(there, *asked)
    else:
        with pytest.raises(UserError, match=words):
            refuse_too_much(there, *asked)


@pytest.mark.parametrize(("have", "workers", "each"), [(0, 4, 0), (4, 4, 1), (8, 2, 1)])
def test_gpus_where_nobody_said(have, workers, each):
    assert gpus_each(have, workers) == each


def test_fewer_gpus_than_workers_are_refused():
    with pytest.raises(UserError, match=r"2 GPU for 4 workers: .*--workers 2, .*worker 0"):
        gpus_each(2, 4)


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


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b""])
def test_what_answers_and_is_no_ray_is_one_line_soon(monkeypatch, answer):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _answering(answer)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ADDRESS, f"127.0.0.1:{server.server_address[1]}")
        with pytest.raises(UserError, match=r"^what answers at .* is no Ray: give RAY_ADDRESS"):
            train_on_ray(Refusing(), workers=1, threads=1)
        server.shutdown()


def _answering(answer):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1000)
            self.request.sendall(answer)
            while not answer and self.request.recv(1000):
                pass

    return Handler


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
    (folder,) = ours()
    os.kill(process.pid, number)
    process.wait(timeout=60)
    wait_until_cleared(folder)


def wait_until_cleared(folder):
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not folder.exists()
    assert not left_running(str(folder))


@pytest.fixture
def training(tmp_path):
    """A bake-off on Ray whose network is being trained."""
    rows = [f"{('bad', 'good')[row % 2]} film {row % 7} {row},{row % 2}" for row in range(400)]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from bakeoff.cli import main; main()", "run", "sentiment"),
            *("--data", str(tmp_path / "reviews.csv"), "--models", "rnn-64", "--where", "ray"),
            *("--runs", str(tmp_path / "runs"), "--set", "training.epochs=9999"),
            *("--set", "training.patience=9999", "--threads", "1", "--wandb", "disabled"),
        ]
    )
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("runs/.store/checkpoints/*/*/*.safetensors")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_of_a_killed_bake_off_nothing_is_left(number, training):
    ((folder, running),) = ours().items()
    assert len(running) > 5
    os.kill(training.pid, number)
    training.wait(timeout=60)
    wait_until_cleared(folder)
