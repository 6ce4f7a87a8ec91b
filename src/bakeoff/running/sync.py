"""Bringing a finished run to Weights & Biases: what was recorded offline, and what is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_manifest, write_json
from bakeoff.errors import UserError
from bakeoff.evaluation.predictions import read_evaluation
from bakeoff.running.apart import Call, apart
from bakeoff.running.runs import RunFolder, model_folder
from bakeoff.running.store import in_store
from bakeoff.studies import STUDIES
from bakeoff.tracking import LEADERBOARD, Identity
from bakeoff.tracking.identity import suffixed
from bakeoff.tracking.mode import server
from bakeoff.tracking.upload import Upload, owner, upload_folders

GRACE_SECONDS = 120.0
"""What an upload may take however small it is; for ever would be the client's choice."""
BYTES_PER_SECOND = 100_000
"""The slowest line that is waited for."""

Watch = Callable[[str, str], None]


def sync(run: RunFolder, *, project: str, suffix: str = "", watch: Watch = lambda *_: None) -> None:
    """Upload every training of a run, one W&B run each, what trials of a search were recorded
    offline, and the run `leaderboard`.

    A training that the server has not seen comes from the folders that were recorded offline, if
    there are any; then, and where a training was cut off, epochs, charts and artifacts that are
    missing come from the results themselves. What is there already is not repeated.

    Args:
        run: a finished run.
        project: the W&B project.
        suffix: ends the ids, as W&B takes no id again that was deleted.
        watch: called with each run's name and "" before, then with its address once it is there.

    Raises:
        UserError: the run has not finished, a model was removed, or W&B does not take something or
            not in time; what came before is there, and the same call goes on.
    """
    results = run.results
    artifacts = _inputs(run, "evaluations")
    scratch = tempfile.mkdtemp(prefix="bakeoff-wandb-")
    with apart(scratch) as call:
        for entry in [*results["models"], *results.get("autoencoders", ())]:
            folder = model_folder(run, entry)
            offline = [
                path
                for artifact in (folder.parent, *artifacts)
                for path in sorted(artifact.glob(f"wandb/offline-run-*-{entry['wandb']['id']}"))
            ]
            watch(folder.name, "")
            job = partial(_upload, entry, folder, offline, artifacts, project, suffix, scratch)
            watch(folder.name, _in_time(call, folder.name, [folder, *offline], job))
        for run_id, folders in _offline_trials(run).items():
            before, _, after = run_id.rpartition("-seed")
            name = f"{before}-seed{after.partition('-')[0]}"
            watch(name, "")
            job = partial(_upload_trial, run_id, name, folders, project, suffix, scratch)
            watch(name, _in_time(call, name, folders, job))
        watch(LEADERBOARD, "")
        job = partial(_upload_leaderboard, run, results, project, suffix, scratch)
        watch(LEADERBOARD, _in_time(call, LEADERBOARD, [], job))


def leaderboard_id(results: dict[str, Any], suffix: str = "") -> str:
    """The id of a run's W&B run `leaderboard`."""
    whole = Identity(group=results["group"]).of_whole()
    return suffixed(whole.run_id(LEADERBOARD, None), suffix)


def report_to_wandb(run: RunFolder, *, project: str, suffix: str = "") -> str:
    """Build the W&B Report of a run whose trainings are there, in place of an earlier one.

    Returns:
        Its address.

    Raises:
        UserError: the run has not finished, is not in W&B, or W&B does not take the report.
    """
    facts = run.facts
    earlier = facts.get("wandb_report", "")
    with apart(tempfile.mkdtemp(prefix="bakeoff-wandb-")) as call:
        job = partial(_report, run.path.name, run.results, project, suffix, earlier)
        facts["wandb_report"], address = _in_time(call, "the report", [], job)
    write_json(run.path / "run.json", facts)
    return address


def _in_time(call: Call, what: str, folders: Iterable[Path], job: Callable[[], Any]) -> Any:
    """What a job gives that uploads folders, and `what` they are to a person.

    Raises:
        UserError: it takes longer than a slow line would.
    """
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    seconds = GRACE_SECONDS + sum(path.stat().st_size for path in files) / BYTES_PER_SECOND
    try:
        return call(job, seconds=seconds)
    except TimeoutError:
        raise UserError(
            f"{server()} did not take {what} within {seconds:.0f} s; once it answers, the same "
            "command goes on where it stopped"
        ) from None


def _upload(
    entry: dict[str, Any],
    folder: Path,
    offline: list[Path],
    artifacts: list[Path],
    project: str,
    suffix: str,
    scratch: str,
) -> str:
    """One training and its evaluation; its address."""
    identity = replace(Identity.of_models(folder.parent), group=entry["wandb"]["group"])
    run_id = suffixed(entry["wandb"]["id"], suffix)
    upload = partial(
        Upload,
        run_id,
        folder.name,
        {"model": entry["model"], "seed": entry["seed"], **entry["config"]},
        job="evaluate",
        identity=identity,
        project=project,
        scratch=Path(scratch),
    )
    if offline and not owner(run_id, project):
        # Begun here, it is refused at once where it is refused: the client would try for hours.
        with upload() as begun:
            entity = begun.entity
        upload_folders(offline, run_id, project, entity, Path(scratch))
    with upload() as opened:
        for record in entry["history"]:
            opened.epoch(record)
        opened.use_dataset()
        if "test" in entry:
            test = read_evaluation(_evaluation(artifacts, folder.name)).test
            opened.log_evaluation(entry, folder, test.labels, test.probabilities, again=False)
        else:
            opened.log_evaluation(entry, folder, again=False)
        return opened.url


def _offline_trials(run: RunFolder) -> dict[str, list[Path]]:
    """The id of each trial that was recorded offline → what the client wrote."""
    found: dict[str, list[Path]] = {}
    for artifact in _inputs(run, "trials"):
        for folder in sorted(artifact.glob("wandb/*/offline-run-*")):
            found.setdefault(folder.name.split("-", 3)[3], []).append(folder)
    return found


def _upload_trial(
    run_id: str, name: str, folders: list[Path], project: str, suffix: str, scratch: str
) -> str:
    """One trial, unless it is there already; its address."""
    run_id = suffixed(run_id, suffix)
    there = owner(run_id, project)
    identity = Identity.of_models(folders[0].parents[2], "trials")
    with Upload(
        run_id, name, {}, job="trial", identity=identity, project=project, scratch=Path(scratch)
    ) as opened:
        entity = opened.entity
    if not (there and all(any(folder.glob("*.synced")) for folder in folders)):
        upload_folders(folders, run_id, project, entity, Path(scratch))
    return opened.url


def _upload_leaderboard(
    run: RunFolder, results: dict[str, Any], project: str, suffix: str, scratch: str
) -> str:
    """The run `leaderboard`; its address."""
    whole = Identity(group=results["group"], about=_about(run, results)).of_whole()
    with Upload(
        leaderboard_id(results, suffix),
        LEADERBOARD,
        {"metric": results["metric"], "seeds": results["seeds"]},
        job=LEADERBOARD,
        identity=whole,
        project=project,
        scratch=Path(scratch),
    ) as upload:
        upload.log_leaderboard(results)
        return upload.url


def _report(
    name: str, results: dict[str, Any], project: str, suffix: str, earlier: str
) -> tuple[str, str]:
    """Build the report of the run of that name; its id and its address."""
    from bakeoff.report.wandb_report import save, wandb_report

    leaderboard = leaderboard_id(results, suffix)
    entity = owner(leaderboard, project)
    if not entity:
        raise UserError(
            f"run {name} is not in the W&B project {project}: upload it with bakeoff sync"
        )
    report = wandb_report(
        results,
        entity=entity,
        project=project,
        leaderboard=leaderboard,
        pairs=STUDIES[results["study"]].pairs,
        suffix=suffix,
    )
    return save(report, earlier)


def _inputs(run: RunFolder, kind: str) -> list[Path]:
    """The artifacts of a kind that the comparison of a run was made from."""
    comparison = in_store(run.path.parent, run.facts["comparison"])
    inputs = read_manifest(comparison, "comparison")["inputs"]
    paths = [source["path"] for name, source in inputs.items() if name.startswith(kind)]
    return [in_store(run.path.parent, path) for path in paths]


def _evaluation(artifacts: list[Path], name: str) -> Path:
    for artifact in artifacts:
        if (artifact / name).is_dir():
            return artifact / name
    raise UserError(f"the evaluation of {name} is gone; run the bake-off again")


def _about(run: RunFolder, results: dict[str, Any]) -> dict[str, Any]:
    """What trainings of the run say of it, too."""
    return dict(Identity.of_models(model_folder(run, results["models"][0]).parent).about)
