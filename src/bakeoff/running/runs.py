"""The folder of one run, finding it by name, and clearing what no run needs any more."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bakeoff.artifacts import MANIFEST, read_json, read_manifest
from bakeoff.errors import UserError, unknown_name

STORE = ".store"


@dataclass(frozen=True)
class RunFolder:
    """One bake-off: run.json, and once finished results.json and report.html."""

    path: Path

    @property
    def facts(self) -> dict[str, Any]:
        return read_json(self.path / "run.json")

    @property
    def results(self) -> dict[str, Any]:
        """Everything the report shows.

        Raises:
            UserError: the run has not finished.
        """
        if not (self.path / "results.json").exists():
            raise UserError(
                f"run {self.path.name} is {self.facts['status']} and has no results; "
                "run its command again to finish it"
            )
        return read_json(self.path / "results.json")

    @property
    def report(self) -> Path:
        return self.path / "report.html"


def store(root: Path) -> Path:
    """What the steps of all runs wrote."""
    return root.resolve() / STORE


def find_run(root: Path, name: str) -> RunFolder:
    """The run of that name; `latest` is the newest that has finished.

    Raises:
        UserError: there is none.
    """
    runs = sorted(path.parent for path in root.glob("*/run.json"))
    if name == "latest":
        finished = [path for path in runs if (path / "results.json").exists()]
        if not finished:
            raise UserError(f"no finished run in {root}; start one with: bakeoff run sentiment")
        return RunFolder(finished[-1])
    for path in runs:
        if path.name == name:
            return RunFolder(path)
    raise unknown_name("run", name, ["latest", *(path.name for path in runs)])


def trainings(results: dict[str, Any], model: str) -> list[dict[str, Any]]:
    """What `results` hold of each training of a model, in the order of seeds.

    Raises:
        UserError: the run has no such model.
    """
    entries = [entry for entry in results["models"] if entry["model"] == model]
    if not entries:
        raise unknown_name("model", model, [row["model"] for row in results["leaderboard"]])
    return entries


def moved(run: RunFolder, path: str) -> Path:
    """Where something in the store is now, if the folder of all runs was moved or mounted."""
    parts = Path(path).parts
    if STORE not in parts:
        return Path(path)
    return store(run.path.parent).joinpath(*parts[parts.index(STORE) + 1 :])


def model_folder(run: RunFolder, training: dict[str, Any]) -> Path:
    """Where a training of `trainings` is kept.

    Raises:
        UserError: it was removed.
    """
    folder = moved(run, training["folder"])
    if not (folder / "model.json").exists():
        raise UserError(f"the model is gone from {folder}; run the bake-off again")
    return folder


def clean(root: Path) -> int:
    """Remove what steps wrote and no run in `root` needs any more; returns the bytes freed.

    A finished run needs what its results were made from; one that has not finished needs all that
    was written while it ran, to go on from there.
    """
    needed: set[Path] = set()
    runs = {path: read_json(path) for path in root.glob("*/run.json")}
    for run in runs.values():
        if run.get("comparison"):
            _follow(Path(run["comparison"]), needed)
    freed = 0
    kept, spans = {folder.parent for folder in needed}, _unfinished(runs)
    for task in store(root).glob("*/*"):
        unfinished = any(start <= task.stat().st_mtime <= end for start, end in spans)
        if task.is_dir() and task not in kept and not unfinished:
            freed += sum(p.stat().st_size for p in task.rglob("*") if p.is_file())
            shutil.rmtree(task)
    for folder in store(root).iterdir() if store(root).exists() else ():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return freed


def _unfinished(runs: dict[Path, dict[str, Any]]) -> list[tuple[float, float]]:
    """Start and end of each run that has not finished, and that no later one finished instead."""
    finished = [run for run in runs.values() if run["status"] == "finished"]
    spans = []
    for path, run in runs.items():
        later = (f["created"] > run["created"] for f in finished if f["plan"] == run["plan"])
        if run["status"] != "finished" and not any(later):
            start = datetime.fromisoformat(run["created"]).timestamp()
            running = run["status"] == "running"
            spans.append((start, math.inf if running else path.stat().st_mtime))
    return spans


def _follow(artifact: Path, needed: set[Path]) -> None:
    """Add an artifact, and what its manifest says it was made from."""
    if artifact in needed or not (artifact / MANIFEST).exists():
        return
    needed.add(artifact)
    for source in read_manifest(artifact)["inputs"].values():
        _follow(Path(source["path"]), needed)
