"""A first look at data, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.data.languages import UNCLEAR
from bakeoff.formats import count, percent
from bakeoff.report.terminal import new_table

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 20
_RARE = 0.01
"""Share below which languages are counted together."""
_SKIP = {"text": "--skip-bad-rows", "image": "--skip-bad-images"}


def looked_tables(facts: dict[str, Any]) -> list[Table]:
    """Classes, the largest first, and lengths of texts or sizes of images.

    Args:
        facts: as of `bakeoff.data.look.look`.
    """
    if not facts["classes"]:
        return []
    classes = new_table("class", "rows", "share")
    ordered = sorted(facts["classes"].items(), key=lambda item: -item[1])
    shown = ordered if len(ordered) <= _SHOWN else ordered[: _SHOWN - 1]
    for name, n in shown:
        classes.add_row(name, count(n), percent(n / facts["usable"]))
    if rest := ordered[len(shown) :]:
        n = sum(n for _, n in rest)
        classes.add_row(f"{len(rest)} smaller ones", count(n), percent(n / facts["usable"]))
    extents = facts.get("lengths") or facts["sizes"]
    spreads = new_table("length" if "lengths" in facts else "pixels", *extents[next(iter(extents))])
    for name, spread in extents.items():
        spreads.add_row(name, *map(count, spread.values()))
    return [classes, spreads]


def looked_lines(facts: dict[str, Any]) -> list[str]:
    """All else in sentences, what would be refused last."""
    lines = []
    noun = f"{facts['modality']}s"
    if facts["rows"] is not None:
        lines.append(_rows(facts, noun))
        if facts.get("languages"):
            lines.append(f"languages: {_languages(facts['languages'])}")
        lines.append(_copies(facts))
    lines += facts["remarks"]
    if facts["left_out"]:
        reasons = ", ".join(f"{reason} {count(n)}" for reason, n in facts["left_out"].items())
        lines.append(f"{_SKIP[facts['modality']]} leaves out: {reasons}")
    if facts["refusals"]:
        return [*lines, *(f"refused: {line}" for line in facts["refusals"])]
    parts = ", ".join(f"{name} {count(n)}" for name, n in facts["split"].items())
    return [*lines, f"nothing is refused; a split: {parts}"]


def _languages(shares: dict[str, float]) -> str:
    """Shares, the rare ones together: English 95.5 %, 2 others 0.5 %, unclear 4.0 %."""
    last = {name: share for name, share in shares.items() if name == UNCLEAR}
    named = {name: share for name, share in shares.items() if name != UNCLEAR}
    rare = {name: share for name, share in named.items() if share < _RARE}
    shown = {name: share for name, share in named.items() if name not in rare or len(rare) == 1}
    if len(rare) > 1:
        shown[f"{len(rare)} others"] = sum(rare.values())
    return ", ".join(f"{name} {percent(share)}" for name, share in {**shown, **last}.items())


def _rows(facts: dict[str, Any], noun: str) -> str:
    named = [n for n in facts["classes"].values() if n]
    balance = max(named) / min(named)
    classes = "1 class" if len(named) == 1 else f"{len(named)} classes"
    said = f"{facts['name']}: {count(facts['rows'])} {noun}, {classes}"
    if len(named) > 1:
        said += f", the largest {balance:.1f} times the smallest"
    return said


def _copies(facts: dict[str, Any]) -> str:
    copies, near = facts["duplicates"], facts["near_copies"]
    said = f"copies: {count(copies['surplus_rows'])} surplus"
    if doubtful := copies["groups_with_conflicting_labels"]:
        said += f", {count(doubtful)} under more than one label"
    return said if near is None else f"{said}; near copies: {count(near['rows'])}"
