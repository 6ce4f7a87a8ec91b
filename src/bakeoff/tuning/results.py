"""What a search found: the best trial, what it gained, and which settings mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.artifacts import read_json
from bakeoff.evaluation.scores import Metric
from bakeoff.evaluation.significance import difference
from bakeoff.tuning.journal import Record
from bakeoff.tuning.spaces import Space, described

TRIALS = "trials.json"
LEAST_FOR_IMPORTANCE = 10
"""Trials from which on it is said what mattered: of fewer, chance decides."""
REPLICATES = 2000
_BLOCK = 1_000_000
"""Numbers drawn at a time: bounds memory, whatever the number of rows."""


def searches(trials: Sequence[Path]) -> list[dict[str, Any]]:
    """What "trials" artifacts hold: a record of each network, as of `summarised`."""
    return [record for folder in trials for record in read_json(folder / TRIALS)]


def best_of(records: Sequence[Record]) -> Record | None:
    """The finished trial with the best score, of equals the first."""
    finished = [record for record in records if record.state == "finished"]
    return max(finished, key=lambda r: (r.merit or 0.0, -r.number), default=None)


def gained(records: Sequence[Record], metric: Metric) -> dict[str, float] | None:
    """What the best trial is better by than trial 0, paired on the rows of validation; None where
    one of the two is missing. Greater is better, whatever the metric.

    Returns:
        difference, with low and high of its 95 % interval as they were measured; and expected,
        expected_low, expected_high, which allow for the best having been chosen on the same rows:
        rows are drawn, the best of all trials on these is taken, and compared on the rows that were
        not drawn (bootstrap bias corrected, Tsamardinos et al. 2018).
    """
    best, default = best_of(records), next((r for r in records if r.number == 0), None)
    if best is None or default is None or default.values is None:
        return None
    rows = np.array([r.values for r in records if r.values is not None]).T
    values = rows if metric.greater_is_better else -rows
    numbers = [r.number for r in records if r.values is not None]
    own = numbers.index(0)
    measured = difference(values[:, [numbers.index(best.number)]], values[:, [own]])
    rng = np.random.default_rng(0)
    n, differences = len(values), []
    block = max(1, _BLOCK // n)
    for start in range(0, REPLICATES, block):
        drawn = rng.multinomial(n, np.full(n, 1 / n), min(block, REPLICATES - start))
        chosen = (drawn @ values).argmax(axis=1)
        left = drawn == 0
        sums = (left @ (values - values[:, [own]]))[np.arange(len(left)), chosen]
        counts = left.sum(axis=1)
        differences += (sums[counts > 0] / counts[counts > 0]).tolist()
    low, high = np.quantile(differences, [0.025, 0.975])
    return {
        **measured,
        "expected": float(np.mean(differences)),
        "expected_low": float(low),
        "expected_high": float(high),
    }


def importance(records: Sequence[Record], space: Space) -> dict[str, float]:
    """The share of the variance of the score that each setting explains (functional ANOVA, Hutter
    et al. 2014), the greatest first; empty where there are too few trials, or all reach the same.

    Trials that were stopped count by the best they had reached.
    """
    told = [r for r in records if r.merit is not None and math.isfinite(r.merit)]
    if len(told) < LEAST_FOR_IMPORTANCE or len({r.merit for r in told}) < 2:
        return {}
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    distributions = {path: dimension.distribution() for path, dimension in space.items()}
    for record in told:
        study.add_trial(
            optuna.trial.create_trial(
                params=record.settings, distributions=distributions, value=record.merit
            )
        )
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {path: float(share) for path, share in shares.items()}


def summarised(
    model: str, metric: Metric, space: Space, records: Sequence[Record]
) -> dict[str, Any]:
    """A search as results.json holds it."""
    best = best_of(records)
    assert best is not None
    return {
        "model": model,
        "metric": metric.name,
        "space": described(space),
        "trials": [_told(record, metric) for record in records],
        "best": best.number,
        "seconds": sum(record.seconds for record in records),
        "gain": gained(records, metric),
        "importance": importance(records, space),
    }


def _told(record: Record, metric: Metric) -> dict[str, Any]:
    last: Mapping[str, Any] = record.reports[-1] if record.reports else {}
    return {
        "number": record.number,
        "settings": record.settings,
        "state": record.state,
        "epochs": last.get("epoch", 0),
        "epochs_planned": last.get("epochs", 0),
        "score": None if record.merit is None else metric.merit(record.merit),
        "seconds": record.seconds,
        "error": record.error,
    }
