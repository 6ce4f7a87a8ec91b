"""The tune step: from a dataset and the items of a part to trials, and to the same items with the
settings that were best on validation.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff import events
from bakeoff.artifacts import artifact_hash, new_artifact, settings_hash, write_json
from bakeoff.changes import listed, merged
from bakeoff.container import CODE
from bakeoff.data.splits import read_split
from bakeoff.dotted import settings_of
from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import get_metric
from bakeoff.tracking import Identity
from bakeoff.training.needed import TO_SEARCH, refuse_without
from bakeoff.training.observers import EventObserver
from bakeoff.training.places import Place, remove_all
from bakeoff.training.step import Train, checkpoints
from bakeoff.training.trained import write_trained
from bakeoff.training.workers import ALONE
from bakeoff.tuning.budget import Budget
from bakeoff.tuning.journal import Journal, Record
from bakeoff.tuning.results import TRIALS, best_of, summarised
from bakeoff.tuning.spaces import Dimension, Space, grid, searched
from bakeoff.tuning.trial import Trial

if TYPE_CHECKING:
    from bakeoff.tuning.search import Room

MOST_OF_A_GRID = 100
"""Different settings of which, where a time is given, all are tried; of more, some."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a search must know of a kind of models."""

    train: Train
    from_dict: Callable[[Mapping[str, Any]], Any]
    """Reads a configuration."""
    space_of: Callable[[Any], dict[str, Dimension]]
    """What is searched in one; of a network that only others start from, nothing."""


def tune(
    dataset: Path,
    trials: Path,
    items: Sequence[Mapping[str, Any]],
    *,
    configs: Sequence[Mapping[str, Any]],
    budget: str,
    threads: int,
    metric: str,
    kind: Kind,
) -> list[dict[str, Any]]:
    """Search the settings of the models of a part, one model after another.

    A trial is the model's training with other settings and the first of its seeds. Trial 0 has
    the settings that it has anyway, so that on validation the best is never worse. As many trials
    run at a time as there are CPUs for, each on `threads`. An interrupted search goes on; from S3
    with the trials that had ended, others begin anew there.

    Args:
        dataset: a "dataset" artifact; trials see its train and validation split.
        trials: where the "trials" artifact goes; `results.searches` reads it.
        items: of the trainings: model, seed and settings (see `bakeoff.changes`); what these name
            is not searched.
        configs: what each of them trains, name → configuration as JSON holds it, those that others
            start from first.
        budget: as `Budget.parse` takes it.
        threads: CPU threads of each trial.
        metric: what trials are judged by.
        kind: of the models.

    Returns:
        The items, with the best settings in their settings.

    Raises:
        UserError: a space does not fit, Ray is absent or too small, or all trials of a model
            failed.
    """
    refuse_without(TO_SEARCH, "--tune")
    allowed, threads = Budget.parse(budget), min(threads, cores())
    seed = min(int(item["seed"]) for item in items)
    tasks = [
        (item, trained)
        for item, trained in zip(items, configs, strict=True)
        if int(item["seed"]) == seed
    ]
    settings = {
        "configs": [trained for _, trained in tasks],
        "settings": [item["settings"] for item, _ in tasks],
        "seed": seed,
        "threads": threads,
        "metric": metric,
    }
    files = [item.get("fingerprint", "") for item in items]
    key = settings_hash([settings, artifact_hash(dataset), os.environ.get(CODE), files])
    identity = Identity.of_step(dataset, key)
    with (
        checkpoints(key, trials) as kept,
        nullcontext(kept)
        if isinstance(kept, Path)
        else TemporaryDirectory(prefix="bakeoff-tune-") as folder,
        new_artifact(
            trials, "trials", settings=settings | {"budget": budget}, inputs={"dataset": dataset}
        ) as (out, facts),
    ):
        facts["identity"] = identity.facts()
        work = Path(folder)
        searches = {}
        for item, trained in tasks:
            for name, given in trained.items():
                config = kind.from_dict(given)
                if not (declared := kind.space_of(config)):
                    _prepare(name, given, dataset, work / "earlier", seed, threads, kind.train)
                    continue
                trial = Trial(
                    model=name,
                    config=config,
                    dataset=dataset,
                    folder=work / name,
                    earlier=work / "earlier",
                    seed=seed,
                    threads=threads,
                    metric=metric,
                    train=kind.train,
                    identity=identity,
                )
                searches[name] = trial, _space(trial, declared, item["settings"])
        share = replace(allowed, seconds=allowed.seconds / len(searches))
        with ExitStack() as stack:
            # Ray starts for the first search that has not run to its end already.
            room = cache(lambda: stack.enter_context(_connection(threads)))
            found = {
                name: _found(trial, space, share, room, (kept or work) / name)
                for name, (trial, space) in searches.items()
            }
        write_json(out / TRIALS, [summary for summary, _ in found.values()])
        for name in searches:
            # Beside the runs there are links to what may be gone.
            for run in (work / name / "wandb").glob("*run-*"):
                shutil.copytree(run, out / "wandb" / name / run.name)
    best = {
        f"{name}.{path}": value
        for name, (_, settings) in found.items()
        for path, value in settings.items()
    }
    return [
        {
            **item,
            "seed": int(item["seed"]),
            "settings": merged(
                item["settings"],
                {path: value for path, value in best.items() if _is_of(path, trained)},
            ),
        }
        for item, trained in zip(items, configs, strict=True)
    ]


def _is_of(path: str, models: Iterable[str]) -> bool:
    return any(path.startswith(f"{name}.") for name in models)


def _space(trial: Trial, declared: dict[str, Dimension], settings: str) -> Space:
    """What is searched of a model, of which some settings were named on purpose."""
    held = {
        change.partition("=")[0].removeprefix(f"{trial.model}.").removeprefix("*.")
        for change in listed(settings)
    }
    try:
        return searched(trial.config, declared, held)
    except UserError as error:
        raise UserError(f"{trial.model}: {error}") from None


def _prepare(
    name: str,
    config: Mapping[str, Any],
    dataset: Path,
    earlier: Path,
    seed: int,
    threads: int,
    train: Train,
) -> None:
    """Train, once, a network that others start from."""
    folder = earlier / f"{name}-seed{seed}"
    if folder.exists():
        return
    splits = read_split(dataset, "train"), read_split(dataset, "validation")
    trained = train(
        name,
        config,
        *splits,
        seed=seed,
        threads=threads,
        checkpoint=earlier / "checkpoint" / name,
        observers=[EventObserver(name, seed)],
        earlier=earlier,
        workers=ALONE,
    )
    written = earlier / f".{folder.name}"
    shutil.rmtree(written, ignore_errors=True)
    write_trained(trained, written, splits[0].classes, splits[1])
    written.rename(folder)


def _connection(threads: int) -> AbstractContextManager[Room]:
    from bakeoff.tuning.search import connection

    return connection(threads)


def _run(
    trial: Trial, space: Space, budget: Budget, room: Callable[[], Room], kept: Place
) -> list[Record]:
    """The trials of one model, told to whoever watches; their journal is `kept`."""
    metric = get_metric(trial.metric)
    settings = settings_of(trial.config)
    first = [{path: settings[path] for path in space}]
    if everything := grid(space, 2 * budget.trials or MOST_OF_A_GRID):
        # Half of it or more is tried: nothing twice is better than whatever a searcher suggests.
        others = [point for point in everything if point != first[0]]
        first += [others[i] for i in np.random.default_rng(trial.seed).permutation(len(others))]
        budget = replace(budget, trials=min(budget.trials or len(first), len(first)))
    scores: dict[int, float] = {}
    ended = set()

    def watch(record: Record) -> None:
        if record.state != "running":
            ended.add(record.number)
        if record.state == "finished" and record.merit is not None:
            scores[record.number] = record.merit
        last = record.reports[-1] if record.reports else {}
        events.emit(
            "trial",
            model=trial.model,
            number=record.number,
            of=budget.trials,
            ended=len(ended),
            state=record.state,
            epoch=last.get("epoch", 0),
            epochs=last.get("epochs", 0),
            share=last.get("share", 0.0),
            score=None if record.merit is None else metric.show(metric.merit(record.merit)),
            best=metric.show(metric.merit(max(scores.values()))) if scores else None,
            error=record.error,
        )

    journal = Journal(kept)
    if budget.trials and len(journal.ended) >= budget.trials:
        for record in journal.ended.values():
            watch(record)
        return list(journal.ended.values())
    there = room()
    from bakeoff.tuning.search import search

    return search(
        trial,
        space,
        first,
        budget=budget,
        room=there,
        journal=journal,
        watch=watch,
    )


def _found(
    trial: Trial, space: Space, budget: Budget, room: Callable[[], Room], kept: Place
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the search of one model finds, and the best settings.

    Raises:
        UserError: no trial came to its end; the next search tries all of them again.
    """
    records = _run(trial, space, budget, room, kept)
    best = best_of(records)
    if best is None:
        remove_all(kept)
        error = next((record.error for record in records if record.error), "none came to its end")
        raise UserError(f"all {len(records)} trials of {trial.model} failed; the first: {error}")
    metric = get_metric(trial.metric)
    return summarised(trial.model, metric, space, records), best.settings
