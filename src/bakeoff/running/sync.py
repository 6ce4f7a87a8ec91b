"""Bringing a finished run to Weights & Biases: what was recorded offline, and what is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_manifest, write_json
from bakeoff.errors import UserError
from bakeoff.evaluation.predictions import read_evaluation
from bakeoff.report.summary import all_trainings
from bakeoff.running.apart import Call, apart
from bakeoff.running.runs import RunFolder, model_folder
from bakeoff.running.store import in_store
from bakeoff.studies import STUDIES
from bakeoff.tracking import LEADERBOARD, Identity
from bakeoff.tracking.identity import suffixed
from bakeoff.tracking.mode import project_name, server
from bakeoff.tracking.upload import Upload, owner, upload_folders
from bakeoff.training.trained import as_used

GRACE_SECONDS = 120.0
"""What an upload may take however small it is; for ever would be the client's choice."""
BYTES_PER_SECOND = 100_000
"""The slowest line that is waited for."""

Watch = Callable[[str, str], None]


def sync(run: RunFolder, suffix: str | None = None, watch: Watch = lambda *_: None) -> None:
    """Upload every training of a run, one W&B run each, what trials of a search were recorded
    offline, and the run `leaderboard`.

    A training that the server has not seen comes from the folders that were recorded offline, if
    there are any; then, and where a training was cut off, epochs, charts and artifacts that are
    missing come from the results themselves. What is there already is not repeated.

    Args:
        run: a finished run.
        suffix: ends the ids, as W&B takes no id again that was deleted; None: as the last time.
        watch: called with each run's name and "" before, then with its address once it is there.

    Raises:
        UserError: the run has not finished, a model was removed, or W&B does not take something or
            not in time; what came before is there, and the same call goes on.
    """
    results, place = run.results, _Place.of(run, suffix)
    artifacts = _inputs(run, "evaluations")
    scratch = tempfile.mkdtemp(prefix="bakeoff-wandb-")
    with apart(scratch) as call:
        for entry in all_trainings(results):
            folder = model_folder(run, entry, wanted="all")
            offline = [
                path
                for artifact in (folder.parent, *artifacts)
                for path in sorted(artifact.glob(f"wandb/offline-run-*-{entry['wandb']['id']}"))
            ]
            watch(folder.name, "")
            job = partial(_upload, entry, folder, offline, artifacts, place, scratch)
            watch(folder.name, _in_time(call, folder.name, [folder, *offline], job))
        for run_id, folders in _offline_trials(run).items():
            before, _, after = run_id.rpartition("-seed")
            name = f"{before}-seed{after.partition('-')[0]}"
            watch(name, "")
            job = partial(_upload_trial, run_id, name, folders, place, scratch)
            watch(name, _in_time(call, name, folders, job))
        watch(LEADERBOARD, "")
        job = partial(_upload_leaderboard, run, results, place, scratch)
        watch(LEADERBOARD, _in_time(call, LEADERBOARD, [], job))
    place.remember(run)


def report_to_wandb(run: RunFolder, suffix: str | None = None) -> str:
    """Build the W&B Report of a run whose trainings are there, in place of an earlier one.

    Args:
        run: a finished run.
        suffix: of the ids, as `sync` was given it; None: as the last time.

    Returns:
        Its address.

    Raises:
        UserError: the run has not finished, is not in W&B, or W&B does not take the report.
    """
    place = _Place.of(run, suffix)
    with apart(tempfile.mkdtemp(prefix="bakeoff-wandb-")) as call:
        job = partial(_report, run.path.name, run.results, place)
        reports, address = _in_time(call, "the report", [], job)
    replace(place, reports=reports).remember(run)
    return address


@dataclass(frozen=True)
class _Place:
    """Where in W&B a run is; what run.json remembers of it."""

    project: str
    suffix: str
    """Ends the ids, besides what they ended with when they were recorded."""
    reports: dict[str, str]
    """Server, entity and project → the id of the run's report there."""

    @classmethod
    def of(cls, run: RunFolder, suffix: str | None) -> _Place:
        """As asked for now, else as the last time, else as it was recorded."""
        last = run.facts.get("wandb", {})
        project = project_name(last.get("project") or run.results["wandb"]["project"])
        ending = last.get("suffix", "") if suffix is None else suffix
        return cls(project, ending, last.get("reports", {}))

    def remember(self, run: RunFolder) -> None:
        """Keep it; where nothing can be written it is asked for again."""
        with suppress(UserError):
            write_json(run.path / "run.json", run.facts | {"wandb": asdict(self)})

    def id_of(self, recorded: str) -> str:
        """The id here of a run that was recorded under another."""
        return suffixed(recorded, self.suffix)


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
    place: _Place,
    scratch: str,
) -> str:
    """One training and its evaluation; its address."""
    identity = replace(Identity.of_models(folder.parent), group=entry["wandb"]["group"])
    run_id = place.id_of(entry["wandb"]["id"])
    upload = partial(
        Upload,
        run_id,
        folder.name,
        {"model": entry["model"], "seed": entry["seed"], **as_used(entry)},
        job="evaluate",
        identity=identity,
        project=place.project,
        scratch=Path(scratch),
    )
    with ExitStack() as using:
        # Begun here, it is refused at once where it is refused: the client would try for hours.
        opened = using.enter_context(upload())
        if offline and opened.is_new:
            using.close()
            upload_folders(offline, run_id, place.project, opened.entity, Path(scratch))
            opened = using.enter_context(upload())
        recorded = [path for path in offline if path.is_relative_to(folder.parent)]
        if recorded and _uploaded(recorded):
            opened.has_curves = True
        for record in entry["history"]:
            opened.epoch(record)
        opened.use_dataset()
        if "test" in entry:
            test = read_evaluation(_evaluation(artifacts, folder.name)).test
            opened.log_evaluation(entry, folder, test.labels, test.probabilities, again=False)
        else:
            opened.log_evaluation(entry, folder, again=False)
        return opened.url


def _uploaded(folders: list[Path]) -> bool:
    """Whether the client noted of all that it has uploaded them."""
    return all(any(folder.glob("*.synced")) for folder in folders)


def _offline_trials(run: RunFolder) -> dict[str, list[Path]]:
    """The id of each trial that was recorded offline → what the client wrote."""
    found: dict[str, list[Path]] = {}
    for artifact in _inputs(run, "trials"):
        for folder in sorted(artifact.glob("wandb/*/offline-run-*")):
            found.setdefault(folder.name.split("-", 3)[3], []).append(folder)
    # The shorter first: trial 2 before trial 10.
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


def _upload_trial(run_id: str, name: str, folders: list[Path], place: _Place, scratch: str) -> str:
    """One trial, unless it is there already; its address."""
    run_id = place.id_of(run_id)
    there = owner(run_id, place.project)
    with Upload(
        run_id,
        name,
        {},
        job="trial",
        identity=Identity.of_models(folders[0].parents[2], "trials"),
        project=place.project,
        scratch=Path(scratch),
    ) as opened:
        entity = opened.entity
    if not (there and _uploaded(folders)):
        upload_folders(folders, run_id, place.project, entity, Path(scratch))
    return opened.url


def _upload_leaderboard(
    run: RunFolder, results: dict[str, Any], place: _Place, scratch: str
) -> str:
    """The run `leaderboard`; its address."""
    whole = Identity(group=results["group"], about=_about(run, results)).of_whole()
    with Upload(
        place.id_of(results["wandb"]["leaderboard"]),
        LEADERBOARD,
        {"metric": results["metric"], "seeds": results["seeds"]},
        job=LEADERBOARD,
        identity=whole,
        project=place.project,
        scratch=Path(scratch),
    ) as upload:
        upload.log_leaderboard(results)
        return upload.url


def _report(name: str, results: dict[str, Any], place: _Place) -> tuple[dict[str, str], str]:
    """Build the report of the run of that name; the ids of all of its reports, and the address."""
    from bakeoff.report.wandb_report import save, wandb_report

    leaderboard = place.id_of(results["wandb"]["leaderboard"])
    entity = owner(leaderboard, place.project)
    if not entity:
        raise UserError(
            f"run {name} is not in the W&B project {place.project}: upload it with bakeoff sync"
        )
    where = f"{server()}/{entity}/{place.project}"
    report = wandb_report(
        results,
        entity=entity,
        project=place.project,
        leaderboard=leaderboard,
        pairs=STUDIES[results["study"]].pairs,
        suffix=place.suffix,
    )
    saved, address = save(report, place.reports.get(where, ""))
    return place.reports | {where: saved}, address


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
