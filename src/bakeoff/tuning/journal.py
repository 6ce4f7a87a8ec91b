"""What is known of the trials of a search: told by each epoch, kept in files, so that a search that
was interrupted goes on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bakeoff.artifacts import read_json, write_json

State = Literal["running", "finished", "stopped", "failed"]


@dataclass(kw_only=True)
class Record:
    """One trial."""

    number: int
    """0 has the settings that the network has anyway."""
    settings: dict[str, Any]
    """Path → value, of the settings that are searched."""
    state: State = "running"
    reports: list[dict[str, Any]] = field(default_factory=list)
    """One an epoch: epoch, epochs (planned), share (of the training, in per cent), merit (the best
    so far, greater is better), score (of this epoch on validation), seconds (so far). A finished
    trial's last one has `values`, what each validation row adds to the score, and their score."""
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
    """The records of one search, each a file in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        found = [Record(**read_json(path)) for path in folder.glob("trial-*.json")]
        self.records = {record.number: record for record in sorted(found, key=lambda r: r.number)}

    def write(self, record: Record) -> None:
        self.records[record.number] = record
        write_json(self._folder / f"trial-{record.number}.json", asdict(record))

    @property
    def ended(self) -> dict[int, Record]:
        """Those that need not be run again, by number."""
        return {n: record for n, record in self.records.items() if record.state != "running"}

    @property
    def seconds(self) -> float:
        """What all trials took together."""
        return sum(record.seconds for record in self.records.values())
