"""The width of recurrent networks, chosen from validation results alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from typing import Any

from bakeoff.evaluation.scores import ACCURACY, Metric
from bakeoff.formats import duration, points


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One training of a network of a certain width."""

    model: str
    width: int
    seed: int
    validation_score: float
    standard_error: float
    """Of the score, over the validation rows."""
    overfitting_gap: float
    """Training minus validation accuracy, at the epoch that was kept."""
    seconds: float


@dataclass(frozen=True)
class Choice:
    """The chosen width, why, and the figures behind it."""

    width: int
    sentence: str
    table: list[dict[str, Any]]
    """One record a width: width, seeds, validation_score, standard_error, overfitting_gap, seconds;
    means over seeds."""


def choose_width(candidates: Sequence[Candidate], metric: Metric = ACCURACY) -> Choice:
    """The smallest width that is not worse than the best by more than one standard error.

    This is the one-standard-error rule (Breiman et al. 1984, §3.4.3). The error of a width's mean
    score is taken over its seeds; where a single one, or equal ones, leave none, it is the error of
    the score over the validation rows. The error of a difference adds both in squares.

    Args:
        candidates: trainings of at least one width.
        metric: the score.
    """
    table = [_summary(width, candidates) for width in sorted({c.width for c in candidates})]
    best = max(table, key=lambda row: metric.merit(row["validation_score"]))
    chosen = next(row for row in table if _gap(row, best, metric) <= _error(row, best))
    figures = "; ".join(
        f"{row['width']} units: validation {metric.words} {metric.show(row['validation_score'])}, "
        f"overfitting gap {points(row['overfitting_gap'])} points, {duration(row['seconds'])}"
        for row in table
    )
    reason = _reason(chosen, best, table, metric)
    return Choice(
        width=chosen["width"],
        sentence=f"{chosen['width']} units were chosen: {reason}. {figures}.",
        table=table,
    )


def _reason(
    chosen: dict[str, Any], best: dict[str, Any], table: list[dict[str, Any]], metric: Metric
) -> str:
    def by(row: dict[str, Any]) -> tuple[str, str]:
        """By how much the best is better than a row, and the error of that."""
        gap, error = _gap(row, best, metric), _error(row, best)
        if metric.percent:
            return f"{100 * gap:.2f} points", f"{100 * error:.2f}"
        return f"{gap:.4f}", f"{error:.4f}"

    if chosen is not best:
        gap, error = by(chosen)
        return (
            f"{best['width']} units are better by {gap}, which is not more than one standard error "
            f"({error})"
        )
    if chosen is table[0]:
        return "no larger width is better" if len(table) > 1 else "no other width took part"
    smaller = max(
        table[: table.index(chosen)], key=lambda row: metric.merit(row["validation_score"])
    )
    gap, error = by(smaller)
    return (
        f"they are better than {smaller['width']} by {gap}, more than one standard error ({error})"
    )


def _gap(row: dict[str, Any], best: dict[str, Any], metric: Metric) -> float:
    return metric.merit(best["validation_score"]) - metric.merit(row["validation_score"])


def _error(row: dict[str, Any], best: dict[str, Any]) -> float:
    return sqrt(row["standard_error"] ** 2 + best["standard_error"] ** 2)


def _summary(width: int, candidates: Sequence[Candidate]) -> dict[str, Any]:
    rows = [c for c in candidates if c.width == width]
    scores = [c.validation_score for c in rows]
    error = stdev(scores) / sqrt(len(rows)) if len(rows) > 1 else 0.0
    return {
        "width": width,
        "seeds": len(rows),
        "validation_score": mean(scores),
        "standard_error": error or mean(c.standard_error for c in rows),
        "overfitting_gap": mean(c.overfitting_gap for c in rows),
        "seconds": mean(c.seconds for c in rows),
    }
