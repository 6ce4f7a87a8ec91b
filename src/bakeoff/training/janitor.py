"""Clears up after processes that may be killed: `python -m bakeoff.training.janitor FOLDER`.

It waits until the process that started it has closed its pipe or died, ends whatever that process
started and left running, and removes their folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "BAKEOFF_CLEARED"
"""Marks the processes that belong to a folder: they inherit it."""
GRACE_SECONDS = 3.0


@contextmanager
def cleared(folder: str) -> Iterator[None]:
    """Of what is started inside nothing is left afterwards, nor `folder`; also if this process is
    killed.
    """
    janitor = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        janitor.communicate()


def left_running(folder: str) -> list[int]:
    """The processes that belong to a folder: they have the mark, or a file of it open. Some of
    Ray's write their title over their environment.
    """
    mark = f"{VARIABLE}={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            marked = mark in (process / "environ").read_bytes().split(b"\0")
            if marked or _holds(process, folder):
                found.append(int(process.name))
    return found


def _holds(process: Path, folder: str) -> bool:
    for file in (process / "fd").iterdir():
        with suppress(OSError):
            if str(file.readlink()).startswith(f"{folder}/"):
                return True
    return False


def main(folder: str) -> None:
    # It may still have logs open, and is no leftover.
    starter = os.getppid()
    sys.stdin.buffer.read()
    patience = time.monotonic() + GRACE_SECONDS
    while running := [process for process in left_running(folder) if process != starter]:
        late = time.monotonic() > patience
        for process in running:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
