"""What a person sees while a command works that is no bake-off: downloads, models being scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from bakeoff import events
from bakeoff.formats import percent


class Activity:
    """A line for each warning, download and model that is scored, not in the way of stdout; on
    anything but a terminal only for warnings and the start of a download.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bars = Bars(
            _spinner(self._console),
            TextColumn("{task.description:<26}", markup=False),
            TextColumn("{task.fields[facts]:<18}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._rows: dict[str, TaskID] = {}
        self._opened = ExitStack()

    def __enter__(self) -> Activity:
        self._opened.enter_context(events.heard(self._hear))
        self._opened.enter_context(self._bars)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "warning":
            line = f"warning: {event['message']}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        if event["event"] != "download":
            return
        label, facts = downloaded(event)
        if not self._console.is_terminal and label not in self._rows:
            self._console.print(f"{label} {facts}", markup=False, soft_wrap=True)
        row = self._row(label)
        self._bars.update(row, total=event["total"], completed=event["done"], facts=facts)

    def see(self, name: str, accuracy: float | None) -> None:
        """Show that a model is being scored or, with its accuracy, that it has been."""
        row = self._row(name)
        if accuracy is not None:
            self._bars.update(row, completed=1, facts=percent(accuracy))

    def _row(self, name: str) -> TaskID:
        if name not in self._rows:
            make_room(self._bars)
            self._rows[name] = self._bars.add_task(name, total=1, facts="")
        return self._rows[name]


@contextmanager
def current(console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """A line with what is waited for, and how long it has been; on anything but a terminal nothing.

    Returns:
        What to call with the next thing, and with "" before something is printed.
    """
    console = console or Console(stderr=True)
    bars = Bars(
        _spinner(console),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
    )
    row = bars.add_task("", total=None)

    def now(text: str) -> None:
        bars.stop()
        if text:
            bars.reset(row, description=text)
            bars.start()

    try:
        yield now
    finally:
        bars.stop()


def _spinner(console: Console) -> SpinnerColumn:
    shape = "dots" if console.encoding.startswith("utf") else "line"
    return SpinnerColumn(shape, finished_text="✓")


def downloaded(event: dict[str, Any]) -> tuple[str, str]:
    """What is downloaded, and how much of it has come."""
    of = f" of {event['total'] / 1e6:,.0f}" if event["total"] else ""
    return f"download {event['name']}", f"{event['done'] / 1e6:,.0f}{of} MB"


def make_room(bars: Bars) -> None:
    """Hide the oldest finished row where one more would not fit on the terminal."""
    shown = [task for task in bars.tasks if task.visible]
    done = [task for task in shown if task.finished]
    if done and len(shown) >= bars.console.height - 1:
        bars.update(done[0].id, visible=False)
