"""Tables and JSON on the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bakeoff.evaluation.scores import ACCURACY, METRICS, Metric
from bakeoff.formats import count, decimal, hundredths, plain, short, since, size
from bakeoff.report.summary import flat, metric_of

if TYPE_CHECKING:
    from rich.table import Table

PIPE_WIDTH = 160
"""Columns where the output is no terminal: enough that no table is cut."""


_NAME = 12
"""Columns of the name of a data set beside a run's."""
NAME_WIDTH = 48
"""Columns that a name takes at most; what is longer ends in an ellipsis."""


def leaderboard_table(results: dict[str, Any]) -> Table:
    """One row a model, best on test first; the model that validation chose is marked.

    Args:
        results: the content of results.json.
    """
    metric = metric_of(results)
    # Other scores are written with more digits, which leave no room for F1 on 80 columns.
    f1, ends = ["F1"] if metric is ACCURACY else [], "95\u202f%"
    table = new_table("model", metric.name, ends, "valid.", ends, *f1, "train", "params")
    for row in results["leaderboard"]:
        chosen = row["model"] == results["winner"]["model"]
        figures = [
            figure
            for key in (metric.key, f"validation_{metric.key}")
            for figure in (metric.show(row[key]), _ends(metric, row, key))
        ]
        table.add_row(
            f"{'★' if chosen else ' '} {row['model']}",
            *figures,
            *(decimal(row["f1"]) for _ in f1),
            f"{row['train_seconds']:,.{1 if row['train_seconds'] < 10 else 0}f} s",
            short(row["parameters"]),
            style="bold" if chosen else "",
        )
    return table


def _ends(metric: Metric, row: Mapping[str, Any], key: str) -> str:
    """The bounds of a score's interval, in little room."""
    write = hundredths if metric.percent else decimal
    return f"{write(row[f'{key}_low'])}–{write(row[f'{key}_high'])}"


def transfer_table(entry: dict[str, Any]) -> Table:
    """One row a model, best on the other data first.

    Args:
        entry: one data set of the results' "transfer".
    """
    metric = METRICS[entry["metric"]]
    change = "points" if metric.percent else "change"
    table = new_table("model", metric.words, "95\u202f%", "own test", change, "F1")
    for row in entry["leaderboard"]:
        table.add_row(
            row["model"],
            metric.show(row[metric.key]),
            _ends(metric, row, metric.key),
            metric.show(row["own"]),
            metric.show_difference(row["difference"]),
            decimal(row["f1"]),
        )
    return table


def runs_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One row a run.

    Args:
        rows: as of `bakeoff.running.listing.listing`.
    """
    table = new_table("run", "data", "best", "status", "size", "age")
    for row in rows:
        age = "–" if row["age"] is None else since(row["age"])
        table.add_row(
            row["run"], _fitted(row["data"]), _best(row), row["status"], size(row["bytes"]), age
        )
    return table


def _best(row: Mapping[str, Any]) -> str:
    """A run's score, with its metric where that is not accuracy."""
    if row["score"] is None:
        return "–"
    metric = METRICS[row["metric"]]
    score = metric.show(row["score"])
    return score if metric is ACCURACY else f"{score} {metric.name}"


def _fitted(name: str | None) -> str:
    """The end of a name, in little room."""
    return (name or "–") if len(name or "") <= _NAME else f"…{(name or '')[1 - _NAME :]}"


def models_table(models: Mapping[str, tuple[str, Sequence[str]]]) -> Table:
    """Every model with a sentence and what it takes part in.

    Args:
        models: name → sentence, and the names of presets and line-ups.
    """
    table = new_table("model", "what it is", "takes part in", numbers=False)
    for name, (sentence, lineups) in models.items():
        table.add_row(name, sentence, ", ".join(lineups))
    return table


def settings_table(config: Mapping[str, Any]) -> Table:
    """Every setting of a model, as --set names it.

    Args:
        config: the configuration, as JSON holds it.
    """
    table = new_table("setting", "value", numbers=False)
    for name, value in flat(dict(config)).items():
        if name != "type":
            table.add_row(name, str(value) if isinstance(value, int | float) else plain(value))
    return table


def names_table(heading: str, about: Mapping[str, str]) -> Table:
    """Names and what they stand for."""
    table = new_table(heading, "what it is", numbers=False)
    for name, text in about.items():
        table.add_row(name, text)
    return table


def dataset_table(facts: dict[str, Any]) -> Table:
    """How many rows of each class are in each split.

    Args:
        facts: the facts of a dataset folder's manifest.
    """
    table = new_table("class", *facts["sizes"])
    for name in facts["classes"]:
        table.add_row(name, *(count(facts["class_counts"][s].get(name, 0)) for s in facts["sizes"]))
    table.add_row("all", *(count(n) for n in facts["sizes"].values()), style="bold")
    return table


def remarks(facts: dict[str, Any], emptied: Mapping[str, int] | None = None) -> list[str]:
    """What a person should know of a data set, a line each: rows that take no part, and doubts.

    >>> remarks(
    ...     {
    ...         "dropped": {"truncated image": 3, "no label": 0},
    ...         "duplicates": {"copies_left_out": 2, "groups_with_conflicting_labels": 1},
    ...     }
    ... )  # doctest: +NORMALIZE_WHITESPACE
    ['3 left out: truncated image', '2 left out: copies of rows in a later split',
     '1 group of copies under more than one label']

    Args:
        facts: as of `dataset_table`.
        emptied: preprocessing → how many training texts it left without a word.
    """
    duplicates = facts["duplicates"]
    reasons = {
        **facts["dropped"],
        "copies of rows in a later split": duplicates.get("copies_left_out", 0),
    }
    lines = [f"{count(n)} left out: {reason}" for reason, n in reasons.items() if n]
    if values := facts.get("image", {}).get("range"):
        low, high = map(count, values)
        lines.append(
            f"16 bits a pixel: the values {low} to {high}, which hold at least 99 % of those "
            "of the training split, became 0 to 255"
        )
    doubtful = duplicates.get("groups_with_conflicting_labels", 0)
    if doubtful:
        groups = "group" if doubtful == 1 else "groups"
        lines.append(f"{count(doubtful)} {groups} of copies under more than one label")
    noise = facts.get("label_noise", {})
    for name, n in noise.get("classes", {}).items() if noise.get("dropped") else ():
        if n["left_out"] < n["suspects"]:
            lines.append(
                f"{name}: {count(n['suspects'])} of {count(n['rows'])} training labels look wrong; "
                f"{count(n['left_out'])} are left out, a fifth of the class at most"
            )
    for name, n in (emptied or {}).items():
        left = "1 training text" if n == 1 else f"{count(n)} training texts"
        lines.append(f"{left} without a word after the preprocessing {name}")
    return lines + facts.get("remarks", [])


def show_table(table: Table) -> None:
    """Print a table; into a pipe or file without cutting it."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def text_of(*parts: Table | str) -> str:
    """Tables and sentences as text, each from the start of a line; empty sentences are left out."""
    from io import StringIO

    from rich.console import Console

    written = StringIO()
    # Notebooks ask for colours, and would show what is written here.
    console = Console(
        file=written,
        width=PIPE_WIDTH,
        force_jupyter=False,
        force_terminal=False,
        highlight=False,
        markup=False,
    )
    for part in parts:
        if part:
            console.print(part, soft_wrap=isinstance(part, str))
    return written.getvalue()


def show_json(value: Any) -> None:
    """Print a value as JSON, whose characters are escaped where the output cannot hold them."""
    unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    print(json.dumps(value, indent=2, ensure_ascii=not unicode))


def show_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print records with equal keys as CSV."""
    import csv

    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def new_table(first: str, *others: str, numbers: bool = True) -> Table:
    """An empty table whose first column holds names and, with `numbers`, the others figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True, max_width=NAME_WIDTH)
    for heading in others:
        table.add_column(heading, justify="right" if numbers else "left", no_wrap=numbers)
    return table
