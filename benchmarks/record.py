"""Writes a measurement with its date, machine, versions and number of repetitions."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff.artifacts import write_json
from bakeoff.environment import machine, versions

RESULTS = Path(__file__).parent / "results"


def record(name: str, n: int, **figures: Any) -> None:
    """Save figures as results/<date>-<name>.json and print those that are no lists or tables."""
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d}-{name}.json"
    facts = {"date": now.isoformat(timespec="seconds"), "machine": machine()}
    write_json(path, {**facts, "versions": versions(), "n": n, **figures})
    for key, value in figures.items():
        if isinstance(value, list | dict):
            continue
        print(f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {value}")
    print(path)


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command to its end; wall-clock seconds and the peak memory, in MB, of all its processes
    together, sampled five times a second.
    """
    started, peak = time.monotonic(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None:
        peak = max(peak, _tree_memory(process.pid))
        time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with code {process.returncode}")
    return time.monotonic() - started, peak


def _tree_memory(root: int) -> float:
    """Proportional set size, in MB, of a process and all below it."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(fields[1])
    family, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    total = 0
    for pid in family:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024
