"""Comparing runs: what each chose, on the same test rows where they have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bakeoff.artifacts import read_manifest
from bakeoff.errors import UserError, unknown_name
from bakeoff.evaluation.compare import decide, mean_scores, paired
from bakeoff.evaluation.predictions import read_evaluations, values_by_model
from bakeoff.evaluation.scores import Metric, get_metric
from bakeoff.evaluation.significance import unpaired
from bakeoff.report.summary import flat
from bakeoff.running.runs import RunFolder
from bakeoff.running.store import in_store


@dataclass(frozen=True)
class _Entrant:
    """One model of a run."""

    record: dict[str, Any]
    classes: list[str]
    keys: np.ndarray
    """Hashes of the test rows, in order."""
    values: np.ndarray
    """Shape (rows, trainings), what each row adds to the score, in the order of `keys`."""


def across(runs: Sequence[RunFolder], model: str = "", metric: str = "") -> dict[str, Any]:
    """Compare a model of each run with that of every other run.

    On the same test rows, whatever their order, differences are paired; on others they are not,
    which tells less; where classes differ nothing can be said.

    Args:
        runs: two or more that have finished.
        model: which of each run; "" is its winner.
        metric: what to compare; "" is that of the first run.

    Returns:
        metric, model ("": the winners), runs (letter, run, created, data, modality, test (rows),
        model, the score with its interval, validation, train_seconds), pairs (first and second:
        letters; paired, difference, low, high, p, holm_p, verdict), apart (pairs of letters whose
        classes differ) and settings (name → a value a run, of those that differ).

    Raises:
        UserError: fewer than two runs, one twice, one that has not finished, whose artifacts are
            gone, or that lacks the model.
    """
    names = [run.path.name for run in runs]
    if len(set(names)) < max(2, len(names)):
        raise UserError("name two runs or more, each once, to compare them; see: bakeoff runs")
    chosen = get_metric(metric or runs[0].results["metric"])
    entrants = [
        _entrant(chr(ord("A") + number), run, model, chosen) for number, run in enumerate(runs)
    ]
    pairs, apart = [], []
    for first, second in combinations(entrants, 2):
        letters = {"first": first.record["letter"], "second": second.record["letter"]}
        if first.classes != second.classes:
            apart.append([*letters.values()])
            continue
        same = np.array_equal(first.keys, second.keys)
        tested = (
            paired(first.values, second.values, chosen)
            if same
            else unpaired(first.values, second.values)
        )
        pairs.append({**letters, "paired": same, **tested})
    decide(pairs, chosen)
    return {
        "metric": chosen.name,
        "model": model,
        "runs": [entrant.record for entrant in entrants],
        "pairs": pairs,
        "apart": apart,
        "settings": _differing(runs, [entrant.record["model"] for entrant in entrants]),
    }


def _entrant(letter: str, run: RunFolder, model: str, metric: Metric) -> _Entrant:
    results, root = run.results, run.path.parent
    name = model or results["winner"]["model"]
    known = [row["model"] for row in results["leaderboard"] if row["kind"] != "baseline"]
    if name not in known:
        raise unknown_name(f"model of run {run.path.name}", name, known)
    row = next(row for row in results["leaderboard"] if row["model"] == name)
    inputs = _inputs(run, run.facts.get("comparison", ""))
    artifacts = [in_store(root, path) for key, path in inputs.items() if key != "dataset"]
    for artifact in artifacts:
        _inputs(run, artifact)
    if not any(any(artifact.glob("*/evaluation.json")) for artifact in artifacts):
        raise _gone(run)
    found = [e for e in read_evaluations(artifacts) if e.record["model"] == name]
    if any(e.record["test"][metric.key] is None for e in found):
        raise UserError(f"run {run.path.name}: the {metric.words} means nothing on its test rows")
    values = values_by_model(found, metric, "test")[name]
    keys = found[0].test.keys
    if not keys.any():
        raise UserError(f"run {run.path.name} is of another version of bakeoff; {_again(run)}")
    order = np.argsort(keys, kind="stable")
    labels = found[0].test.labels
    scores = mean_scores([e.record["test"] for e in found], values, labels, metric)
    record = {
        "letter": letter,
        "run": run.path.name,
        "created": run.facts["created"],
        "data": results["dataset"]["source"]["name"],
        "modality": results["dataset"]["modality"],
        "test": len(labels),
        "model": name,
        **scores,
        "validation": mean(e.record["validation"][metric.key] for e in found),
        "train_seconds": row["train_seconds"],
        "report": str(run.report),
    }
    return _Entrant(record, results["classes"], keys[order], values[order])


def _inputs(run: RunFolder, artifact: str | Path) -> dict[str, str]:
    """What an artifact of a run was made from, name → path."""
    try:
        manifest = read_manifest(in_store(run.path.parent, artifact))
    except UserError:
        raise _gone(run) from None
    return {name: source["path"] for name, source in manifest["inputs"].items()}


def _gone(run: RunFolder) -> UserError:
    return UserError(f"what run {run.path.name} was made from is gone; {_again(run)}")


def _again(run: RunFolder) -> str:
    """How a run is had once more."""
    return "fetch it again" if run.facts.get("runner") == "kfp" else "run its command again"


def _differing(runs: Sequence[RunFolder], models: Sequence[str]) -> dict[str, list[Any]]:
    """Settings that are not the same in all runs, with the value of each: of the bake-offs, and of
    the models where they are called alike.
    """
    asked = [_asked(run) for run in runs]
    known = [name for name in asked[0] if all(name in one for one in asked)]
    columns = [{name: one[name] for name in known} for one in asked]
    if len(set(models)) == 1:
        for column, run in zip(columns, runs, strict=True):
            column |= _config(run, models[0])
    named = dict.fromkeys(name for column in columns for name in column)
    rows = {name: [column.get(name) for column in columns] for name in named}
    return {name: values for name, values in rows.items() if any(v != values[0] for v in values)}


def _asked(run: RunFolder) -> dict[str, Any]:
    """What was asked of a bake-off; of a cluster's, only what its form says."""
    facts, results = run.facts, run.results
    return {
        **{name: value for name, value in facts["plan"].items() if name != "models"},
        # Where nobody named it, a local run holds nothing, a cluster's what it is.
        "input_column": facts["plan"].get("input_column") or results["dataset"]["modality"],
        "content of the data": results["dataset"]["source"]["fingerprint"][:12],
        "models": ", ".join(sorted(facts["plan"]["models"])),
        "commit": (results.get("commit") or "")[:12],
    }


def _config(run: RunFolder, model: str) -> dict[str, Any]:
    config = next(entry["config"] for entry in run.results["models"] if entry["model"] == model)
    return {f"model.{name}": value for name, value in flat(config).items()}
