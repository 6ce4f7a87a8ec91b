"""Work that hangs, fails or dies in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bakeoff.errors import UserError
from bakeoff.running.apart import apart

PATIENCE = 60.0
"""Seconds for what is not to run into a limit."""


def session() -> tuple[int, int]:
    return os.getpid(), os.getsid(0)


def refuse() -> None:
    raise UserError("not like this")


def hang(told: Path) -> None:
    """With a child that leaves the session, as W&B's does."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    told.with_suffix(".new").write_text(f"{os.getpid()} {child.pid}")
    told.with_suffix(".new").rename(told)
    time.sleep(600)


def runs(process: int) -> bool:
    """Whether it does something; the dead that nobody has asked for do not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_calls_are_answered_by_one_process_of_another_session(tmp_path: Path) -> None:
    with apart(str(tmp_path / "scratch")) as call:
        first, second = (call(session, seconds=PATIENCE) for _ in range(2))
        assert first == second
        assert first[0] == first[1] != os.getsid(0)
        with pytest.raises(UserError, match="not like this"):
            call(refuse, seconds=PATIENCE)
        assert call(session, seconds=PATIENCE) == first, "a refusal does not end it"
        with pytest.raises(UserError, match="was killed, most often for memory"):
            call(os.abort, seconds=PATIENCE)


def test_what_hangs_is_given_up_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    folder, told = tmp_path / "scratch", tmp_path / "told"
    folder.mkdir()
    with apart(str(folder)) as call:
        call(session, seconds=PATIENCE)
        with pytest.raises(TimeoutError):
            call(hang, told, seconds=5.0)
    assert not any(runs(int(process)) for process in told.read_text().split())
    assert not folder.exists()


def test_it_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    told = tmp_path / "told"
    asks = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
from pathlib import Path
from test_apart import hang
from bakeoff.running.apart import apart
with apart({str(tmp_path / "scratch")!r}) as call:
    call(hang, Path({str(told)!r}), seconds=600)
"""
    process = subprocess.Popen([sys.executable, "-c", asks])
    deadline = time.monotonic() + PATIENCE
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    left = [int(number) for number in told.read_text().split()]
    while any(map(runs, left)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(runs, left))
