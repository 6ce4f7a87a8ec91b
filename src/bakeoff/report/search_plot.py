"""The figure of a search: its trials, once for each setting."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from bakeoff.evaluation.scores import Metric
from bakeoff.formats import percent
from bakeoff.report.svg import BLUE, GREEN, ORANGE, PERCENT, WIDTH, on_screens

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOKS: dict[str, dict[str, Any]] = {
    "finished": {"marker": "o", "mfc": BLUE, "mec": BLUE},
    "stopped early": {"marker": "o", "mfc": "none", "mec": BLUE},
    "its own settings": {"marker": "D", "mfc": GREEN, "mec": GREEN},
    "best": {"marker": "o", "mfc": ORANGE, "mec": ORANGE, "ms": 8},
}


def search_plot(search: dict[str, Any], metric: Metric) -> Markup:
    """The validation score of each trial against each setting; of those that were stopped the best
    they had reached. Settings that mattered more come first.

    Args:
        search: as `bakeoff.tuning.results.summarised` has it.
        metric: that it is of.
    """
    space, importance = search["space"], search["importance"]
    paths = sorted(space, key=lambda path: -importance.get(path, 0.0))
    trials = [trial for trial in search["trials"] if trial["score"] is not None]

    def draw(width: float) -> Figure:
        columns = min(4 if width == WIDTH else 2, len(paths))
        rows = -(-len(paths) // columns)
        figure = Figure(figsize=(width, 0.7 + 1.75 * rows))
        panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
        for axes, path in zip(panels, paths, strict=False):
            _panel(axes, path, space[path], trials, search["best"])
            share = f"  {percent(importance[path])}" if path in importance else ""
            axes.set_title(f"{path.rpartition('.')[2]}{share}", loc="left")
            if metric.percent:
                axes.yaxis.set_major_formatter(PERCENT)
        for axes in panels[len(paths) :]:
            axes.set_visible(False)
        figure.supylabel(f"validation {metric.words}", fontsize=9)
        keys = [Line2D([], [], ls="", label=name, **look) for name, look in _LOOKS.items()]
        figure.legend(
            handles=keys,
            loc="outside lower center",
            ncols=len(keys) if width == WIDTH else 2,
            fontsize=8,
        )
        return figure

    return on_screens(
        draw,
        f"search-{search['model']}",
        f"Validation {metric.words} of each trial of {search['model']} against each setting",
    )


def _panel(
    axes: Axes, path: str, dimension: dict[str, Any], trials: list[dict[str, Any]], best: int
) -> None:
    choices = dimension.get("values")
    for trial in sorted(trials, key=lambda t: (t["number"] == best, t["number"] == 0)):
        value = trial["settings"][path]
        look = _LOOKS["finished" if trial["state"] == "finished" else "stopped early"]
        if trial["number"] == 0:
            look = _LOOKS["its own settings"]
        if trial["number"] == best:
            look = _LOOKS["best"] | ({"marker": "D"} if best == 0 else {})
        axes.plot(choices.index(value) if choices else value, trial["score"], **look)
    if choices:
        axes.set_xticks(range(len(choices)), [str(value) for value in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
        return
    low, high = dimension["low"], dimension["high"]
    if dimension["kind"] == "LogUniform":
        axes.set_xscale("log")
        margin = (high / low) ** 0.04
        axes.set_xlim(low / margin, high * margin)
        tens = range(floor(log10(low)), ceil(log10(high)) + 1)
        ticks = [digit * 10.0**ten for ten in tens for digit in (1, 3)]
        axes.set_xticks([tick for tick in ticks if low <= tick <= high])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=dimension["kind"] == "Integers"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
