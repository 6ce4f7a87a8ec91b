"""Bringing a finished run to Weights & Biases: what was recorded offline, and what is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_manifest, write_json
from bakeoff.errors import UserError
from bakeoff.evaluation.predictions import read_evaluation
from bakeoff.running.runs import RunFolder, model_folder
from bakeoff.running.store import in_store
from bakeoff.studies import STUDIES
from bakeoff.tracking import LEADERBOARD, Identity
from bakeoff.tracking.identity import suffixed
from bakeoff.tracking.upload import Upload, owner, upload_folders

Watch = Callable[[str, str], None]


def sync(run: RunFolder, *, project: str, suffix: str = "", watch: Watch = lambda *_: None) -> None:
    """Upload every training of a run, one W&B run each, and the run `leaderboard`.

    A training that the server has not seen comes from the folders that were recorded offline, if
    there are any; then, and where a training was cut off, epochs, charts and artifacts that are
    missing come from the results themselves. What is there already is not repeated.

    Args:
        run: a finished run.
        project: the W&B project.
        suffix: ends the ids, as W&B takes no id again that was deleted.
        watch: called with each run's name and address once it is there.

    Raises:
        UserError: the run has not finished, a model was removed, or W&B does not take something;
            what came before is there, and the same call goes on.
    """
    results = run.results
    artifacts = _evaluations(run)
    with tempfile.TemporaryDirectory(prefix="bakeoff-wandb-") as scratch:
        for entry in [*results["models"], *results.get("autoencoders", ())]:
            _upload(run, entry, artifacts, project, suffix, Path(scratch), watch)
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
            watch(LEADERBOARD, upload.url)


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
    from bakeoff.report.wandb_report import save, wandb_report

    results = run.results
    entity = owner(leaderboard_id(results, suffix), project)
    if not entity:
        raise UserError(
            f"run {run.path.name} is not in the W&B project {project}: upload it with bakeoff sync"
        )
    report = wandb_report(
        results,
        entity=entity,
        project=project,
        leaderboard=leaderboard_id(results, suffix),
        pairs=STUDIES[results["study"]].pairs,
        suffix=suffix,
    )
    facts = run.facts
    facts["wandb_report"], address = save(report, facts.get("wandb_report", ""))
    write_json(run.path / "run.json", facts)
    return address


def _upload(
    run: RunFolder,
    entry: dict[str, Any],
    artifacts: list[Path],
    project: str,
    suffix: str,
    scratch: Path,
    watch: Watch,
) -> None:
    """One training and its evaluation."""
    folder = model_folder(run, entry)
    identity = replace(Identity.of_models(folder.parent), group=entry["wandb"]["group"])
    recorded = entry["wandb"]["id"]
    run_id = suffixed(recorded, suffix)
    offline = [
        path
        for artifact in (folder.parent, *artifacts)
        for path in sorted(artifact.glob(f"wandb/offline-run-*-{recorded}"))
    ]
    upload = partial(
        Upload,
        run_id,
        folder.name,
        {"model": entry["model"], "seed": entry["seed"], **entry["config"]},
        job="evaluate",
        identity=identity,
        project=project,
        scratch=scratch,
    )
    if offline and not owner(run_id, project):
        # Begun here, it is refused at once where it is refused: the client would try for hours.
        with upload():
            pass
        upload_folders(offline, run_id, project, scratch)
    with upload() as opened:
        for record in entry["history"]:
            opened.epoch(record)
        opened.use_dataset()
        if "test" in entry:
            test = read_evaluation(_evaluation(artifacts, folder.name)).test
            opened.log_evaluation(entry, folder, test.labels, test.probabilities, again=False)
        else:
            opened.log_evaluation(entry, folder, again=False)
        watch(folder.name, opened.url)


def _evaluations(run: RunFolder) -> list[Path]:
    """The "evaluations" artifacts that the comparison of a run was made from."""
    comparison = in_store(run.path.parent, run.facts["comparison"])
    inputs = read_manifest(comparison, "comparison")["inputs"]
    paths = [source["path"] for name, source in inputs.items() if name.startswith("evaluations")]
    return [in_store(run.path.parent, path) for path in paths]


def _evaluation(artifacts: list[Path], name: str) -> Path:
    return next(path for path in (a / name for a in artifacts) if path.is_dir())


def _about(run: RunFolder, results: dict[str, Any]) -> dict[str, Any]:
    """What trainings of the run say of it, too."""
    return dict(Identity.of_models(model_folder(run, results["models"][0]).parent).about)
