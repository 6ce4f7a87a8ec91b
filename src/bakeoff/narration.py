"""The log of a step that nobody draws, as on a cluster: its events as plain lines, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bakeoff import __version__
from bakeoff.environment import revision
from bakeoff.formats import duration, size


class Narrator:
    """Prints the events of this process, line by line and at once."""

    def __init__(self) -> None:
        self._downloads: set[str] = set()
        self._started = 0.0

    def hear(self, event: Mapping[str, Any]) -> None:
        """Say what happened, if a person would want to know."""
        line = getattr(self, f"_{event['event']}", lambda _: "")(event)
        if line:
            print(line.replace("\N{NARROW NO-BREAK SPACE}", " "), flush=True)

    def _task(self, event: Mapping[str, Any]) -> str:
        what = _name(event)
        if event["state"] == "started":
            self._started = event["time"]
            return f"{what}: started by bakeoff {__version__}, commit {revision()}"
        return f"{what}: finished after {duration(event['time'] - self._started)}"

    def _line(self, event: Mapping[str, Any]) -> str:
        return str(event["text"])

    def _warning(self, event: Mapping[str, Any]) -> str:
        return f"warning: {event['message']}"

    def _epoch(self, event: Mapping[str, Any]) -> str:
        if before := event.get("before"):
            last = event["epoch"] == before
            return f"{_name(event)}: goes on after epoch {before}/{event['epochs']}" if last else ""
        facts = [
            f"loss {event['train_loss']:.3f}",
            f"validation loss {event['validation_loss']:.3f}",
        ]
        if event.get("validation_accuracy") is not None:
            facts.append(f"validation accuracy {event['validation_accuracy']:.3f}")
        facts.append(duration(event["seconds"]))
        if event.get("left"):
            facts.append(f"at most {duration(event['left'])} left")
        return f"{_name(event)}: epoch {event['epoch']}/{event['epochs']}, {', '.join(facts)}"

    def _download(self, event: Mapping[str, Any]) -> str:
        if event["name"] in self._downloads:
            return ""
        self._downloads.add(event["name"])
        of = f", {size(event['total'])}" if event["total"] else ""
        return f"download of {event['name']} begins{of}"


def _name(event: Mapping[str, Any]) -> str:
    """Task, model and seed, as far as the event knows them."""
    seed = "" if event.get("seed") is None else f"seed {event['seed']}"
    return " ".join(filter(None, (event.get("task"), event.get("model"), seed)))
