import os
import signal
import subprocess
import sys
import time

import pytest

from bakeoff.training.janitor import cleared, left_running

WORK = """
import subprocess, sys
from bakeoff.training.janitor import cleared
with cleared(sys.argv[1]):
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600"], start_new_session=True)
    print("started", flush=True)
    sys.stdin.read()
"""


def started(folder):
    """A process that has left two others running, and goes on until its input is closed."""
    folder.mkdir()
    (folder / "socket").write_text("")
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "started\n"
    assert len(left_running(str(folder))) >= 2
    return process


def gone(folder):
    """Whether nothing is left, before long."""
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not folder.exists() and not left_running(str(folder))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_of_a_process_that_is_killed_nothing_is_left(number, tmp_path):
    process = started(tmp_path / "scratch")
    os.kill(process.pid, number)
    process.wait()
    assert gone(tmp_path / "scratch")


def test_nothing_is_left_once_the_context_is_left(tmp_path):
    process = started(tmp_path / "scratch")
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert not (tmp_path / "scratch").exists()
    assert not left_running(str(tmp_path / "scratch"))


def test_others_are_left_alone(tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    (tmp_path / "mine").mkdir()
    with cleared(str(tmp_path / "mine")):
        pass
    assert other.poll() is None
    other.kill()
    other.wait()


def test_who_hides_its_environment_is_known_by_the_files_it_has_open(tmp_path):
    (folder := tmp_path / "mine").mkdir()
    with cleared(str(folder)), (folder / "log").open("w") as log:
        hidden = subprocess.Popen(["sleep", "600"], stdout=log, env={})
    assert hidden.wait(timeout=20) < 0
    assert not folder.exists()


def test_who_began_it_is_no_leftover(tmp_path):
    (folder := tmp_path / "mine").mkdir()
    with (folder / "log").open("w"), cleared(str(folder)):
        pass
    assert not folder.exists()
