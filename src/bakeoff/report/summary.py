"""What the results say, in words: the answer, its rivals, and who is worth their cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from bakeoff.evaluation.baseline import KIND
from bakeoff.evaluation.scores import ACCURACY, METRICS, Metric
from bakeoff.formats import count, duration, p_value, percent

Results = dict[str, Any]
Row = dict[str, Any]

MOST_RIVALS_NAMED = 2
CHEAPER = 2.0
"""How many times the training time of an equal the winner must take for the equal to lead."""
UNEQUAL = 2.0
"""How many times the rows of the smallest class the largest has where classes are unequal."""


def metric_of(results: Results) -> Metric:
    """What the winner is best in."""
    return METRICS[results["metric"]]


def all_trainings(results: Results) -> list[dict[str, Any]]:
    """What results hold of each training, autoencoders included."""
    return [*results["models"], *results.get("autoencoders", ())]


def winner_row(results: Results) -> Row:
    """The leaderboard's row of the model that validation chose."""
    return next(row for row in results["leaderboard"] if row["model"] == results["winner"]["model"])


def baseline_row(results: Results) -> Row | None:
    """The leaderboard's row of the largest class, which `compare` always adds."""
    return next((row for row in results["leaderboard"] if row["kind"] == KIND), None)


def trained_rows(results: Results) -> list[Row]:
    """The leaderboard without the baseline."""
    return [row for row in results["leaderboard"] if row["kind"] != KIND]


def noun(results: Results) -> str:
    """What is classified: "texts" or "images"."""
    return "texts" if results["dataset"]["modality"] == "text" else "images"


def standing(results: Results, row: Row) -> str:
    """How a model's test score stands to the winner's, as far as their comparison can tell:
    "worse", "undecided" or "better".
    """
    winner = results["winner"]["model"]
    both = {row["model"], winner}
    [pair] = (pair for pair in results["comparisons"] if {pair["first"], pair["second"]} == both)
    turned = {"better": "worse", "worse": "better"}
    verdict: str = pair["verdict"]
    return verdict if pair["second"] == winner else turned.get(verdict, verdict)


def answer(results: Results) -> str:
    """The verdict, word for word the same wherever a run is shown: who won, how well, at what cost;
    of models that cannot be told apart the cheaper one first; and whether all that is more than
    naming the largest class.
    """
    winner = winner_row(results)
    others = [row for row in trained_rows(results) if row is not winner]
    better = [row for row in others if standing(results, row) == "better"]
    equal = [row for row in others if standing(results, row) == "undecided"]
    name = winner["model"]
    baseline = baseline_row(results)
    if baseline and standing(results, baseline) != "worse":
        return _no_better_than(baseline, results)
    if better:
        return (
            f"{name}, best on validation, {_achieved(results, winner)}; on the test split "
            f"{_named(results, better)} did clearly better."
        )
    cheap = _cheap(results, equal)
    if cheap:
        times = round(winner["train_seconds"] / max(cheap["train_seconds"], 1e-3))
        sentence = (
            f"{cheap['model']} is as good as {_named(results, [winner])}, best on validation, at "
            f"1/{count(times)} of its training time, as far as this test can tell: it "
            f"{_achieved(results, cheap)}."
        )
        if rest := [row for row in equal if row is not cheap]:
            sentence += f" Nor can the test tell {name} from {_named(results, rest)}."
        return sentence
    if equal:
        return (
            f"No clear winner: {name}, best on validation, {_achieved(results, winner)}, but this "
            f"test cannot tell it from {_named(results, equal)}."
        )
    return f"{name} {'wins: it ' if others else ''}{_achieved(results, winner)}."


def _no_better_than(baseline: Row, results: Results) -> str:
    winner = winner_row(results)
    metric, held = metric_of(results), results["dataset"]["class_counts"]["train"]
    largest = max(held, key=lambda name: held[name])
    return (
        f"No model is shown to be of use: {winner['model']}, best on validation, "
        f"{_achieved(results, winner)}, which is not clearly better than the "
        f"{metric.show(baseline[metric.key])} of always naming the largest class, “{largest}”."
    )


def _cheap(results: Results, equal: list[Row]) -> Row | None:
    """Of the winner's equals the cheapest, if it takes much less time and its interval lies on the
    better side of the baseline's score.
    """
    metric, winner, baseline = metric_of(results), winner_row(results), baseline_row(results)
    least = metric.merit(baseline[metric.key]) if baseline else -math.inf
    useful = [
        row
        for row in equal
        if min(metric.merit(row[f"{metric.key}_{end}"]) for end in ("low", "high")) > least
    ]
    cheapest = min(useful, key=lambda row: row["train_seconds"], default=None)
    if cheapest and cheapest["train_seconds"] * CHEAPER <= winner["train_seconds"]:
        return cheapest
    return None


def _achieved(results: Results, row: Row) -> str:
    """What a model does on the test split, and what its training took."""
    metric, size = metric_of(results), count(results["dataset"]["sizes"]["test"])
    key, score = metric.key, metric.show(row[metric.key])
    bounds = metric.show_interval(row[f"{key}_low"], row[f"{key}_high"])
    if metric is ACCURACY:
        done = f"classifies {score} of {size} test {noun(results)} correctly"
    else:
        done = f"has a test {metric.words} of {score} on {size} {noun(results)}"
    return (
        f"{done} (95\u202f% interval {bounds}) after {duration(row['train_seconds'])} of training"
    )


def _named(results: Results, rows: list[Row]) -> str:
    if len(rows) > MOST_RIVALS_NAMED:
        return f"{len(rows)} other models"
    metric = metric_of(results)
    return " and ".join(
        f"{row['model']} ({metric.show(row[metric.key])}, {duration(row['train_seconds'])})"
        for row in rows
    )


def hint(results: Results) -> str:
    """What to mind where accuracy chose and classes are unequal; "" elsewhere."""
    held = results["dataset"]["class_counts"]["train"]
    numbers = {name: held.get(name, 0) for name in results["classes"]}
    largest, smallest = (by(numbers, key=lambda name: numbers[name]) for by in (max, min))
    rows, even = sum(numbers.values()), numbers[largest] < UNEQUAL * numbers[smallest]
    if results["metric"] != "accuracy" or even or not rows:
        return ""
    return (
        f"Classes are unequal (“{largest}” has {percent(numbers[largest] / rows)} of the training "
        f"{noun(results)}, “{smallest}” {percent(numbers[smallest] / rows)}), and accuracy favours "
        "the large ones: --metric macro-f1 or balanced-accuracy lets every class weigh alike."
    )


def outcome(results: Results) -> dict[str, Any]:
    """The outcome for machines: the answer in words, the hint, and the figures behind them."""
    return {
        "verdict": answer(results),
        "hint": hint(results),
        "metric": results["metric"],
        "winner": results["winner"],
        "leaderboard": results["leaderboard"],
        "comparisons": results["comparisons"],
    }


def pareto_front(leaderboard: list[Row]) -> list[Row]:
    """The models that are worth their training time (`bakeoff.evaluation.cost.front`), cheapest
    first.
    """
    return sorted(
        (row for row in leaderboard if row["front"]), key=lambda row: row["train_seconds"]
    )


def worth(results: Results) -> str:
    """Which models are worth their training time, in a sentence; "" where none is."""
    names = [row["model"] for row in pareto_front(results["leaderboard"])]
    if not names:
        return ""
    return (
        f"Worth their training time {'is' if len(names) == 1 else 'are'} {', '.join(names)}: no "
        "model is as good in clearly less time, or clearly better in no more."
    )


def comparison_sentence(results: Results, pair: dict[str, Any]) -> str:
    """What the test of two models found, in a sentence."""
    metric = metric_of(results)
    said = {
        "better": "is better than",
        "worse": "is worse than",
        "undecided": "is not clearly different from",
    }[pair["verdict"]]
    low, high = (metric.show_difference(pair[bound]) for bound in ("low", "high"))
    unit = " percentage points" if metric.percent else ""
    test = "McNemar" if metric is ACCURACY else "permutation"
    return (
        f"{pair['first']} {said} {pair['second']} in test {metric.words}: "
        f"{metric.show_difference(pair['difference'])}{unit}, 95\u202f% interval {low} to {high}, "
        f"on the same {noun(results)} ({test} p {p_value(pair['p'])}; corrected for all "
        f"comparisons {p_value(pair['holm_p'])})."
    )


def validation_interval(results: Results, row: Row) -> str:
    """The 95 % interval of a model's validation score."""
    metric = metric_of(results)
    names = (f"validation_{metric.key}_{end}" for end in ("low", "high"))
    return metric.show_interval(*(row[name] for name in names))


def width(results: Results) -> dict[str, Any] | None:
    """How the width of the networks that follow a choice came about; None where there are none.

    Returns:
        sentence, table (a record a width, empty without a choice) and chosen.
    """
    widths: dict[int, list[str]] = {}
    for row in trained_rows(results):
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
