"""What a running step tells whoever watches: JSON lines in the folder `$BAKEOFF_EVENTS`.

Steps run as processes of their own (KFP tasks, containers), so a progress bar cannot be drawn by
the step itself. Each process appends to a file of its own; the watcher reads them all. Without
the variable nothing is written. What runs in the watcher's own process is heard there.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

VARIABLE = "BAKEOFF_EVENTS"

_stream: TextIO | None = None
_listener: Callable[[dict[str, Any]], None] | None = None


@contextmanager
def heard(listener: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Tell `listener` of every event of this process."""
    global _listener
    _listener = listener
    try:
        yield
    finally:
        _listener = None


def emit(event: str, **facts: Any) -> None:
    """Append one event. Whatever cannot be written never fails the step that emits it; an error of
    its listener does.
    """
    global _stream
    told = {"event": event, "time": time.time(), **facts}
    if _listener:
        _listener(told)
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    try:
        if _stream is None or _stream.name != str(Path(folder) / Path(_stream.name).name):
            _stream = (Path(folder) / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.jsonl").open("a")
        _stream.write(json.dumps(told, default=_plain) + "\n")
        _stream.flush()
    except (OSError, TypeError, ValueError):
        pass


def _plain(value: Any) -> Any:
    """A number of NumPy or torch as one of Python, anything else in its words."""
    return value.item() if getattr(value, "ndim", None) == 0 else str(value)


def tell(line: str) -> None:
    """What a person who follows a step would like to know, in a line."""
    emit("line", text=line)


def watched() -> bool:
    """Whether somebody draws what is told; otherwise it is for a log."""
    return bool(os.environ.get(VARIABLE))


class EventReader:
    """Reads what was appended to an events folder since the last look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._positions: dict[Path, int] = {}

    def new_events(self) -> Iterator[dict[str, Any]]:
        """Complete lines that came since the last call, file by file in order of their start."""
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open("rb") as stream:
                stream.seek(self._positions.get(path, 0))
                chunk = stream.read()
            complete = chunk[: chunk.rfind(b"\n") + 1]
            self._positions[path] = self._positions.get(path, 0) + len(complete)
            for line in complete.splitlines():
                yield json.loads(line)
