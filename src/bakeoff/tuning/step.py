"""The tune step: from a dataset and the items of a loop to trials, and to the same items with the
settings that were best on validation.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from bakeoff import events
from bakeoff.artifacts import artifact_hash, new_artifact, settings_hash, write_json
from bakeoff.container import CODE
from bakeoff.data.splits import read_split
from bakeoff.dotted import changed, settings_of
from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import get_metric
from bakeoff.tracking import Identity
from bakeoff.training.loop import EventObserver
from bakeoff.training.settings import to_dict
from bakeoff.training.step import Train, checkpoints
from bakeoff.training.trained import write_trained
from bakeoff.training.workers import ALONE
from bakeoff.tuning.budget import Budget
from bakeoff.tuning.journal import Record
from bakeoff.tuning.results import TRIALS, best_of, summarised
from bakeoff.tuning.spaces import Dimension, Space, searched
from bakeoff.tuning.trial import Trial


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a search must know of a kind of networks."""

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
    budget: str,
    held: Mapping[str, Sequence[str]],
    threads: int,
    kind: Kind,
) -> list[dict[str, Any]]:
    """Search the settings of the networks of a loop, one network after another.

    A trial is the network's training with other settings and the first of its seeds. Trial 0 has
    the settings that it has anyway, so that on validation the best is never worse. As many trials
    run at a time as there are CPUs for, each on `threads`. An interrupted search goes on.

    Args:
        dataset: a "dataset" artifact; trials see its train and validation split.
        trials: where the "trials" artifact goes; `results.searches` reads it.
        items: of the loop: model, seed and configs (a JSON object, name → configuration).
        budget: as `Budget.parse` takes it.
        held: model → paths of settings that are not searched.
        threads: CPU threads of each trial.
        kind: of the networks.

    Returns:
        The items, with the best settings in their configurations.

    Raises:
        UserError: a space does not fit, Ray is absent or too small, or all trials of a network
            failed.
    """
    allowed, threads = Budget.parse(budget), min(threads, cores())
    seed = min(int(item["seed"]) for item in items)
    tasks = [json.loads(item["configs"]) for item in items if int(item["seed"]) == seed]
    settings = {"configs": tasks, "held": dict(held), "seed": seed, "threads": threads}
    files = [item.get("files_hash", "") for item in items]
    key = settings_hash([settings, artifact_hash(dataset), os.environ.get(CODE), files])
    identity = Identity.of_step(dataset, key)
    with (
        checkpoints(key) as kept,
        tempfile.TemporaryDirectory(prefix="bakeoff-tune-") as scratch,
        new_artifact(
            trials, "trials", settings=settings | {"budget": budget}, inputs={"dataset": dataset}
        ) as (out, facts),
    ):
        facts["identity"] = identity.facts()
        work = kept or Path(scratch)
        networks = [(configs, name) for configs in tasks for name in configs]
        searches = {}
        for configs, name in networks:
            config = kind.from_dict(configs[name])
            if declared := kind.space_of(config):
                trial = Trial(
                    model=name,
                    config=config,
                    dataset=dataset,
                    folder=work / name,
                    earlier=work / "earlier",
                    seed=seed,
                    threads=threads,
                    train=kind.train,
                    identity=identity,
                )
                searches[name] = trial, _space(trial, declared, held.get(name, ()))
            else:
                _prepare(name, configs[name], dataset, work / "earlier", seed, threads, kind.train)
        share = replace(allowed, seconds=allowed.seconds / len(searches))
        with _search().connection(threads) as room:
            found = {
                name: _found(trial, space, _run(trial, space, share, room))
                for name, (trial, space) in searches.items()
            }
        write_json(out / TRIALS, [summary for summary, _ in found.values()])
        for name in searches:
            if (told := work / name / "wandb").is_dir():
                shutil.copytree(told, out / "wandb" / name)
    best = {name: to_dict(config) for name, (_, config) in found.items()}
    return [
        {
            **item,
            "seed": int(item["seed"]),
            "configs": json.dumps(
                json.loads(item["configs"])
                | {name: best[name] for name in json.loads(item["configs"]) if name in best}
            ),
        }
        for item in items
    ]


def _space(trial: Trial, declared: dict[str, Dimension], held: Sequence[str]) -> Space:
    try:
        return searched(trial.config, declared, held)
    except UserError as error:
        raise UserError(f"{trial.model}: {error}") from None


def _search() -> ModuleType:
    """The module that needs Ray and Optuna."""
    try:
        from bakeoff.tuning import search
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "optuna"):
            raise
        raise UserError(
            f"{error.name} is not installed: pip install 'bakeoff[ray]', or leave out --tune"
        ) from None
    return search


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


def _run(trial: Trial, space: Space, budget: Budget, room: Any) -> list[Record]:
    """The trials of one network, told to whoever watches."""
    metric = get_metric(trial.config.training.metric)
    settings = settings_of(trial.config)
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

    return _search().search(
        trial,
        space,
        {path: settings[path] for path in space},
        budget=budget,
        room=room,
        folder=trial.folder,
        watch=watch,
    )


def _found(trial: Trial, space: Space, records: list[Record]) -> tuple[dict[str, Any], Any]:
    """What a search found, and the best configuration.

    Raises:
        UserError: no trial came to its end.
    """
    best = best_of(records)
    if best is None:
        error = next((record.error for record in records if record.error), "none came to its end")
        raise UserError(f"all {len(records)} trials of {trial.model} failed; the first: {error}")
    metric = get_metric(trial.config.training.metric)
    return summarised(trial.model, metric, space, records), changed(trial.config, best.settings)
