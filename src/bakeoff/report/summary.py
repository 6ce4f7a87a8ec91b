"""What the results say, in words: the answer, its rivals, and who is worth their cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bakeoff.formats import duration, interval, percent

Results = dict[str, Any]
Row = dict[str, Any]

MOST_RIVALS_NAMED = 2


def winner_row(results: Results) -> Row:
    """The leaderboard's row of the model that validation chose."""
    return next(row for row in results["leaderboard"] if row["model"] == results["winner"]["model"])


def noun(results: Results) -> str:
    """What is classified: "texts" or "images"."""
    return "texts" if results["dataset"]["modality"] == "text" else "images"


def standing(results: Results, row: Row) -> str:
    """How a model's test accuracy stands to the winner's, as far as their comparison can tell:
    "worse", "undecided" or "better".
    """
    winner = results["winner"]["model"]
    both = {row["model"], winner}
    [pair] = (pair for pair in results["comparisons"] if {pair["first"], pair["second"]} == both)
    turned = {"better": "worse", "worse": "better"}
    verdict: str = pair["verdict"]
    return verdict if pair["second"] == winner else turned.get(verdict, verdict)


def answer(results: Results) -> str:
    """The whole bake-off in a sentence or two: who won, how well, at what cost."""
    winner = winner_row(results)
    others = [row for row in results["leaderboard"] if row is not winner]
    better = [row for row in others if standing(results, row) == "better"]
    equal = [row for row in others if standing(results, row) == "undecided"]
    test_size = results["dataset"]["sizes"]["test"]
    achieved = (
        f"classifies {percent(winner['accuracy'])} of {test_size:,} test {noun(results)} correctly "
        f"(95\u202f% interval {interval(winner['accuracy_low'], winner['accuracy_high'])}) "
        f"after {duration(winner['train_seconds'])} of training"
    )
    if better:
        return (
            f"{winner['model']}, best on validation, {achieved}; on the test split "
            f"{_named(better)} did clearly better."
        )
    if equal:
        cheaper = [row for row in equal if row["train_seconds"] < winner["train_seconds"]]
        sentence = (
            f"No clear winner: {winner['model']}, best on validation, {achieved}, but this test "
            f"cannot tell it from {_named(equal)}."
        )
        if len(equal) > MOST_RIVALS_NAMED and cheaper:
            cheapest = min(cheaper, key=lambda row: row["train_seconds"])
            sentence += f" The cheapest of them is {_named([cheapest])}."
        return sentence
    return f"{winner['model']} {'wins: it ' if others else ''}{achieved}."


def _named(rows: list[Row]) -> str:
    if len(rows) > MOST_RIVALS_NAMED:
        return f"{len(rows)} other models"
    return " and ".join(
        f"{row['model']} ({percent(row['accuracy'])}, {duration(row['train_seconds'])})"
        for row in rows
    )


def pareto_front(leaderboard: list[Row]) -> list[Row]:
    """The models that none beats in both accuracy and training time, cheapest first."""
    front: list[Row] = []
    for row in sorted(leaderboard, key=lambda row: (row["train_seconds"], -row["accuracy"])):
        if not front or row["accuracy"] > front[-1]["accuracy"]:
            front.append(row)
    return front


def width(results: Results) -> dict[str, Any] | None:
    """How the width of the networks that follow a choice came about; None where there are none.

    Returns:
        sentence, table (a record a width, empty without a choice) and chosen.
    """
    widths: dict[int, list[str]] = {}
    for row in results["leaderboard"]:
        run = next(run for run in results["models"] if run["model"] == row["model"])
        if run["config"].get("width_role") == "follows":
            widths.setdefault(run["config"]["hidden"], []).append(row["model"])
    if "choice" in results:
        return {"chosen": next(iter(widths), None), **results["choice"]}
    if not widths:
        return None
    named = "; ".join(f"{units} units in {', '.join(names)}" for units, names in widths.items())
    return {
        "sentence": "Not chosen, as no RNNs of several widths took part: the width is the "
        f"configuration's, {named}.",
        "table": [],
        "chosen": None,
    }


def handicaps(configs: Iterable[dict[str, Any]]) -> str:
    """What networks of these configurations learn with and are not validated with.

    >>> handicaps([{"dropout": 0.3, "training": {"label_smoothing": 0.1}}])
    'dropout and label smoothing'
    >>> handicaps([{"pictures": {"crop": 1.0, "flip": False}}])
    ''
    """
    harmless = [("pictures.crop", 1), ("loss", "cross-entropy"), ("loss", "center")]
    used = {
        key
        for config in configs
        for key, value in flat(config).items()
        if value and (key, value) not in harmless
    }
    changes = {f"pictures.{name}" for name in ("flip", "crop", "shift", "color", "cutout")}
    said = {
        "dropout": {"dropout", "hidden_dropout", "word_dropout"},
        "embeddings disturbed as hurts most": {"disturbance"},
        "label smoothing": {"training.label_smoothing"},
        "pictures changed by chance": changes,
        "fewer pixels at first": {"pictures.growth"},
        "parts of other pictures, whose class does not count as right": {"pictures.cutmix"},
        "triplets in the loss": {"loss"},
    }
    *most, last = [what for what, keys in said.items() if keys & used] or [""]
    return " and ".join([", ".join(most), last] if most else [last])


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level.

    >>> flat({"hidden": 64, "training": {"epochs": 8}})
    {'hidden': 64, 'training.epochs': 8}
    """
    items: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        items |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return items
