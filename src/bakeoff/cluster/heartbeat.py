"""A sign of life of the step that follows a RayJob, kept in S3, where the entrypoint looks for it.

Whatever becomes of the step, its pod, its node or its run, a training that nobody follows ends.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bakeoff.clock import Clock
from bakeoff.errors import UserError
from bakeoff.s3 import Folder

NAME = "heartbeat"
EVERY_SECONDS = 20.0


@contextmanager
def beating(work: Folder, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Give a sign of life, different each time, as long as this lasts."""
    ended = threading.Event()

    def beat() -> None:
        while True:
            with suppress(UserError):  # Whatever is wrong may be put right meanwhile.
                work.write(NAME, uuid.uuid4().hex.encode(), patience=0)
            if ended.wait(every):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Pulse:
    """Whether there are signs of life. While S3 gives no answer nobody can tell, and no time
    is counted."""

    def __init__(self, work: Folder) -> None:
        self._work = work
        self._seen: bytes | None = None
        self._looked: float | None = None
        self.still = 0.0
        """Seconds in which there could have been a new sign and was none."""

    def look(self, now: float) -> None:
        try:
            found = self._work.read(NAME, patience=0)
        except UserError:
            self._looked = None
            return
        if found != self._seen:
            self.still = 0.0
        elif self._looked is not None:
            self.still += now - self._looked
        self._seen, self._looked = found, now


def watch(work: Folder, limit: float, clock: Clock, abandoned: Callable[[], None]) -> None:
    """Call `abandoned` once there was no sign of life for `limit` seconds."""
    pulse = Pulse(work)
    while pulse.still < limit:
        pulse.look(clock.now())
        clock.sleep(min(EVERY_SECONDS, limit / 4))
    abandoned()
