"""Trying again what may pass by itself: a store that is away, a connection that broke."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from bakeoff import events

T = TypeVar("T")

WAITS = (1, 2, 4, 8, 16, 30)
"""Seconds between two tries: a store may be away for a minute."""
_PASSING = {
    *("ConnectionError", "TimeoutError", "HTTPException", "IncompleteRead"),
    *("ClientConnectionError", "ServerDisconnectedError", "ClientPayloadError"),  # Of aiohttp.
    *("HTTPClientError", "EndpointConnectionError"),  # Of botocore.
}
"""Names of classes of errors that may pass, of this language and of the libraries of fsspec."""
_STAYING = ("DNS", "gaierror", "SSL", "Cert", "UserError")
"""In names of classes of errors: a mistake of whoever wrote the address."""
_BUSY = {408, 429, 500, 502, 503, 504}
"""Statuses of HTTP after which the same request may succeed."""

_waits: ContextVar[tuple[int, ...]] = ContextVar("waits", default=())


@contextmanager
def patient() -> Iterator[None]:
    """Have `repeated` repeat, in a step; at a terminal a person decides."""
    token = _waits.set(WAITS)
    try:
        yield
    finally:
        _waits.reset(token)


def repeated(work: Callable[[], T], source: str) -> T:
    """What `work` gives, after as many tries as patience allows; each is said in a line.

    Args:
        work: may be called again after it failed.
        source: what it works on.
    """
    for wait in _waits.get():
        try:
            return work()
        except Exception as error:
            if not passes(error):
                raise
            # fsspec makes of every trouble a file that is not there, and keeps the reason below.
            said = error.__cause__ if isinstance(error, FileNotFoundError) else None
            reason = (str(said or error) or type(error).__name__).splitlines()[0]
            message = f"{source} does not answer ({reason}): again in {wait} s"
            events.emit("warning", message=message)
            time.sleep(wait)
    return work()


def passes(error: BaseException) -> bool:
    """Whether an error may be gone a little later."""
    chain, one = [], error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__  # type: ignore[assignment]
    names = {base.__name__ for error in chain for base in type(error).__mro__}
    if any(part in name for name in names for part in _STAYING):
        return False
    return bool(names & _PASSING) or any(_status(error) in _BUSY for error in chain)


def _status(error: BaseException) -> int:
    """The status of HTTP that an error of aiohttp or botocore carries; 0: none."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    status = getattr(error, "status", 0)
    return status if isinstance(status, int) else 0
