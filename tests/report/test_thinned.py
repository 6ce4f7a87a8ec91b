"""Results that hold less than results may hold: whatever is missing, what is left is shown."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from typing import Any

import pytest
from html_page import Page
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bakeoff.report.markdown import write_markdown
from bakeoff.report.page import render_report
from bakeoff.report.terminal import dataset_table, leaderboard_table, remarks, transfer_table

WHOLE = {"classes", "leaderboard", "models", "comparisons", "machines", "confusion", "matrix"} | {
    *("per_class", "fpr", "tpr", "thresholds", "class_counts"),
}
"""Lists with an entry for each class, model or the like: none of them is ever missing."""
OPEN = {"facts", "config", "dropped", "versions", "weights", "pictures", "examples"}
"""Keys of dictionaries that hold what there is."""
OPTIONAL = {
    "errors",
    "choice",
    "transfer",
    "autoencoders",
    "contaminated",
    "label_noise",
    "run",
} | {
    *("preprocessing_examples", "embedding", "probability", "roc", "top5_accuracy"),
}
COUNTS = {"groups", "surplus_rows", "suspects", "empty"}

Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """What of the results may be less; "*" stands for every item of a list."""
    if isinstance(value, list) and value:
        yield from places(value[0], (*path, "*"))
        yield from places(value[0], (*path, 0))
    elif isinstance(value, dict):
        for key, item in value.items():
            here = (*path, key)
            shorter = isinstance(item, list) and key not in WHOLE
            if shorter or key in OPTIONAL | COUNTS | OPEN:
                yield here
            yield from places(item, here)


def cut(value: Any, path: Path, n: int) -> None:
    """Leave at most `n` of what is at `path`."""
    step, *rest = path
    if step == "*" or isinstance(step, int):
        for item in value if step == "*" else value[:1]:
            cut(item, tuple(rest), n)
    elif step not in value:
        return
    elif rest:
        cut(value[step], tuple(rest), n)
    elif step in COUNTS:
        value[step] = n
    elif step in OPTIONAL and n == 0:
        value.pop(step)
    elif isinstance(value[step], list):
        value[step] = value[step][:n]
    elif step in OPEN and isinstance(value[step], dict):
        value[step] = dict(list(value[step].items())[:n])


BASELINE = "largest-class"


def of_models(results: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """What the results would be had these models alone taken part; the first is the winner."""
    results = copy.deepcopy(results)
    for key in ("leaderboard", "models"):
        results[key] = [row for row in results[key] if row["model"] in [*names, BASELINE]]
    winner = next(run for run in results["models"] if run["model"] == names[0])
    results["winner"] |= {"model": names[0], "seed": winner["seed"]}
    pair = results["comparisons"][0]
    results["comparisons"] = [
        pair | {"first": names[0], "second": name} for name in [*names[1:], BASELINE]
    ]
    if "errors" in results:
        k = len(names)
        results["errors"]["agreement"] = {"models": names, "matrix": [[1.0] * k] * k}
        for bucket in results["errors"]["by_length"]:
            bucket["accuracy"] = dict.fromkeys(names, 0.5)
    for entry in results.get("transfer", ()):
        entry["leaderboard"] = [row for row in entry["leaderboard"] if row["model"] in names]
    return results


@pytest.mark.parametrize("fixture", ["full_study", "pictures"])
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_whatever_results_lack_the_rest_is_shown(
    fixture: str, request: pytest.FixtureRequest, data: st.DataObject
) -> None:
    everything = request.getfixturevalue(fixture)
    known = [row["model"] for row in everything["leaderboard"] if row["model"] != BASELINE][:4]
    names = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
    results = of_models(everything, names)
    spots = sorted(set(places(results)), key=str)
    less = data.draw(st.dictionaries(st.sampled_from(spots), st.integers(0, 2), max_size=25))
    for path, n in less.items():
        cut(results, path, n)
    check(results)


def check(results: dict[str, Any]) -> None:
    page = Page(render_report(results))
    assert page.empty == []
    assert page.words_of_nothing == []
    assert {link[1:] for link in page.links if link[0] == "#"} <= set(page.ids)
    assert results["winner"]["model"] in page.text
    console = Console(file=io.StringIO(), width=80)
    for table in (
        leaderboard_table(results),
        dataset_table(results["dataset"]),
        *(transfer_table(entry) for entry in results.get("transfer", ())),
    ):
        console.print(table)
    for text in (write_markdown(results), console.file.getvalue()):
        assert results["winner"]["model"] in text
        assert "None" not in text
    remarks(results["dataset"])
