"""A comparison of runs, as people read it: the answer, tables for the terminal, the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts import written_atomically
from bakeoff.evaluation.scores import METRICS, Metric
from bakeoff.formats import count, p_value, plain
from bakeoff.report.templates import render
from bakeoff.report.terminal import new_table

if TYPE_CHECKING:
    from rich.table import Table

Across = dict[str, Any]
"""As `bakeoff.running.across.across` gives it."""
Run = dict[str, Any]
"""One of its runs."""
_IS = {"better": "better than", "worse": "worse than", "undecided": "not told from"}


def sentence(across: Across) -> str:
    """What can be said of the runs, and of how they could be compared."""
    said = [line for group in _comparable(across) for line in _of_group(across, group)]
    if across["apart"]:
        which = ", and of ".join(" and ".join(pair) for pair in across["apart"])
        said.append(f"The classes of {which} differ: these figures say nothing of each other")
    return ". ".join(said) + "."


def _comparable(across: Across) -> list[dict[str, Run]]:
    """Runs of the same classes by their letters, two or more a group."""
    apart = {frozenset(pair) for pair in across["apart"]}
    groups: list[dict[str, Run]] = []
    for run in across["runs"]:
        letter = run["letter"]
        alike = (group for group in groups if {next(iter(group)), letter} not in apart)
        group = next(alike, None)
        if group is None:
            groups.append({letter: run})
        else:
            group[letter] = run
    return [group for group in groups if len(group) > 1]


def _of_group(across: Across, runs: Mapping[str, Run]) -> list[str]:
    """Which run is best, what it is told from, and how runs of the same classes were compared."""
    metric = _metric(across)
    best = max(runs.values(), key=lambda run: metric.merit(run[metric.key]))
    bounds = metric.show_interval(best[f"{metric.key}_low"], best[f"{metric.key}_high"])
    everyone = len(runs) == len(across["runs"])
    among = "" if everyone else f" of {' and '.join(runs)}"
    said = [
        f"{best['letter']} ({best['model']}) has the best test {metric.words}{among}, "
        f"{metric.show(best[metric.key])} ({bounds})"
    ]
    pairs = [pair for pair in across["pairs"] if pair["first"] in runs and pair["second"] in runs]
    others = [pair for pair in pairs if best["letter"] in (pair["first"], pair["second"])]
    for verdict, words in (("undecided", "cannot be told from"), ("decided", "is better than")):
        letters = [
            pair["second"] if pair["first"] == best["letter"] else pair["first"]
            for pair in others
            if (pair["verdict"] == "undecided") == (verdict == "undecided")
        ]
        if letters:
            said[0] += f", and {words} {' and '.join(letters)}"
    unpaired = [pair for pair in pairs if not pair["paired"]]
    modalities = {run["modality"] for run in runs.values()}
    noun = f"{modalities.pop()}s" if len(modalities) == 1 else "rows"
    if unpaired:
        which = ", ".join(f"{pair['first']} and {pair['second']}" for pair in unpaired)
        said.append(
            f"Tested on other {noun} are {which}: their tests are not paired, which tells less, "
            f"and a difference may be one of the {noun}"
        )
    else:
        who = "All" if everyone else " and ".join(runs)
        said.append(f"{who} were tested on the same {count(best['test'])} {noun}: tests are paired")
    return said


def runs_compared(across: Across) -> Table:
    """One row a run."""
    metric = _metric(across)
    table = new_table("", "run", "model", metric.name, "95\u202f%", "rows")
    for run in across["runs"]:
        low, high = run[f"{metric.key}_low"], run[f"{metric.key}_high"]
        table.add_row(
            run["letter"],
            run["run"],
            run["model"],
            metric.show(run[metric.key]),
            metric.show_interval(low, high).replace(" to ", "–"),
            count(run["test"]),
        )
    return table


def pairs_compared(across: Across) -> Table:
    """One row a pair of runs."""
    metric = _metric(across)
    table = new_table("pair", "difference", "95\u202f%", "p", "Holm p", "tests")
    for pair in across["pairs"]:
        low, high = (metric.show_difference(pair[bound]) for bound in ("low", "high"))
        table.add_row(
            f"{pair['first']} {_IS[pair['verdict']]} {pair['second']}",
            metric.show_difference(pair["difference"]),
            f"{low} to {high}",
            p_value(pair["p"]),
            p_value(pair["holm_p"]),
            "paired" if pair["paired"] else "unpaired",
        )
    return table


def settings_compared(across: Across) -> Table:
    """One row a setting that differs."""
    letters = [run["letter"] for run in across["runs"]]
    table = new_table("setting", *letters, numbers=False)
    for name, values in across["settings"].items():
        table.add_row(name, *map(plain, values))
    return table


def write_page(across: Across, path: Path) -> None:
    """Write the page of a comparison, atomically.

    Raises:
        UserError: it cannot be written.
    """
    page = render(
        "compare.html.j2",
        across=across,
        metric=_metric(across),
        answer=sentence(across),
        says=_IS,
    )
    with written_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _metric(across: Across) -> Metric:
    return METRICS[across["metric"]]
