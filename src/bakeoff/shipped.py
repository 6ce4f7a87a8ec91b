"""What a process prints, kept in S3 as numbered chunks of lines: none is lost while S3 is away,
none is read twice, and all outlive the machine.

    <folder>/<stream>/000000, 000001, …

A stream is one process; its name begins with the time of its start.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bakeoff.errors import UserError
from bakeoff.s3 import Folder

VARIABLE = "BAKEOFF_LOG"
"""Variable: the folder; without it nothing is kept."""
EVERY_SECONDS = 2.0
_LAST_SECONDS = 120.0
"""For which a process that ends tries to leave its last lines."""


class Shipper:
    """Keeps what it is fed; a thread writes it."""

    def __init__(self, folder: Folder, who: str, every: float = EVERY_SECONDS) -> None:
        self._folder = folder / f"{time.time_ns():020d}-{who}-{os.getpid()}"
        self._every = every
        self._waiting = bytearray()
        self._chunk = b""
        """On its way: the same bytes go under the same number, however often it is tried, as the
        first try may have arrived."""
        self._number = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_now_and_then, daemon=True)
        self._thread.start()

    def feed(self, printed: bytes) -> None:
        with self._lock:
            self._waiting += printed

    def close(self) -> None:
        """Write all there is, the end of a line or not."""
        self._ended.set()
        self._thread.join()
        with suppress(UserError):
            self._write(whole_lines=False, patience=_LAST_SECONDS)

    def _write_now_and_then(self) -> None:
        while not self._ended.wait(self._every):
            with suppress(UserError):  # Tried again with what comes next.
                self._write(whole_lines=True, patience=0)

    def _write(self, *, whole_lines: bool, patience: float) -> None:
        while self._chunk or self._take(whole_lines):
            self._folder.write(f"{self._number:06d}", self._chunk, patience=patience)
            self._number += 1
            self._chunk = b""

    def _take(self, whole_lines: bool) -> bool:
        with self._lock:
            length = self._waiting.rfind(b"\n") + 1 if whole_lines else len(self._waiting)
            self._chunk = bytes(self._waiting[:length])
            del self._waiting[:length]
        return bool(self._chunk)


class Printed:
    """What this process prints, its libraries included, goes through here as well."""

    def __init__(self, shipper: Shipper) -> None:
        self._shipper = shipper
        self._inlet, outlet = os.pipe()
        self._screens = {stream: os.dup(stream) for stream in (1, 2)}
        _flush_python()
        for stream in self._screens:
            os.dup2(outlet, stream)
        os.close(outlet)
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        self._lock, self._ended = threading.Lock(), False

    def _carry(self) -> None:
        while printed := os.read(self._inlet, 65536):
            self._shipper.feed(printed)
            with suppress(OSError):
                os.write(self._screens[1], printed)

    def end(self) -> None:
        """Returns once all that was printed until now is kept."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            _flush_python()
            for stream, screen in self._screens.items():
                os.dup2(screen, stream)
            # A process that was started inside may hold the other end open.
            self._carrier.join(timeout=EVERY_SECONDS)
            self._shipper.close()


@contextmanager
def shipped(who: str) -> Iterator[Printed | None]:
    """Keep what this process prints in `$BAKEOFF_LOG`."""
    place = os.environ.get(VARIABLE)
    if not place:
        yield None
        return
    printed = Printed(Shipper(Folder(place), who))
    try:
        yield printed
    finally:
        printed.end()


class LogReader:
    """Gives what was printed since the last look, chunk by chunk."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._next: defaultdict[str, int] = defaultdict(int)

    def chunks(self, *, patience: float = 0.0) -> Iterator[str]:
        """Raises:
        UserError: there was no answer for `patience` seconds, or it may not be read; what was given
            stays given.
        """
        for stream in self._folder.folders(patience=patience):
            folder = self._folder / stream
            while (
                chunk := folder.read(f"{self._next[stream]:06d}", patience=patience)
            ) is not None:
                self._next[stream] += 1
                yield chunk.decode(errors="replace")


def _flush_python() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
