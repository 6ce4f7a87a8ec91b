"""The report's figures: what each draws. How they reach the page is in svg.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from bakeoff.evaluation.scores import ACCURACY, Metric
from bakeoff.maps import AS_WRITTEN, MARKERS, MOST_CLASSES_NAMED, draw_map
from bakeoff.report.summary import pareto_front
from bakeoff.report.svg import (
    BLUE,
    INK,
    ORANGE,
    PERCENT,
    STYLE,
    WIDTH,
    legend_below,
    on_screens,
    short,
    svg,
)
from bakeoff.training.history import best_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rows = list[dict[str, Any]]


def accuracy_plot(leaderboard: Rows, winner: str, metric: Metric) -> Markup:
    """Test score of every model with its 95 % interval, best on top; validation beside it."""
    key = metric.key
    title = f"Test {metric.words} of each model with its 95 % interval"

    def draw(width: float) -> Figure:
        figure = Figure(figsize=(width, 0.75 + 0.27 * len(leaderboard)))
        axes = figure.subplots()
        for y, row in enumerate(leaderboard):
            colour = ORANGE if row["model"] == winner else BLUE
            axes.plot([row[f"{key}_low"], row[f"{key}_high"]], [y, y], color=colour, lw=2)
            axes.plot(row[key], y, "o", color=colour)
        validation = [row[f"validation_{key}"] for row in leaderboard]
        axes.plot(
            validation, range(len(validation)), "|", color=INK, ms=9, mew=1.4, label="validation"
        )
        names = [short(row["model"], width) for row in leaderboard]
        axes.set_yticks(range(len(leaderboard)), names)
        axes.set_ylim(len(leaderboard) - 0.5, -0.5)
        axes.set_xlabel(
            f"{f'{metric.words}: ' if width == WIDTH else ''}● test, 95 %; | validation"
        )
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8 if width == WIDTH else 3))
        if metric.percent:
            axes.xaxis.set_major_formatter(PERCENT)
        axes.grid(axis="y", visible=False)
        return figure

    return on_screens(draw, "accuracy", title)


def cost_plot(leaderboard: Rows, metric: Metric) -> Markup:
    """Training seconds (logarithmic) against the test score; who is worth their time is marked."""
    front = pareto_front(leaderboard)
    on_front = [row["model"] for row in front]

    def draw(width: float) -> Figure:
        figure = Figure(figsize=(width, 3.6 if len(leaderboard) <= 10 else 5.4))
        axes = figure.subplots()
        for row in leaderboard:
            best = row["model"] in on_front
            axes.plot(
                row["train_seconds"],
                row[metric.key],
                "D" if best else "o",
                color=ORANGE if best else BLUE,
            )
        axes.set_xscale("log")
        axes.margins(x=0.12, y=0.12)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if width == WIDTH else (1,)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        if metric.percent:
            axes.yaxis.set_major_formatter(PERCENT)
        axes.set_xlabel("training time (log scale)")
        axes.set_ylabel(f"test {metric.words}")
        # Where there is less room, those that are worth their cost have a name.
        _label_points(figure, axes, leaderboard if width == WIDTH else front, metric.key)
        return figure

    return on_screens(
        draw,
        "cost",
        f"Test {metric.words} against training time. Worth their time: {', '.join(on_front)}",
    )


def _label_points(figure: Figure, axes: Axes, rows: Rows, key: str) -> None:
    """Name each point where its name covers no other name and no point."""
    figure.draw_without_rendering()
    reach = 4 * figure.dpi / 72
    taken = [(x - reach, y - reach, x + reach, y + reach) for x, y in _pixels(axes, rows, key)]
    places = [(7, 0), (-7, 0), (7, -8), (-7, 8), (7, 8), (-7, -8), (0, 11), (0, -11), (7, 18)]
    for row in rows:
        crowding: list[tuple[float, int, Any, Any]] = []
        for dx, dy in places:
            label = axes.annotate(
                row["model"],
                (row["train_seconds"], row[key]),
                xytext=(dx, dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right" if dx < 0 else "center",
                va="center",
                fontsize=8,
            )
            box = label.get_window_extent().extents
            inside = axes.bbox.x0 <= box[0] and box[2] <= axes.bbox.x1
            overlaps = sum(_overlap(box, other) for other in taken)
            label.remove()
            crowding.append((overlaps + (0 if inside else 1e6), len(crowding), label, box))
        _, _, label, box = min(crowding, key=lambda candidate: candidate[:2])
        axes.add_artist(label)
        taken.append(box)


def _pixels(axes: Axes, rows: Rows, key: str) -> Any:
    """Where the rows' points lie on the canvas, shape (rows, 2)."""
    return axes.transData.transform([(row["train_seconds"], row[key]) for row in rows])


def _overlap(a: Any, b: Any) -> float:
    """Area that two boxes (x0, y0, x1, y1) share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def learning_curves(model: str, histories: dict[int, Rows], metric: Metric = ACCURACY) -> Markup:
    """Loss and accuracy per epoch, one pair of lines a seed, the kept epoch marked.

    Args:
        model: its name.
        histories: seed → a record an epoch, at least one.
        metric: by which an epoch is kept.
    """
    has_accuracy = all(
        record.get("train_accuracy") is not None for h in histories.values() for record in h
    )
    panels = ["loss", "accuracy"] if has_accuracy else ["loss"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.65 * len(panels), 2.5))
        for axes, panel in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            for index, (seed, history) in enumerate(histories.items()):
                epochs = [record["epoch"] for record in history]
                kept = best_epoch(history, metric.name)
                named = f", seed {seed}" if len(histories) > 1 else ""
                for split, colour, dash in (("train", BLUE, "--"), ("validation", ORANGE, "-")):
                    axes.plot(
                        epochs,
                        [record[f"{split}_{panel}"] for record in history],
                        dash,
                        marker="." if len(histories) == 1 else MARKERS[index % len(MARKERS)],
                        ms=6 if len(histories) == 1 else 3.5,
                        alpha=1 - 0.6 * index / len(histories),
                        color=colour,
                        label=f"{split}{named}",
                    )
                axes.plot(
                    kept["epoch"],
                    kept[f"validation_{panel}"],
                    "o",
                    ms=9,
                    mfc="none",
                    mec=INK,
                    label="epoch kept" if index == len(histories) - 1 else None,
                )
            axes.set_title(panel, loc="left")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
            axes.set_xlabel("epoch")
            if panel == "accuracy":
                axes.yaxis.set_major_formatter(PERCENT)
        legend = figure.axes[0].get_legend_handles_labels()
        legend_below(figure, *legend, columns=3 if has_accuracy else 2)
        return svg(figure, f"curves-{model}", f"Training and validation curves of {model} by epoch")


def embedding_maps(model: str, maps: dict[str, Rows], classes: Sequence[str]) -> list[Markup]:
    """t-SNE and PCA of embeddings, coloured by class, and each with its legend where people can
    tell the classes apart.
    """
    drawn = []
    for kind, title in {"tsne": "t-SNE", "pca": "PCA"}.items():
        with matplotlib.rc_context({**STYLE, **AS_WRITTEN, "axes.grid": False}):
            figure = Figure(figsize=(WIDTH / 2 - 0.2, 4.6))
            axes = figure.subplots()
            legend = draw_map(axes, maps[kind], classes)
            axes.set_title(title, loc="left")
            if len(classes) <= MOST_CLASSES_NAMED:
                legend_below(figure, *legend, columns=5)
            drawn.append(
                svg(figure, f"{kind}-{model}", f"{title} of the embeddings of {model} by class")
            )
    return drawn


def probability_plots(model: str, metrics: dict[str, Any]) -> list[Markup]:
    """Calibration (stated against actual accuracy) and, for two classes, the ROC curve."""
    drawn = []
    with matplotlib.rc_context(STYLE):
        if bins := [row for row in metrics["calibration"] if row["n"]]:
            figure, axes = _square()
            axes.plot(
                [row["mean_probability"] for row in bins],
                [row["accuracy"] for row in bins],
                "o-",
                color=BLUE,
            )
            lowest = min(row["low"] for row in bins)
            axes.set(
                xlim=(lowest - 0.02, 1.02),
                xlabel="stated probability",
                ylabel="share correct",
                ylim=(min([lowest, *(row["accuracy"] for row in bins)]) - 0.02, 1.02),
            )
            axes.set_title(f"calibration (ECE {metrics['ece']:.3f})", loc="left")
            drawn.append(svg(figure, f"calibration-{model}", f"Calibration of {model}"))
        if metrics.get("roc"):
            figure, axes = _square()
            axes.plot(metrics["roc"]["fpr"], metrics["roc"]["tpr"], color=BLUE)
            axes.set(xlabel="false positive rate", ylabel="true positive rate")
            axes.set_title(f"ROC (AUC {metrics['auc']:.3f})", loc="left")
            drawn.append(svg(figure, f"roc-{model}", f"ROC curve of {model}"))
    return drawn


def _square() -> tuple[Figure, Axes]:
    """A small figure with its diagonal."""
    figure = Figure(figsize=(3.4, 3.1))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color=INK, lw=1)
    return figure, axes


def confusion_image(model: str, confusion: list[list[int]]) -> Markup:
    """The confusion matrix of many classes as a picture, each row as shares of its true class."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    shares = [[n / max(sum(row), 1) for n in row] for row in confusion]
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(6, 5.2))
        axes = figure.subplots()
        opacity = LinearSegmentedColormap.from_list(
            "opacity", [(0.25, 0.55, 0.85, 0), (0.25, 0.55, 0.85, 1)]
        )
        image = axes.imshow(
            shares, cmap=opacity, norm=PowerNorm(0.5, 0, 1), interpolation="nearest"
        )
        figure.colorbar(image, label="share of the true class", shrink=0.8).outline.set_visible(
            False
        )
        axes.set(xlabel="predicted class (number)", ylabel="true class (number)")
        return svg(figure, f"confusion-{model}", f"Confusion matrix of {model}")
