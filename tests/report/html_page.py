"""Reads a report as a person and a browser would."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}
NEVER_EMPTY = {
    *("title", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "nav", "section", "figure"),
    *("figcaption", "table", "caption", "thead", "tbody", "tr", "th", "details", "summary"),
}
_LEVELS = {"h1": 1, "h2": 2, "h3": 3}


@dataclass
class Part:
    """An element, or what follows a heading, and whether anything can be seen in it."""

    name: str
    level: int = 0
    seen: bool = False
    text: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Collects what the tests ask about, and fails on tags that do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[Part] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.text = ""
        self.empty: list[str] = []
        """Elements that show nothing, and headings that nothing follows."""
        self._headings: list[Part] = []
        self.feed(page)
        assert self.open == []
        self._close_headings(0)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "srcset", "action", "data"):
                self.links.append(value)
            if name == "aria-labelledby":
                self.labelled.append(value)
        if tag in _LEVELS:
            self._close_headings(_LEVELS[tag])
        if tag in ("img", "svg"):
            self._see(tag)
        if tag not in VOID:
            self.open.append(Part(tag))

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        part = self.open.pop()
        assert part.name == tag
        if tag in NEVER_EMPTY and not part.seen:
            self.empty.append(tag)
        if tag in _LEVELS:
            self._headings.append(Part("".join(part.text), _LEVELS[tag]))
        if tag in ("section", "details", "header"):
            self._close_headings(2 if tag != "details" else 3)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1].name not in ("style", "script"):
            self.text += data
            if data.strip():
                self._see(data)

    def _see(self, what: str) -> None:
        inside = {part.name for part in self.open}
        for part in self.open:
            # What folds open is not what its summary says.
            part.seen |= part.name != "details" or "summary" not in inside
            part.text.append(what)
        if not inside & (_LEVELS.keys() | {"summary"}):
            for heading in self._headings:
                heading.seen = True

    def _close_headings(self, level: int) -> None:
        while self._headings and self._headings[-1].level >= level:
            heading = self._headings.pop()
            if not heading.seen:
                self.empty.append(heading.name)

    @property
    def words_of_nothing(self) -> list[str]:
        """What Python writes where there is no value."""
        return re.findall(r"\b(?:None(?! of| occurs)|nan|NaN|inf|Undefined|NoneType)\b", self.text)
