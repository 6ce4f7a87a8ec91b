"""The compare step: evaluations of all models to results.json, which is all that a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bakeoff.artifacts import RESULTS_FORMAT, new_artifact, read_manifest, write_json
from bakeoff.environment import revision, versions
from bakeoff.evaluation.bootstrap import accuracy_interval
from bakeoff.evaluation.errors import analyse_errors
from bakeoff.evaluation.predictions import (
    Evaluation,
    correct_by_model,
    first_trainings,
    read_evaluations,
)
from bakeoff.evaluation.significance import difference, holm, mcnemar, verdict
from bakeoff.formats import interval, percent
from bakeoff.tracking import Identity

_AVERAGED = ("precision", "recall", "f1", "top5_accuracy")


def compare(
    evaluations: Sequence[Path],
    comparison: Path,
    *,
    dataset: Path,
    facts: Mapping[str, Any],
    study: str,
    preset: str,
    seed: int,
    seeds: int,
    pairs: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Name the winner by validation, report test, and say how sure the differences are.

    Args:
        evaluations: "evaluations" artifacts of the same test split.
        comparison: where the "comparison" artifact goes.
        dataset: the "dataset" artifact the models come from.
        facts: what the study adds to the results.
        study: name of the study.
        preset: name of the preset.
        seed: of the split and the first training.
        seeds: trainings of each model that chance affects.
        pairs: (first, second) names of models whose difference is tested where both took part,
            besides that of the winner to every other model.

    Returns:
        What results.json holds.
    """
    found = read_evaluations(evaluations)
    correct = correct_by_model(found)
    leaderboard = _leaderboard(found, correct)
    # Equals are told apart by what repeats: seconds would not.
    ranked = sorted(
        leaderboard, key=lambda r: (-r["validation_accuracy"], r["parameters"], r["model"])
    )
    for row in leaderboard:
        row["winner"] = row is ranked[0]
    data = read_manifest(dataset, "dataset")["facts"]
    machines = [evaluation.record["machine"] for evaluation in found]
    results = {
        "format": RESULTS_FORMAT,
        "study": study,
        "preset": preset,
        "group": Identity.of_step(dataset).group,
        "commit": revision(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "seeds": seeds,
        "versions": versions(),
        "machines": [m for number, m in enumerate(machines) if m not in machines[:number]],
        "classes": data["classes"],
        "dataset": data,
        "leaderboard": leaderboard,
        "winner": _winner(ranked, found),
        "models": [evaluation.record for evaluation in found],
        "comparisons": _comparisons(found, correct, ranked, pairs),
        "errors": analyse_errors(found, data["classes"], data["modality"]),
        **facts,
    }
    settings = {"study": study, "preset": preset, "seed": seed, "seeds": seeds, "pairs": pairs}
    inputs = {f"evaluations{i}": path for i, path in enumerate(evaluations)} | {"dataset": dataset}
    with new_artifact(comparison, "comparison", settings=settings, inputs=inputs) as (out, _):
        write_json(out / "results.json", results)
    return results


def mean_scores(metrics: Sequence[Mapping[str, Any]], right: np.ndarray) -> dict[str, float]:
    """A model's accuracy with its 95 % interval, precision, recall and F1: means over trainings.

    Args:
        metrics: `classification_metrics` of each training.
        right: shape (rows, trainings), 1 where a training is right.
    """
    low, high = accuracy_interval(right)
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        **{key: mean(scores[key] for scores in metrics) for key in _AVERAGED if key in metrics[0]},
    }


def _leaderboard(
    found: Sequence[Evaluation], correct: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """One row a model, means over its trainings, best test accuracy first."""
    rows = []
    for name, right in correct.items():
        records = [e.record for e in found if e.record["model"] == name]
        rows.append(
            {
                "model": name,
                "kind": records[0]["kind"],
                **mean_scores([record["test"] for record in records], right),
                "validation_accuracy": mean(r["validation"]["accuracy"] for r in records),
                "train_seconds": mean(record["seconds"] for record in records),
                "predictions_per_second": mean(r["predictions_per_second"] for r in records),
                "peak_memory_bytes": max(record["peak_memory_bytes"] for record in records),
                "parameters": records[0]["parameters"],
                "size_bytes": records[0]["size_bytes"],
                "seeds": len(records),
            }
        )
    return sorted(rows, key=lambda row: -row["accuracy"])


def _winner(ranked: Sequence[dict[str, Any]], found: Sequence[Evaluation]) -> dict[str, Any]:
    """The model with the best mean validation accuracy, the smaller one of equals, and of its
    trainings the best on validation.

    Args:
        ranked: rows of the leaderboard in that order.
        found: every training.
    """
    best, *others = ranked
    trainings = [e.record for e in found if e.record["model"] == best["model"]]
    training = max(trainings, key=lambda record: record["validation"]["accuracy"])
    reason = (
        f"{best['model']} has the best validation accuracy, {percent(best['validation_accuracy'])}"
    )
    if others and others[0]["validation_accuracy"] == best["validation_accuracy"]:
        reason += f", as has {others[0]['model']}, which has no fewer parameters"
    elif others:
        accuracy = percent(others[0]["validation_accuracy"])
        reason += f", before {others[0]['model']} with {accuracy}"
    reason += (
        f"; on the test split it reaches {percent(best['accuracy'])} "
        f"({interval(best['accuracy_low'], best['accuracy_high'])})."
    )
    return {"model": best["model"], "seed": training["seed"], "reason": reason}


def _comparisons(
    found: Sequence[Evaluation],
    correct: Mapping[str, np.ndarray],
    ranked: Sequence[dict[str, Any]],
    pairs: Sequence[Sequence[str]],
) -> list[dict[str, Any]]:
    """The pairs that took part, and the best on validation against every other model: the best of
    many on test would look better than it is.
    """
    chosen = [(first, second) for first, second in pairs if {first, second} <= set(correct)]
    best, *others = (row["model"] for row in ranked)
    asked = {frozenset(pair) for pair in chosen}
    chosen += [(best, other) for other in others if frozenset((best, other)) not in asked]
    training = first_trainings(found)
    comparisons: list[dict[str, Any]] = [
        {
            "first": first,
            "second": second,
            **difference(correct[first], correct[second]),
            "mcnemar_p": mcnemar(training[first].test.correct, training[second].test.correct),
        }
        for first, second in chosen
    ]
    corrected = holm([comparison["mcnemar_p"] for comparison in comparisons])
    for comparison, p in zip(comparisons, corrected, strict=True):
        comparison["holm_p"] = p
        comparison["verdict"] = verdict(comparison["low"], comparison["high"], p)
    return comparisons
