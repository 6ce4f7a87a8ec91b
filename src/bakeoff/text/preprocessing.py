"""Text to tokens: small named steps, and named choices of them.

A step is a function from text to text; tokens are what `str.split` finds in the last step's
result. Which steps a model takes is part of its configuration, so it is saved with the model.
"""

from __future__ import annotations

import re

_HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_SYMBOL = re.compile(r"[/(){}\[\]|@,;]")
_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-z\s#+_]+")
_NUMERAL = re.compile(r"\d+")
_CLITIC = re.compile(r"('(?:s|re|ve|ll|d|m))\b")
_QUOTE_AT_EDGE = re.compile(r"(?<!\w)'(?!(?:s|re|ve|ll|d|m)\b)|'(?!\w)")
_PUNCTUATION = '.,;:!?"()[]{}<>/|\\@*~`^=&%$«»“”„…–—\x96\x97'


def drop_html(text: str) -> str:
    """Replace HTML tags, such as the line breaks of IMDB reviews, by a space."""
    return _HTML_TAG.sub(" ", text) if "<" in text else text


def remove_symbols(text: str) -> str:
    """Replace brackets, slashes, bars, `@`, commas and semicolons by a space."""
    return _SYMBOL.sub(" ", text)


def keep_alphanumerics(text: str) -> str:
    """Drop everything but white space and `0-9a-z#+_`; write `lowercase` before it."""
    return _NOT_ALPHANUMERIC.sub("", text)


def drop_numerals(text: str) -> str:
    """Drop digits."""
    return _NUMERAL.sub("", text)


def split_contractions(text: str) -> str:
    """Penn Treebank's clitics as tokens, as GloVe has them: "don't" → "do n't", "it's" → "it 's"."""
    if "’" in text:
        text = text.replace("’", "'")
    return _CLITIC.sub(r" \1", text.replace("n't", " n't")) if "'" in text else text


def split_punctuation(text: str) -> str:
    """Punctuation as tokens; hyphens and apostrophes inside words stay: "(well-made)!" → "( well-made ) !"."""
    for mark in _PUNCTUATION:
        if mark in text:
            text = text.replace(mark, f" {mark} ")
    if "--" in text:
        text = text.replace("--", " -- ")
    return _QUOTE_AT_EDGE.sub(" ' ", text) if "'" in text else text
