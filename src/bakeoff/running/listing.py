"""All runs of a folder, at a glance."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff.data.frames import name_of
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import METRICS
from bakeoff.running.runs import RunFolder
from bakeoff.running.store import size_of, store


def listing(root: Path) -> list[dict[str, Any]]:
    """The runs in a folder, the newest first.

    Args:
        root: the folder that holds all runs.

    Returns:
        run, status, study, preset, data (name), model (the winner), metric, score (of the winner on
        test), bytes (of the run's folder and of what its steps wrote), created and age (seconds).
        What a run does not tell, such as one that has no results, is None.
    """
    runs = [RunFolder(path.parent) for path in sorted(root.glob("*/run.json"), reverse=True)]
    rows = [_row(run, root) for run in runs]
    return sorted(rows, key=lambda row: row["created"] or "", reverse=True)


def _row(run: RunFolder, root: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"run": run.path.name, "status": "damaged"} | dict.fromkeys(
        ("study", "preset", "data", "model", "metric", "score", "bytes", "created", "age")
    )
    own = store(root) / run.path.name
    row["bytes"] = size_of(run.path) + (size_of(own) if own.exists() else 0)
    try:
        facts = run.facts
        created = facts["created"]
        row |= {
            "status": run.status,
            **{name: facts["plan"][name] for name in ("study", "preset")},
            "data": name_of(facts["plan"]["data"]),
            "created": created,
            "age": (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds(),
        }
        if row["status"] != "finished":
            return row
        results = run.results
        metric = METRICS[results["metric"]]
        name = results["winner"]["model"]
        best = next(one for one in results["leaderboard"] if one["model"] == name)
        row |= {"model": name, "metric": metric.name, "score": best[metric.key]}
    except (UserError, KeyError, ValueError):  # By another version, or damaged.
        pass
    return row
