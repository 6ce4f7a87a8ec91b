"""The templates of all pages: everything that comes from data is escaped."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from bakeoff import formats


def render(template: str, **context: Any) -> str:
    """A template's text; `style` is the pages' own."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("bakeoff.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: function for name, function in vars(formats).items() if inspect.isfunction(function)
    }
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(context, style=Markup(style))
