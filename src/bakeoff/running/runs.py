"""The folder of one run, and finding it by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.artifacts import RESULTS_FORMAT, lacks, read_facts
from bakeoff.errors import UserError, unknown_name
from bakeoff.running.store import in_store, is_going_on


@dataclass(frozen=True)
class RunFolder:
    """One bake-off: run.json, and once finished results.json and report.html."""

    path: Path

    @property
    def facts(self) -> dict[str, Any]:
        return read_facts(self.path / "run.json")

    @property
    def status(self) -> str:
        """running, finished, failed or interrupted, as a run is whose process was killed."""
        status = self.facts["status"]
        alive = status != "running" or is_going_on(self.path)
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
        results = read_facts(self.path / "results.json")
        if results.get("format") != RESULTS_FORMAT:
            raise UserError(
                f"run {self.path.name} was made by another version of bakeoff; look at "
                f"{self.report}, or run its command again"
            )
        return results

    @property
    def report(self) -> Path:
        return self.path / "report.html"


def find_run(root: Path, name: str) -> RunFolder:
    """The run of that name, or the only one whose name begins so; `latest` is the newest that has
    finished.

    Raises:
        UserError: there is none, or more than one.
    """
    runs = [RunFolder(path.parent) for path in sorted(root.glob("*/run.json"))]
    finished = [run for run in runs if (run.path / "results.json").exists()]
    if name == "latest":
        if not finished:
            raise UserError(f"no finished run in {root}; start one with: bakeoff run sentiment")
        return finished[-1]
    for run in runs:
        if run.path.name == name:
            return run
    for among in (finished, runs):
        found = [run for run in among if name and run.path.name.startswith(name)]
        if len(found) > 1:
            listed = ", ".join(run.path.name for run in found)
            raise UserError(f"run {name!r} may be any of {listed}; give more of its name")
        if found:
            return found[0]
    raise unknown_name("run", name, ["latest", *(run.path.name for run in finished)])


def trainings(results: dict[str, Any], model: str) -> list[dict[str, Any]]:
    """What `results` hold of each training of a model, in the order of seeds.

    Raises:
        UserError: the run has no such model.
    """
    entries = [entry for entry in results["models"] if entry["model"] == model]
    if not entries:
        raise unknown_name("model", model, dict.fromkeys(e["model"] for e in results["models"]))
    return entries


def model_folder(run: RunFolder, training: dict[str, Any], wanted: str = "") -> Path:
    """Where a training of `trainings` is kept.

    Args:
        run: it is of.
        training: as results.json holds it.
        wanted: what `fetch --models` is to bring where it is not there; "": this model.

    Raises:
        UserError: it was removed, or not fetched, as a whole or in part.
    """
    folder, model = in_store(run.path.parent, training["folder"]), training["model"]
    if not (folder / "model.json").exists() or lacks(folder.parent, f"{folder.name}/"):
        raise gone(run, f"the model {model}", folder.parent, f"--models {wanted or model}")
    return folder


def gone(run: RunFolder, what: str, artifact: Path, option: str) -> UserError:
    """The error for a part of an artifact that is not there, or not whole; `option` fetches it."""
    if fetched := run.facts.get("kfp"):
        return UserError(f"{what} was not fetched: bakeoff fetch {fetched['run_id']} {option}")
    # The cache of steps knows only that the artifact is there.
    again = "remove that and run" if artifact.exists() else "run"
    return UserError(f"{what} is gone from {artifact}, or not whole; {again} the bake-off again")
