"""What every pipeline step does around its work: say that it runs, and explain how it failed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.patience import patient


@contextmanager
def told_in_lines() -> Iterator[None]:
    """Have a log say what nobody draws."""
    if events.watched():
        yield
        return
    from bakeoff.narration import Narrator

    with events.heard(Narrator().hear):
        yield


@contextmanager
def step(task: str, model: str = "", seed: int | None = None) -> Iterator[None]:
    """Announce a step's start and end; end the process with code 2 and one line on a UserError."""
    which = {"task": task, "model": model, "seed": seed}
    with told_in_lines(), patient():
        events.emit("task", state="started", **which)
        try:
            yield
        except UserError as error:
            events.emit("error", message=str(error), **which)
            print(f"error: {error}", file=sys.stderr, flush=True)
            raise SystemExit(2) from None
        except Exception as error:
            events.emit("crash", message=f"{type(error).__name__}: {error}", **which)
            raise
        events.emit("task", state="finished", **which)
