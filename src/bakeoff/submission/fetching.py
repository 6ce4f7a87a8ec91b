"""Bringing what a run on a cluster left into the folder of runs, where all commands work on it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from bakeoff.artifacts import (
    MANIFEST,
    RESULTS_FORMAT,
    make_folder,
    read_facts,
    read_manifest,
    write_json,
)
from bakeoff.errors import UserError, unknown_name
from bakeoff.report.summary import all_trainings
from bakeoff.running.runs import RunFolder
from bakeoff.running.store import store, using_store
from bakeoff.s3 import Folder, mounted
from bakeoff.submission.api import Pipelines
from bakeoff.submission.following import ENDED
from bakeoff.submission.kubeconfig import Kubeconfig
from bakeoff.submission.storage import key_of
from bakeoff.submission.workflow import outputs_of, tasks

WINNER, ALL, NONE = "winner", "all", "none"
"""Words that name models beside their own names."""


def fetch(
    kfp: Pipelines,
    run_id: str,
    root: Path,
    *,
    models: Sequence[str] = (WINNER,),
    data: bool = False,
) -> RunFolder:
    """Bring results, report and trained models of a run into `root`.

    Args:
        kfp: where it ran.
        run_id: which.
        root: the folder of all runs.
        models: names of models, or winner, all, none.
        data: whether to bring what it trained on too, which `bakeoff evaluate` keeps out of what
            it scores.

    Returns:
        The run's folder; one that was fetched before is brought up to date.

    Raises:
        UserError: the run has not succeeded, another version of bakeoff made it, it has no such
            model, or its artifacts cannot be had.
    """
    run = kfp.run(run_id)
    state = run.get("state", "PENDING")
    if state != "SUCCEEDED":
        raise UserError(
            f"run {run_id} is {state.lower()} and has no results{_more(kfp, run_id, state)}"
        )
    address = next(outputs_of(tasks(kfp.workflow(run_id), {}), "comparison"), None)
    if address is None:
        raise UserError(f"{kfp.host} tells no comparison of run {run_id}: it is not of bakeoff")
    with using_store(root):
        folder = _fetched_before(root, run_id) or root.resolve() / _name(run)
        kept = store(root) / folder.name
        try:
            results = _results(address, kept, run_id)
            wanted = _wanted(results, models)
            manifest = read_manifest(_place(kept, address), "comparison")
            for name, source in manifest["inputs"].items():
                _bring(source["seen"], kept, {MANIFEST} if name == "dataset" and not data else None)
            for entry in all_trainings(results):
                if entry["model"] in wanted:
                    trained = PurePosixPath(entry["folder"])
                    _bring(str(trained.parent), kept, {MANIFEST, trained.name})
                entry["folder"] = str(_place(kept, entry["folder"]))
            _write(kfp, run, results, folder, comparison=_place(kept, address))
        except BaseException:
            if not (folder / "run.json").exists():
                shutil.rmtree(kept, ignore_errors=True)
            raise
    return RunFolder(folder)


def _more(kfp: Pipelines, run_id: str, state: str) -> str:
    """What becomes of a run that has not succeeded."""
    if state in ENDED:
        return ""
    gone = Kubeconfig(run_id, kfp.namespace).noticed(kfp.workflow(run_id))
    return f"; {gone}" if gone else f"; wait for its end: bakeoff follow {run_id}"


def _fetched_before(root: Path, run_id: str) -> Path | None:
    for path in sorted(root.resolve().glob("*/run.json")):
        if read_facts(path).get("kfp", {}).get("run_id") == run_id:
            return path.parent
    return None


def _name(run: Mapping[str, Any]) -> str:
    """As runs of this machine are called; the run's id keeps it apart."""
    created = datetime.fromisoformat(run["created_at"]).astimezone(UTC)
    return f"{created:%Y%m%d-%H%M%S}-kfp-{run['run_id'][:8]}"


def _results(address: str, kept: Path, run_id: str) -> dict[str, Any]:
    path = _bring(address, kept) / "results.json"
    if not path.exists():
        raise UserError(f"{address} holds no results.json: run {run_id} is none of bakeoff's")
    results = read_facts(path)
    if results.get("format") != RESULTS_FORMAT:
        raise UserError(
            f"run {run_id} was made by another version of bakeoff: install that of its image, or "
            "look at the report on its page"
        )
    return results


def _wanted(results: dict[str, Any], models: Sequence[str]) -> set[str]:
    known = dict.fromkeys(entry["model"] for entry in all_trainings(results))
    words = {WINNER: {results["winner"]["model"]}, ALL: set(known), NONE: set()}
    wanted: set[str] = set()
    for name in models:
        if name not in words and name not in known:
            raise unknown_name("model", name, [*words, *known])
        wanted |= words.get(name, {name})
    return wanted


def _place(kept: Path, path: str) -> Path:
    """Where an artifact is kept that is known by its address, or by the path a step saw it at."""
    return kept.joinpath(*key_of(_address(path)).parts)


def _address(path: str) -> str:
    return (mounted(path) or path).partition("?")[0]


def _bring(path: str, kept: Path, only: set[str] | None = None) -> Path:
    """Bring an artifact, or what `only` names of it, and have its manifest name what it was made
    from by where that is kept here; returns its folder.
    """
    folder = _place(kept, path)
    Folder(_address(path)).download(folder, only=only)
    if (folder / MANIFEST).exists():
        _relink(folder, kept)
    return folder


def _relink(folder: Path, kept: Path) -> None:
    manifest = read_manifest(folder)
    for source in manifest["inputs"].values():
        source["seen"] = source.get("seen", source["path"])
        source["path"] = str(_place(kept, source["seen"]))
    write_json(folder / MANIFEST, manifest)


def _write(
    kfp: Pipelines, run: Mapping[str, Any], results: dict[str, Any], folder: Path, comparison: Path
) -> None:
    """The run's own folder; run.json last, by which others find it."""
    import yaml

    from bakeoff.pipelines.form import given
    from bakeoff.report import write_report

    run_id = run["run_id"]
    command = shlex.join(["bakeoff", "fetch", run_id, "--host", kfp.host])
    results["run"] = {"id": folder.name, "command": command}
    kept: dict[str, Any] = {}
    if (folder / "run.json").exists():  # What was done here since stays.
        kept = {k: v for k, v in read_facts(folder / "run.json").items() if k == "wandb"}
        with suppress(UserError):
            earlier = read_facts(folder / "results.json")
            results |= {k: v for k, v in earlier.items() if k == "transfer"}
    make_folder(folder)
    if spec := run.get("pipeline_spec"):
        documents = [spec[key] for key in ("pipeline_spec", "platform_spec") if key in spec]
        text = yaml.safe_dump_all(documents or [spec], allow_unicode=True)
        (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    write_json(folder / "results.json", results)
    write_report(results, folder / "report.html")
    created, ended = (datetime.fromisoformat(run[key]) for key in ("created_at", "finished_at"))
    write_json(
        folder / "run.json",
        {
            "id": folder.name,
            "created": created.isoformat(timespec="seconds"),
            "status": "finished",
            "runner": "kfp",
            "command": command,
            "kfp": {
                "run_id": run_id,
                "name": run.get("display_name", ""),
                "page": kfp.link(run_id),
            },
            "plan": {
                "data": results["dataset"]["source"]["name"],
                **given(run, results["dataset"]["modality"]),
                "study": results["study"],
                "preset": results["preset"],
                "models": {entry["model"]: entry["config"] for entry in results["models"]},
            },
            "seconds": (ended - created).total_seconds(),
            "group": results["group"],
            "commit": results["commit"],
            "comparison": str(comparison),
            **kept,
        },
    )
