"""The compare step: evaluations of all models to results.json, which is all that a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bakeoff import events
from bakeoff.artifacts import RESULTS_FORMAT, new_artifact, read_manifest, write_json
from bakeoff.environment import revision, versions
from bakeoff.errors import UserError
from bakeoff.evaluation.baseline import KIND, NAME, largest_class
from bakeoff.evaluation.cost import front
from bakeoff.evaluation.errors import analyse_errors
from bakeoff.evaluation.intervals import score_interval
from bakeoff.evaluation.predictions import (
    Evaluation,
    read_evaluations,
    values_by_model,
)
from bakeoff.evaluation.scores import ACCURACY, LOG_LOSS, Metric, get_metric
from bakeoff.evaluation.significance import difference, holm, mcnemar, permutation, verdict
from bakeoff.tracking import LEADERBOARD, Identity, open_run
from bakeoff.tracking.mode import project_name

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
    metric: str = ACCURACY.name,
    trials: Sequence[Path] = (),
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
            besides that of the winner to every other model and to the baseline.
        metric: what the winner is best in, and the differences are in; a name in
            `scores.METRICS`.
        trials: "trials" artifacts of the models' settings, which are kept with the comparison.

    Returns:
        What results.json holds.

    Raises:
        UserError: the metric is not known, or means nothing on this data.
    """
    chosen = get_metric(metric)
    found = read_evaluations(evaluations)
    data = read_manifest(dataset, "dataset")["facts"]
    everyone = [*found, largest_class(data, found[0])]
    for evaluation in everyone:
        if None in (evaluation.record[part][chosen.key] for part in ("validation", "test")):
            raise UserError(
                f"the {chosen.words} means nothing on rows of one class: choose another --metric, "
                "or give validation and test rows of every class"
            )
    leaderboard = _leaderboard(everyone, chosen)
    trained = [row for row in leaderboard if row["kind"] != KIND]
    losses = _validation_losses(found)
    ranked = _ranked(trained, losses, chosen)
    comparisons = _comparisons(everyone, ranked, pairs, chosen)
    worth = front(trained, values_by_model(found, chosen, "test"), chosen, comparisons)
    for row in leaderboard:
        row |= {"winner": row is ranked[0], "front": row["model"] in worth}
    identity = Identity.of_step(dataset)
    whole = identity.of_whole()
    machines = [evaluation.record["machine"] for evaluation in found]
    results = {
        "format": RESULTS_FORMAT,
        "study": study,
        "preset": preset,
        "group": identity.group,
        "wandb": {"project": project_name(), "leaderboard": whole.run_id(LEADERBOARD, None)},
        "commit": revision(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "seeds": seeds,
        "metric": chosen.name,
        "versions": versions(),
        "machines": [m for number, m in enumerate(machines) if m not in machines[:number]],
        "classes": data["classes"],
        "dataset": data,
        "leaderboard": leaderboard,
        "winner": _winner(ranked, losses, found, chosen),
        "models": [evaluation.record for evaluation in found],
        "comparisons": comparisons,
        "errors": analyse_errors(found, data["classes"], data["modality"]),
        **facts,
    }
    settings = {
        "study": study,
        "preset": preset,
        "seed": seed,
        "seeds": seeds,
        "pairs": pairs,
        "metric": metric,
    }
    several = {"evaluations": evaluations, "trials": trials}
    inputs = {f"{kind}{i}": path for kind, paths in several.items() for i, path in enumerate(paths)}
    inputs["dataset"] = dataset
    events.tell(results["winner"]["reason"])
    with new_artifact(comparison, "comparison", settings=settings, inputs=inputs) as (out, _):
        write_json(out / "results.json", results)
        config = {"metric": chosen.name, "seeds": seeds}
        with open_run(LEADERBOARD, None, config, out, job=LEADERBOARD, identity=whole) as run:
            run.log_leaderboard(results)
    return results


def mean_scores(
    metrics: Sequence[Mapping[str, Any]],
    values: np.ndarray,
    labels: np.ndarray,
    metric: Metric = ACCURACY,
) -> dict[str, float]:
    """A model's score with its 95 % interval, by the metric's key: means over trainings.

    Args:
        metrics: `classification_metrics` of each training.
        values: shape (rows, trainings), as of `predictions.values_by_model`.
        labels: shape (rows,).
        metric: whose values they are.
    """
    low, high = score_interval(metric, labels, values)
    key = metric.key
    return {
        key: mean(scores[key] for scores in metrics),
        f"{key}_low": low,
        f"{key}_high": high,
    }


def mean_rates(metrics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """A model's precision, recall, F1 and, of many classes, accuracy among the top five: means over
    trainings.
    """
    return {key: mean(scores[key] for scores in metrics) for key in _AVERAGED if key in metrics[0]}


def _leaderboard(found: Sequence[Evaluation], metric: Metric) -> list[dict[str, Any]]:
    """One row a model, means over its trainings, best on test first."""
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(evaluation.record["model"] for evaluation in found):
        records = [e.record for e in found if e.record["model"] == name]
        timings = [record["timing"] for record in records if record["timing"]]
        rows[name] = {
            "model": name,
            "kind": records[0]["kind"],
            **mean_rates([record["test"] for record in records]),
            "train_seconds": mean(record["seconds"] for record in records),
            "predictions_per_second": mean(t["median"] for t in timings) if timings else None,
            "predictions_low": min((t["low"] for t in timings), default=None),
            "predictions_high": max((t["high"] for t in timings), default=None),
            "peak_memory_bytes": max(record["peak_memory_bytes"] for record in records),
            "parameters": records[0]["parameters"],
            "size_bytes": records[0]["size_bytes"],
            "seeds": len(records),
        }
    for split, prefix in (("test", ""), ("validation", "validation_")):
        labels = getattr(found[0], split).labels
        for score in {ACCURACY.name: ACCURACY, metric.name: metric}.values():
            for name, values in values_by_model(found, score, split).items():
                metrics = [e.record[split] for e in found if e.record["model"] == name]
                scores = mean_scores(metrics, values, labels, score)
                rows[name] |= {f"{prefix}{key}": value for key, value in scores.items()}
    return sorted(rows.values(), key=lambda row: -metric.merit(row[metric.key]))


def _validation_losses(found: Sequence[Evaluation]) -> dict[str, float]:
    """The log loss on validation of each model, the mean over its trainings."""
    losses: dict[str, list[float]] = {}
    for evaluation in found:
        record = evaluation.record
        losses.setdefault(record["model"], []).append(record["validation"][LOG_LOSS.key])
    return {name: mean(values) for name, values in losses.items()}


def _ranked(
    rows: Sequence[dict[str, Any]], losses: Mapping[str, float], metric: Metric
) -> list[dict[str, Any]]:
    """Rows of the leaderboard, the best on validation first; equals by their log loss there, which
    seldom is equal, then the smaller first: by what repeats, as seconds would not.
    """
    return sorted(
        rows,
        key=lambda row: (
            -metric.merit(row[f"validation_{metric.key}"]),
            losses[row["model"]],
            row["parameters"],
            row["model"],
        ),
    )


def _winner(
    ranked: Sequence[dict[str, Any]],
    losses: Mapping[str, float],
    found: Sequence[Evaluation],
    metric: Metric,
) -> dict[str, Any]:
    """The first of `_ranked`, and of its trainings the best on validation.

    Args:
        ranked: rows of the leaderboard in that order, without the baseline.
        losses: model → its log loss on validation.
        found: every training.
        metric: the score.
    """
    best, *others = ranked
    key = metric.key
    held_out = f"validation_{key}"
    trainings = [e.record for e in found if e.record["model"] == best["model"]]
    training = max(trainings, key=lambda record: metric.merit(record["validation"][key]))
    reason = (
        f"{best['model']} has the best validation {metric.words}, {metric.show(best[held_out])}"
    )
    if others and others[0][held_out] == best[held_out]:
        own, other = (losses[row["model"]] for row in (best, others[0]))
        reason += f", as has {others[0]['model']}, "
        reason += (
            "which has no fewer parameters"
            if own == other
            else f"whose log loss there is higher, {other:.4f} against {own:.4f}"
        )
    elif others:
        reason += f", before {others[0]['model']} with {metric.show(others[0][held_out])}"
    reason += (
        f"; on the test split it reaches {metric.show(best[key])} "
        f"({metric.show_interval(best[f'{key}_low'], best[f'{key}_high'])})."
    )
    return {"model": best["model"], "seed": training["seed"], "reason": reason}


def _comparisons(
    found: Sequence[Evaluation],
    ranked: Sequence[dict[str, Any]],
    pairs: Sequence[Sequence[str]],
    metric: Metric,
) -> list[dict[str, Any]]:
    """The pairs that took part, and the best on validation against every other model and against
    the baseline: the best of many on test would look better than it is.
    """
    values = values_by_model(found, metric, "test")
    chosen = [(first, second) for first, second in pairs if {first, second} <= set(values)]
    best, *others = (row["model"] for row in ranked)
    asked = {frozenset(pair) for pair in chosen}
    chosen += [(best, other) for other in others if frozenset((best, other)) not in asked]
    chosen.append((best, NAME))
    comparisons = [
        {"first": first, "second": second, **paired(values[first], values[second], metric)}
        for first, second in chosen
    ]
    decide(comparisons, metric)
    return comparisons


def paired(first: np.ndarray, second: np.ndarray, metric: Metric) -> dict[str, float]:
    """The difference of two models on the same rows, its interval, and p: McNemar's for accuracy, a
    permutation test's for other metrics, both of the first trainings.

    Args:
        first: shape (rows, trainings), as of `predictions.values_by_model`.
        second: the same rows, for the second model.
        metric: whose values they are.
    """
    one, other = first[:, 0], second[:, 0]
    p = mcnemar(one == 1, other == 1) if metric is ACCURACY else permutation(one, other)
    return {**difference(first, second), "p": p}


def decide(comparisons: list[dict[str, Any]], metric: Metric) -> None:
    """Add Holm's p and the verdict to all comparisons that are made together."""
    corrected = holm([comparison["p"] for comparison in comparisons])
    for comparison, p in zip(comparisons, corrected, strict=True):
        bounds = sorted(metric.merit(comparison[bound]) for bound in ("low", "high"))
        comparison["holm_p"] = p
        comparison["verdict"] = verdict(bounds[0], bounds[1], p)
