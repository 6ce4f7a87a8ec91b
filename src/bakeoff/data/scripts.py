"""The scripts that texts are written in, by Unicode's names of letters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

NONE = "no letters"
_CALLED = {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana", "KATAKANA-HIRAGANA": "Kana"}


def scripts(texts: Iterable[str]) -> dict[str, int]:
    """Script → how many texts have most of their letters in it, the commonest first.

    A script is no language: English and French are both Latin. Japanese, which mixes kana and
    Chinese characters, counts as kana where it has any.

    >>> scripts(["What a film!", "C'est bon", "Хорошо", "電影", "映画が好き", "12:30"])
    {'Latin': 2, 'Cyrillic': 1, 'Han': 1, 'Kana': 1, 'no letters': 1}
    """
    found = Counter(map(_main, texts))
    return dict(sorted(found.items(), key=lambda item: (item[0] == NONE, -item[1], item[0])))


def _main(text: str) -> str:
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else NONE
    letters: Counter[str] = Counter()
    for sign, n in Counter(text).items():
        if script := _script(sign):
            letters[script] += n
    if "Kana" in letters:
        letters["Kana"] += letters.pop("Han", 0)
    return max(sorted(letters), key=letters.__getitem__, default=NONE)


@cache
def _script(sign: str) -> str:
    """ "" for what is no letter."""
    plain = unicodedata.normalize("NFKC", sign)[:1]
    if not unicodedata.category(plain).startswith("L"):
        return ""
    first = unicodedata.name(plain, "").partition(" ")[0]
    return _CALLED.get(first, first.capitalize())
