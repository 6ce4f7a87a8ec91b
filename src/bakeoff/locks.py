"""Files that keep other processes out."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bakeoff.artifacts import explained_write_errors, make_folder


@contextmanager
def alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Keep others out for as long as something takes; as `locked`, whose file goes with it."""
    with locked(path, waiting):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold a file's lock, which whoever holds it may remove with its folder.

    Args:
        path: of the file; its folder is made.
        waiting: called once before others are waited for; None: nobody is.

    Yields:
        Whether it is held; on a file system without locks, where nobody is kept out, it is.

    Raises:
        UserError: the file cannot be made.
    """
    waited = False
    with ExitStack() as stack:
        while True:
            make_folder(path.parent)
            with explained_write_errors(path.parent):
                lock = stack.enter_context(path.open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting is None:
                    yield False
                    return
                if not waited:
                    waiting()
                waited = True
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:
                break
            # Whoever held it may have removed it between the two.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    break
        yield True
