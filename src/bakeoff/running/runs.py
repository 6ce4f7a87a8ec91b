"""The folder of one run, finding it by name, and clearing what no run needs any more."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.artifacts import MANIFEST, read_json, read_manifest
from bakeoff.errors import UserError, unknown_name


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
    return root.resolve() / ".store"


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


def clean(root: Path) -> int:
    """Remove what steps wrote and no run in `root` names any more; returns the bytes freed."""
    needed: set[Path] = set()
    for path in root.glob("*/run.json"):
        comparison = read_json(path).get("comparison")
        if comparison:
            _follow(Path(comparison), needed)
    freed = 0
    kept = {folder.parent for folder in needed}
    for task in store(root).glob("*/*"):
        if task.is_dir() and task not in kept and task.parent.name != "checkpoints":
            freed += sum(p.stat().st_size for p in task.rglob("*") if p.is_file())
            shutil.rmtree(task)
    for run in store(root).iterdir() if store(root).exists() else ():
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()
    return freed


def _follow(artifact: Path, needed: set[Path]) -> None:
    """Add an artifact, and what its manifest says it was made from."""
    if artifact in needed or not (artifact / MANIFEST).exists():
        return
    needed.add(artifact)
    for source in read_manifest(artifact)["inputs"].values():
        _follow(Path(source["path"]), needed)
