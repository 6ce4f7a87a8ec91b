"""Work that may hang, in a process of its own: it gets so many seconds."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol

from bakeoff.errors import UserError
from bakeoff.training.janitor import cleared


class Call(Protocol):
    def __call__(self, function: Any, *arguments: Any, seconds: float) -> Any:
        """What a function of a module gives, or raises.

        Raises:
            TimeoutError: it takes longer.
            UserError: its process was killed.
        """


@contextmanager
def apart(folder: str) -> Iterator[Call]:
    """A process that calls functions, one after the other, in a session of its own.

    Afterwards nothing of what it started is left, nor `folder`, where that may write; also after
    Ctrl-C, or where this process is killed.
    """
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=os.setsid)

    def call(function: Any, *arguments: Any, seconds: float) -> Any:
        try:
            return pool.submit(function, *arguments).result(timeout=seconds)
        except BrokenProcessPool:
            raise UserError(
                "the process that does it was killed, most often for memory; run the same command "
                "again"
            ) from None

    with cleared(folder):
        try:
            yield call
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
