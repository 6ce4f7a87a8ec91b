"""What is said of a search of settings."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bakeoff.evaluation.scores import Metric
from bakeoff.formats import duration, percent, plain

_ENDS = {"finished": "finished", "stopped": "stopped early", "failed": "failed"}


def sentences(search: dict[str, Any], metric: Metric) -> list[str]:
    """How many trials there were, what the best gained, what mattered.

    Args:
        search: as `bakeoff.tuning.results.summarised` has it.
        metric: that it is of.
    """
    trials = search["trials"]
    counts = Counter(trial["state"] for trial in trials)
    ends = [f"{counts[state]} {words}" for state, words in _ENDS.items() if counts[state]]
    said = [f"{len(trials)} trials in {duration(search['seconds'])}: {', '.join(ends)}."]
    return [*said, *_gain(search, metric), *_importance(search), *_failure(trials)]


def _gain(search: dict[str, Any], metric: Metric) -> list[str]:
    best, gain = _best(search), search["gain"]
    score = f"{metric.show(best['score'])} validation {metric.words}"
    if best["number"] == 0:
        return [f"None was better than its own settings, {score}, which it keeps."]
    said = f"Trial {best['number']} was the best with {score}"
    if gain is None:
        return [f"{said}; what it gained is not known, as its own settings failed."]

    def shown(name: str) -> str:
        low, high = (metric.show_difference(gain[f"{name}{end}"]) for end in ("low", "high"))
        return f"95 % interval {low} to {high}"

    unit = " points" if metric.percent else ""
    difference, expected = (
        metric.show_difference(gain[key]) + unit for key in ("difference", "expected")
    )
    return [
        f"{said}, {difference} against its own settings ({shown('')}).",
        f"It was chosen on these rows; on rows that did not choose, {expected} are to be expected "
        f"({shown('expected_')}).",
    ]


def _importance(search: dict[str, Any]) -> list[str]:
    shares = search["importance"]
    if not shares:
        return ["There were too few trials, or too like ones, to say which setting mattered."]
    (first, share), *_ = shares.items()
    return [f"{first} mattered most: it explains {percent(share)} of what trials differ in."]


def _failure(trials: list[dict[str, Any]]) -> list[str]:
    failed = [trial for trial in trials if trial["error"]]
    return [f"Trial {failed[0]['number']} failed: {failed[0]['error']}"] if failed else []


def ranked(search: dict[str, Any], metric: Metric) -> list[dict[str, Any]]:
    """The trials, the best first: those that came to their end, then those that were stopped, then
    those that failed; each with whether it is the `best`, and its settings as people read them.
    """
    order = list(_ENDS)

    def rank(trial: dict[str, Any]) -> tuple[int, float, int]:
        score = trial["score"]
        merit = float("-inf") if score is None else metric.merit(score)
        return order.index(trial["state"]), -merit, trial["number"]

    return [
        trial
        | {
            "best": trial["number"] == search["best"],
            "shown": [_shown(trial["settings"][path]) for path in search["space"]],
        }
        for trial in sorted(search["trials"], key=rank)
    ]


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else plain(value)


def _best(search: dict[str, Any]) -> dict[str, Any]:
    return next(trial for trial in search["trials"] if trial["number"] == search["best"])
