"""The report of a bake-off as one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bakeoff import formats
from bakeoff.artifacts import written_atomically
from bakeoff.evaluation.cost import TIMES_APART
from bakeoff.evaluation.embeddings import NEIGHBOURS
from bakeoff.evaluation.scores import Metric, get_metric
from bakeoff.report import searches, summary
from bakeoff.report.hyper_parameters import hyper_parameters
from bakeoff.report.templates import render
from bakeoff.training.trained import as_used

MOST_CLASSES_IN_A_TABLE = 20
SHARES = ("vectors_cover_words", "vectors_cover_tokens", "cut_texts")
"""Facts of a model that are read as percentages."""


def write_report(results: dict[str, Any], path: Path) -> None:
    """Write the report of `results` (the content of results.json) to `path`, atomically.

    The KFP UI shows this same file.
    """
    page = render_report(results)
    with written_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def render_report(results: dict[str, Any]) -> str:
    """The page as text: everything that comes from data is escaped, figures are inline SVG."""
    return render("report.html.j2", **_context(results))


def render_leaderboard(results: dict[str, Any]) -> str:
    """The leaderboard as a table for a notebook, whose style it takes."""
    return render(
        "notebook.html.j2",
        answer=summary.answer(results),
        metric=summary.metric_of(results),
        leaderboard=results["leaderboard"],
        winner=results["winner"],
    )


def _context(results: dict[str, Any]) -> dict[str, Any]:
    """What the templates show: the results, and what is drawn or worked out from them."""
    from bakeoff.report import plots

    leaderboard, board = results["leaderboard"], summary.trained_rows(results)
    metric = summary.metric_of(results)
    runs = {
        row["model"]: sorted(
            (run for run in results["models"] if run["model"] == row["model"]),
            key=lambda run: run["seed"],
        )
        for row in board
    }
    shown = {name: _shown(seeds, results["winner"]) for name, seeds in runs.items()}
    average = results["models"][0]["test"]["average"]
    kind, _, positive = average.partition(": ")
    machines = results["machines"]
    context = results | {
        "answer": summary.answer(results),
        "hint": summary.hint(results),
        "metric": metric,
        "held_out": f"validation_{metric.key}",
        "trained": board,
        "timing": results["models"][0]["timing"],
        "times_apart": TIMES_APART,
        "winner_row": summary.winner_row(results),
        "noun": summary.noun(results),
        "averages": f"those of “{positive}”" if kind == "binary" else f"{average} means",
        "accuracy_plot": plots.accuracy_plot(leaderboard, results["winner"]["model"], metric),
        "cost_plot": plots.cost_plot(board, metric),
        "worth": summary.worth(results),
        "pareto": [row["model"] for row in summary.pareto_front(leaderboard)],
        "curves": {
            name: plots.learning_curves(name, trained, metric)
            for name, seeds in runs.items()
            if (trained := {run["seed"]: run["history"] for run in seeds if run["history"]})
        },
        "handicaps": summary.handicaps([run["config"] for run in results["models"]]),
        "width": summary.width(results),
        "searches": [_search(search, metric) for search in results.get("searches", ())],
        "transfer": [
            other | {"score": get_metric(other["metric"])} for other in results.get("transfer", ())
        ],
        "top5": all("top5_accuracy" in row for row in leaderboard),
        "numbered": len(results["classes"]) > MOST_CLASSES_IN_A_TABLE,
        "neighbours": NEIGHBOURS,
        "embeddings": _embeddings(results, runs),
        "autoencoders": [_autoencoder(record) for record in results.get("autoencoders", ())],
        "chosen": shown[results["winner"]["model"]],
        "drivers": [_drivers(model) for model in shown.values() if model["facts"].get("drivers")],
        "models": [_model(shown[name], seeds) for name, seeds in runs.items()],
        "used": sum(results["dataset"]["sizes"].values()),
        "identity": {
            **({"run": results["run"]["id"]} if "run" in results else {}),
            "group": results.get("group"),
            "commit": results.get("commit") or "unknown, as the code is in no git repository",
        },
        "environment": {
            "processor": _together(machine["processor"] for machine in machines),
            "cores": _together(machine["cores"] for machine in machines),
            "memory": _together(formats.size(machine["memory_bytes"]) for machine in machines),
            "platform": _together(machine["platform"] for machine in machines),
            "seed of the split": str(results["seed"]),
            "seeds of training": ", ".join(
                str(seed) for seed in sorted({run["seed"] for run in results["models"]})
            ),
            "created": results["created"],
            **results["versions"],
        },
    }
    context |= _errors(results.get("errors", {}))
    return context | {"sections": _sections(context)}


def _sections(context: dict[str, Any]) -> dict[str, str]:
    """The sections that have anything to show, id → how the navigation calls them."""
    errors = ("shared_mistakes", "by_length", "agreement")
    there = {
        "leaderboard": ("Leaderboard", True),
        "comparisons": ("Comparisons", context["comparisons"]),
        "width": ("Width", context["width"]),
        "search": ("Search", context["searches"]),
        "cost": ("Cost and accuracy", True),
        "transfer": ("Other data", context.get("transfer")),
        "curves": ("Learning curves", context["curves"]),
        "embeddings": ("Embeddings", context["embeddings"]),
        "autoencoders": ("Autoencoders", context["autoencoders"]),
        "errors": (
            "Errors",
            context["chosen"]["mistakes"] or any(context[name] for name in errors),
        ),
        "words": ("Words", context["drivers"]),
        "models": ("Models", True),
        "data": ("Data", True),
        "environment": ("Environment", True),
    }
    return {name: title for name, (title, anything) in there.items() if anything}


def _together(values: Iterable[Any]) -> str:
    """What machines have, once where they have the same."""
    return ", ".join(dict.fromkeys(map(str, values)))


def _shown(seeds: list[dict[str, Any]], winner: dict[str, Any]) -> dict[str, Any]:
    """The training that stands for a model: the first, of the winner the one that predicts."""
    predicts = (winner["model"], winner["seed"])
    return next((run for run in seeds if (run["model"], run["seed"]) == predicts), seeds[0])


def _model(model: dict[str, Any], seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """One model's section: one seed in full, the others by their figures."""
    from bakeoff.report import plots

    confusion = model["test"]["confusion"]
    drawn: dict[str, Any] = {}
    if confusion and len(confusion) > MOST_CLASSES_IN_A_TABLE:
        drawn["confusion_image"] = plots.confusion_image(model["model"], confusion)
    elif confusion:
        drawn["confusion_shares"] = [[n / max(sum(row), 1) for n in row] for row in confusion]
    return model | {
        **drawn,
        "seeds": seeds,
        "probability_plots": plots.probability_plots(model["model"], model["test"]),
        "settings": hyper_parameters(as_used(model)),
        "training": _training(model),
        "weights": dict(
            sorted(model["facts"].get("weights", {}).items(), key=lambda item: -item[1])
        ),
    }


def _training(model: dict[str, Any]) -> dict[str, Any]:
    """What the training of a model cost and found."""
    return {
        "time": formats.duration(model["seconds"]),
        "threads": model["threads"],
        "peak memory": formats.size(model["peak_memory_bytes"]),
        "size on disk": formats.size(model["size_bytes"]),
        **({"epochs trained": len(model["history"])} if model["history"] else {}),
        **{
            name: formats.percent(value) if name in SHARES else value
            for name, value in model["facts"].items()
            if name not in ("drivers", "weights", "precision")
        },
    }


def _embeddings(
    results: dict[str, Any], runs: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The embeddings of each model's first training and of each autoencoder's."""
    from bakeoff.report import plots

    first = {name: seeds[0] for name, seeds in runs.items()}
    for record in results.get("autoencoders", ()):
        first.setdefault(record["model"], record)
    return [
        {
            "name": name,
            "accuracy": record["test"]["accuracy"] if "test" in record else None,
            "mapped": len(record["embedding"]["maps"]["pca"]),
            "plots": record["embedding"]["maps"]["pca"]
            and plots.embedding_maps(name, record["embedding"]["maps"], results["classes"]),
            **record["embedding"],
        }
        for name, record in first.items()
        if "embedding" in record
    ]


def _autoencoder(record: dict[str, Any]) -> dict[str, Any]:
    from bakeoff.report import plots

    name = f"{record['model']}-seed{record['seed']}"
    return record | {
        "curve": record["history"]
        and plots.learning_curves(name, {record["seed"]: record["history"]}),
        "settings": hyper_parameters(as_used(record)),
        "training": _training(record),
    }


def _search(search: dict[str, Any], metric: Metric) -> dict[str, Any]:
    from bakeoff.report.search_plot import search_plot

    return search | {
        "sentences": searches.sentences(search, metric),
        "ranked": searches.ranked(search, metric),
        "by_epochs": any(trial["epochs_planned"] for trial in search["trials"]),
        "plot": search_plot(search, metric),
    }


def _drivers(model: dict[str, Any]) -> dict[str, Any]:
    """A model's weightiest n-grams by class, with their share of the greatest weight."""
    rows = model["facts"]["drivers"]
    most = max(row["weight"] for row in rows) or 1
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        title = "all classes" if row["class"] is None else f"for {row['class']}"
        groups.setdefault(title, []).append(row | {"share": max(row["weight"] / most, 0)})
    return {"name": model["model"], "groups": groups}


def _errors(errors: dict[str, Any]) -> dict[str, Any]:
    """What the errors section shows, empty where there is nothing: mistakes, and two tables as
    printed cells with the shares that tint them.
    """
    agreement = errors.get("agreement", {"models": [], "matrix": []})
    matrix = [
        [None if row == column else share for column, share in enumerate(shares)]
        for row, shares in enumerate(agreement["matrix"])
    ]
    buckets = errors.get("by_length", [])
    models = list(buckets[0]["accuracy"]) if buckets else []
    by_model = [[bucket["accuracy"][model] for bucket in buckets] for model in models]
    return {
        "shared_mistakes": errors.get("shared_mistakes", []),
        "agreement": len(matrix) > 1
        and {
            "models": agreement["models"],
            "cells": [
                ["" if share is None else f"{100 * share:.0f}" for share in row] for row in matrix
            ],
            "shares": _stretched(matrix),
        },
        "by_length": buckets
        and {
            "models": models,
            "columns": [
                f"{bucket['low']:,}–{bucket['high']:,} ({bucket['n']:,})" for bucket in buckets
            ],
            "cells": [[formats.percent(share) for share in row] for row in by_model],
            "shares": _stretched(by_model),
        },
    }


def _stretched(matrix: Sequence[Sequence[float | None]]) -> list[list[float]]:
    """The values mapped to 0 … 1 from their least to their greatest, so that tints differ."""
    values = [value for row in matrix for value in row if value is not None]
    low, span = min(values, default=0), (max(values, default=0) - min(values, default=0)) or 1
    return [[0 if value is None else (value - low) / span for value in row] for row in matrix]
