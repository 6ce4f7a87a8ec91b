"""The width of recurrent networks, chosen from validation results alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from typing import Any

from bakeoff.formats import duration, percent, points


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One training of a network of a certain width."""

    model: str
    width: int
    seed: int
    validation_accuracy: float
    validation_rows: int
    overfitting_gap: float
    """Training minus validation accuracy, at the epoch that was kept."""
    seconds: float


@dataclass(frozen=True)
class Choice:
    """The chosen width, why, and the figures behind it."""

    width: int
    sentence: str
    table: list[dict[str, Any]]
    """One record a width: width, seeds, validation_accuracy, standard_error, overfitting_gap,
    seconds; means over seeds."""


def choose_width(candidates: Sequence[Candidate]) -> Choice:
    """The smallest width that is not worse than the best by more than one standard error.

    This is the one-standard-error rule (Breiman et al. 1984, §3.4.3). The error of a width's mean
    accuracy is taken over its seeds; where a single one, or equal ones, leave none, it is the
    binomial error of the accuracy on the validation rows. The error of a difference adds both in
    squares.

    Args:
        candidates: trainings of at least one width.
    """
    table = [_summary(width, candidates) for width in sorted({c.width for c in candidates})]
    best = max(table, key=lambda row: row["validation_accuracy"])
    chosen = next(row for row in table if _gap(row, best) <= _error(row, best))
    figures = "; ".join(
        f"{row['width']} units: validation accuracy {percent(row['validation_accuracy'])}, "
        f"overfitting gap {points(row['overfitting_gap'])} points, {duration(row['seconds'])}"
        for row in table
    )
    return Choice(
        width=chosen["width"],
        sentence=f"{chosen['width']} units were chosen: {_reason(chosen, best, table)}. {figures}.",
        table=table,
    )


def _reason(chosen: dict[str, Any], best: dict[str, Any], table: list[dict[str, Any]]) -> str:
    if chosen is not best:
        return (
            f"{best['width']} units are better by {100 * _gap(chosen, best):.2f} points, which is "
            f"not more than one standard error ({100 * _error(chosen, best):.2f})"
        )
    if chosen is table[0]:
        return "no larger width is better" if len(table) > 1 else "no other width took part"
    smaller = max(table[: table.index(chosen)], key=lambda row: row["validation_accuracy"])
    return (
        f"they are better than {smaller['width']} by {100 * _gap(smaller, best):.2f} points, more "
        f"than one standard error ({100 * _error(smaller, best):.2f})"
    )


def _gap(row: dict[str, Any], best: dict[str, Any]) -> float:
    return best["validation_accuracy"] - row["validation_accuracy"]


def _error(row: dict[str, Any], best: dict[str, Any]) -> float:
    return sqrt(row["standard_error"] ** 2 + best["standard_error"] ** 2)


def _summary(width: int, candidates: Sequence[Candidate]) -> dict[str, Any]:
    rows = [c for c in candidates if c.width == width]
    accuracies = [c.validation_accuracy for c in rows]
    accuracy = mean(accuracies)
    error = stdev(accuracies) / sqrt(len(rows)) if len(rows) > 1 else 0.0
    if not error:
        error = sqrt(accuracy * (1 - accuracy) / rows[0].validation_rows)
    return {
        "width": width,
        "seeds": len(rows),
        "validation_accuracy": accuracy,
        "standard_error": error,
        "overfitting_gap": mean(c.overfitting_gap for c in rows),
        "seconds": mean(c.seconds for c in rows),
    }
