"""The folder of one run, finding it by name, and clearing what no run needs any more."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from bakeoff.artifacts import (
    MANIFEST,
    RESULTS_FORMAT,
    explained_write_errors,
    read_json,
    read_manifest,
)
from bakeoff.errors import UserError, unknown_name

STORE = ".store"
_LOCK = "lock"


@dataclass(frozen=True)
class RunFolder:
    """One bake-off: run.json, and once finished results.json and report.html."""

    path: Path

    @property
    def facts(self) -> dict[str, Any]:
        return read_json(self.path / "run.json")

    @property
    def status(self) -> str:
        """running, finished, failed or interrupted, as a run is whose process was killed."""
        status = self.facts["status"]
        alive = status != "running" or _is_in_use(self.path.parent)
        return status if alive else "interrupted"

    @property
    def results(self) -> dict[str, Any]:
        """Everything the report shows.

        Raises:
            UserError: the run has not finished, or an older version made it.
        """
        if not (self.path / "results.json").exists():
            status = self.status
            advice = "wait for its end" if status == "running" else "run its command again"
            raise UserError(f"run {self.path.name} is {status} and has no results; {advice}")
        results = read_json(self.path / "results.json")
        if results.get("format") != RESULTS_FORMAT:
            raise UserError(
                f"run {self.path.name} was made by another version of bakeoff; look at "
                f"{self.report}, or run its command again"
            )
        return results

    @property
    def report(self) -> Path:
        return self.path / "report.html"


def store(root: Path) -> Path:
    """What the steps of all runs wrote."""
    return root.resolve() / STORE


@contextmanager
def using_store(root: Path) -> Iterator[int]:
    """Let no `clean` remove what a run may use; waits for one that is at work.

    Yields a file descriptor. The lock lasts until this process has left the context or died, and so
    has every process that inherited the descriptor.
    """
    with explained_write_errors(store(root)):
        store(root).mkdir(parents=True, exist_ok=True)
        lock = (store(root) / _LOCK).open("a")
    with lock:
        with suppress(OSError):  # A file system without locks, on which `clean` refuses to work.
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock.fileno()


def _is_in_use(root: Path) -> bool:
    try:
        with (store(root) / _LOCK).open() as lock:
            return not _lock_alone(lock)
    except FileNotFoundError:
        return False


def _lock_alone(lock: IO[str]) -> bool:
    """Take the lock of a store until the file is closed, unless a run holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


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

    A finished run needs what its results were made from; one that was interrupted or failed needs
    all that was written while it ran, to go on from there.

    Raises:
        UserError: a run in `root` is going on; it may use anything in the store.
    """
    if not store(root).exists():
        return 0
    with explained_write_errors(store(root)):
        lock = (store(root) / _LOCK).open("a")
    with lock:
        if not _lock_alone(lock):
            raise UserError(
                f"a bake-off is running in {root} (or its file system has no locks, so that nobody "
                "can tell): run clean again when it has ended"
            )
        return _remove_unneeded(root)


def _remove_unneeded(root: Path) -> int:
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
    for folder in store(root).iterdir():
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
            end = max(file.stat().st_mtime for file in path.parent.rglob("*"))
            spans.append((start, end))
    return spans


def _follow(artifact: Path, needed: set[Path]) -> None:
    """Add an artifact, and what its manifest says it was made from."""
    if artifact in needed or not (artifact / MANIFEST).exists():
        return
    needed.add(artifact)
    for source in read_manifest(artifact)["inputs"].values():
        _follow(Path(source["path"]), needed)
