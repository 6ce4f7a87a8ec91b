"""Time that tests can move, and asking again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> float:
        """Seconds from some moment on."""
        ...

    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class AwayError(Exception):
    """A server does not answer, or not now: ask again."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds that the server asks for."""


def patiently(ask: Callable[[], T], clock: Clock, *, seconds: float) -> T:
    """Ask until there is an answer: at once, then after 1, 2, 4, … 15 seconds.

    Raises:
        AwayError: there was none for this long.
    """
    until, pause = clock.now() + seconds, 1.0
    while True:
        try:
            return ask()
        except AwayError as error:
            wait = max(pause, error.wait)
            if clock.now() + wait > until:
                raise
        clock.sleep(wait)
        pause = min(2 * pause, 15.0)
