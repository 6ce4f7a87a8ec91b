"""Figures as SVG that takes its colours from the page around it.

matplotlib draws with placeholder colours; `svg` replaces them with `currentColor` and the CSS
variables of style.css, so that one figure is readable on light, dark and paper. Text stays text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

INK = "#010203"
FAINT = "#010204"
BLUE = "#010205"
ORANGE = "#010206"
GREEN = "#010207"
PAGE_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--line)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bakeoff",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "figure.constrained_layout.use": True,
}

PERCENT = FuncFormatter(lambda share, _: f"{100 * share:g} %")

WIDTH = 10.5
"""Inches of a figure as wide as the page, where its text is as large as that of the tables."""
PHONE = 3.6
"""Inches of the same figure on a phone."""


def on_screens(draw: Callable[[float], Figure], name: str, title: str) -> Markup:
    """A figure as wide as the page, and one for phones, of which style.css shows either.

    Args:
        draw: gives the figure of a width in inches.
    """
    with matplotlib.rc_context(STYLE):
        wide, phone = (
            svg(draw(width), f"{name}-{screen}", title)
            for screen, width in (("wide", WIDTH), ("phone", PHONE))
        )
    return Markup('<div class="roomy">{}</div><div class="phone">{}</div>').format(wide, phone)


def short(name: str, width: float) -> str:
    """A name that leaves room for what it names."""
    most = int(4 * width)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def legend_below(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], columns: int
) -> None:
    """One legend of all panels, where it covers nothing; the figure grows by its rows."""
    if not handles:
        return
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + 0.18 * (rows - 1))
    figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, fontsize=8, columnspacing=1
    )


def svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as an inline SVG element; `name` keeps its ids apart from other figures'."""
    stream = io.StringIO()
    with warnings.catch_warnings():
        # The reader's fonts draw the text, so that matplotlib's need not have every script.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    drawn = stream.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<(metadata|style)\b.*?</\1>", "", drawn, flags=re.DOTALL)
    drawn = (
        re.sub(r"\s+", " ", drawn).replace("> <", "><").replace(" font-family: 'DejaVu Sans';", "")
    )
    for placeholder, colour in PAGE_COLOURS.items():
        drawn = drawn.replace(placeholder, colour)
    prefix = "plot-" + re.sub(r"[^a-z0-9]+", "-", name.lower())
    drawn = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}-", drawn)
    drawn = re.sub(
        r"<svg([^>]*)>",
        lambda match: (
            f'<svg{match[1]} role="img" aria-labelledby="{prefix}-title">'
            f'<title id="{prefix}-title">{escape(title)}</title>'
        ),
        drawn,
        count=1,
    )
    return Markup(drawn)
