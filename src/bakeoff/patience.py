"""Trying again what may pass by itself: a store that is away, a connection that broke."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from bakeoff import events
from bakeoff.clock import Clock, RealClock
from bakeoff.errors import PassingError, UserError, first_line

T = TypeVar("T")


class RemoteError(UserError):
    """What lies behind an address cannot be had from here: a wrong address or key, or no way to it,
    which there may be from another machine."""


class StoreAwayError(RemoteError, PassingError):
    """A store did not answer for as long as there was patience: it may later."""


PATIENCE_SECONDS = 300.0
"""For which a step tries: a store's pod may move to another machine."""
LONGEST_PAUSE = 15.0
"""Seconds between two tries at most; from one second on they double."""
_PASSING = {
    *("ConnectionError", "TimeoutError", "HTTPException", "IncompleteRead"),
    *("ClientConnectionError", "ServerDisconnectedError", "ClientPayloadError"),  # Of aiohttp.
    *("HTTPClientError", "EndpointConnectionError", "ResponseParserError"),  # Of botocore.
}
"""Names of classes of errors that may pass, of this language and of the libraries of fsspec."""
_STAYING = ("DNS", "gaierror", "SSL", "Cert", "UserError")
"""In names of classes of errors: a mistake of whoever wrote the address."""
_BUSY = {408, 429, 500, 502, 503, 504}
"""Statuses of HTTP after which the same request may succeed."""
_BUSY_NUMBERS = {errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO)}
"""What s3fs makes of them."""

_REAL = RealClock()
_patience: ContextVar[float] = ContextVar("patience", default=0.0)


@contextmanager
def patient() -> Iterator[None]:
    """Have `repeated` repeat, in a step; at a terminal a person decides."""
    token = _patience.set(PATIENCE_SECONDS)
    try:
        yield
    finally:
        _patience.reset(token)


def repeated(work: Callable[[], T], source: str, seconds: float | None = None) -> T:
    """What `work` gives, after as many tries as patience allows; each is said in a line.

    Args:
        work: may be called again after it failed.
        source: what it works on.
        seconds: of patience; None: that of `patient`, or none.
    """

    def say(error: Exception, pause: float) -> None:
        message = f"{source} does not answer ({reason(error)}): again in {pause:.0f} s"
        events.emit("warning", message=message)

    return tried(work, passes, _patience.get() if seconds is None else seconds, say=say)


def tried(
    work: Callable[[], T],
    worth: Callable[[Exception], bool],
    seconds: float,
    *,
    pause: Callable[[Exception], float] = lambda _: 0.0,
    say: Callable[[Exception, float], None] = lambda *_: None,
    clock: Clock = _REAL,
) -> T:
    """What `work` gives: at once, or after 1, 2, 4, … 15 seconds more.

    Args:
        work: may be called again after it failed.
        worth: whether an error may be gone a little later; another one is raised.
        seconds: of patience; then the last error is raised.
        pause: seconds that an error asks for.
        say: is told of an error and the pause after it.
        clock: what time it is.
    """
    until, usual = clock.now() + seconds, 1.0
    while True:
        try:
            return work()
        except Exception as error:
            wait = max(usual, pause(error))
            if not worth(error) or clock.now() + wait > until:
                raise
            say(error, wait)
        clock.sleep(wait)
        usual = min(2 * usual, LONGEST_PAUSE)


def passes(error: BaseException) -> bool:
    """Whether an error may be gone a little later."""
    chain = list(causes(error))
    if any(isinstance(one, socket.gaierror) and one.errno == socket.EAI_AGAIN for one in chain):
        return True
    names = {base.__name__ for one in chain for base in type(one).__mro__}
    if any(part in name for name in names for part in _STAYING):
        return False
    return bool(names & _PASSING) or any(_is_busy(one) for one in chain)


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        yield one
        seen.append(one)
        one = one.__cause__ or one.__context__


def _is_busy(error: BaseException) -> bool:
    """By the status of HTTP that an error of aiohttp or botocore carries, or the number of s3fs."""
    if isinstance(error, OSError) and error.errno in _BUSY_NUMBERS:
        return True
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _BUSY
    return getattr(error, "status", None) in _BUSY


def reason(error: Exception) -> str:
    """An error's first line without logins, or its type where it has no message.

    >>> reason(OSError("no http://me:secret@host\\nmore"))
    'no http://host'
    """
    # fsspec makes of every trouble a file that is not there, and keeps the reason below.
    missing = isinstance(error, FileNotFoundError)
    said = first_line((missing and error.__cause__) or error)
    return re.sub(r"://[^/@\s]+@", "://", said)
