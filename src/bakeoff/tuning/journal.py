"""What is known of the trials of a search: told by each epoch, kept in files, so that a search that
was interrupted goes on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bakeoff import events
from bakeoff.patience import StoreAwayError
from bakeoff.training.places import Place, names_in, read_whole, write_whole

State = Literal["running", "finished", "stopped", "failed"]


@dataclass(kw_only=True)
class Record:
    """One trial."""

    number: int
    """0 has the settings that the model has anyway."""
    settings: dict[str, Any]
    """Path → value, of the settings that are searched."""
    state: State = "running"
    reports: list[dict[str, Any]] = field(default_factory=list)
    """One an epoch: epoch, epochs (planned; 0 of a model without any, which reports once),
    share (of the training, in per cent), merit (the best so far, greater is better), score (of this
    epoch on validation), seconds (so far). A finished trial's last one has `values`, what each
    validation row adds to the score, and their score."""
    error: str = ""
    """Why it failed."""

    @property
    def merit(self) -> float | None:
        """The best so far."""
        return self.reports[-1]["merit"] if self.reports else None

    @property
    def seconds(self) -> float:
        return self.reports[-1]["seconds"] if self.reports else 0.0

    @property
    def values(self) -> list[float] | None:
        """What each row of validation adds to the score of a finished trial."""
        return self.reports[-1].get("values") if self.reports else None


class Journal:
    """The records of one search, each a file in a folder or in S3."""

    def __init__(self, where: Place) -> None:
        self._where = where
        self.records: dict[int, Record] = {}
        names = set(names_in(where))
        # Trials are told again by their number: none may be missing before another.
        while (name := _name(number := len(self.records))) in names:
            self.records[number] = Record(**json.loads(read_whole(where, name) or b""))

    def write(self, record: Record) -> None:
        self.records[record.number] = record
        content = json.dumps(asdict(record), indent=1).encode()
        try:
            write_whole(self._where, _name(record.number), content)
        except StoreAwayError as error:
            # The search needs it only if it is interrupted.
            events.emit("warning", message=f"{error}; the search goes on")

    @property
    def ended(self) -> dict[int, Record]:
        """Those that need not be run again, by number."""
        ended = {n: record for n, record in self.records.items() if record.state != "running"}
        return dict(sorted(ended.items()))

    @property
    def seconds(self) -> float:
        """What all trials took together."""
        return sum(record.seconds for record in self.records.values())


def _name(number: int) -> str:
    return f"trial-{number}.json"
