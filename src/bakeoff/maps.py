"""How a map of embeddings is drawn; one place, so that the page and W&B show the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

AS_WRITTEN: dict[Any, Any] = {"text.parse_math": False}
"""Matplotlib's settings by which a name with $ is no formula."""
MARKERS = "os^Dvp*X"
"""Tell apart classes that have the same of ten colours."""
MOST_CLASSES_NAMED = 20
_LONGEST = 16
"""Characters of a name in the legend."""


def draw_map(
    axes: Axes, points: list[dict[str, Any]], classes: Sequence[str]
) -> tuple[list[Line2D], list[str]]:
    """Draw points, each with x, y and the index of its class, a colour and a mark a class.

    Returns:
        What a legend takes, handles and labels: of itself it leaves out names that begin with "_".
    """
    import matplotlib

    handles, labels = [], []
    for index, name in enumerate(classes):
        own = [point for point in points if point["class"] == index]
        handles += axes.plot(
            [point["x"] for point in own],
            [point["y"] for point in own],
            MARKERS[index // 10 % len(MARKERS)],
            ms=3,
            alpha=0.8,
            color=matplotlib.colormaps["tab10"](index % 10),
        )
        labels.append(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")
    axes.set(xticks=[], yticks=[])
    return handles, labels
