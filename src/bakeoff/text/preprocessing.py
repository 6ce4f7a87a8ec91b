"""Text to tokens: small named steps, and named choices of them.

A step is a function from text to text; tokens are what `str.split` finds in the last step's
result. Which steps a model takes is part of its configuration, so it is saved with the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache

from bakeoff.errors import UserError, unknown_name

_HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_SYMBOL = re.compile(r"[/(){}\[\]|@,;]")
_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-z\s#+_]+")
_NUMERAL = re.compile(r"\d+")
_CLITIC = re.compile(r"('(?:s|re|ve|ll|d|m))\b")
_QUOTE_AT_EDGE = re.compile(r"(?<!\w)'(?!(?:s|re|ve|ll|d|m)\b)|'(?!\w)")
_MARK_IN_NUMBER = re.compile(r"(?<=\d) ([.,:/]) (?=\d)")
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
    """Penn Treebank's clitics as tokens, as GloVe has them: "don't it's" → "do n't it 's"."""
    if "’" in text:
        text = text.replace("’", "'")
    return _CLITIC.sub(r" \1", text.replace("n't", " n't")) if "'" in text else text


def split_punctuation(text: str) -> str:
    """Punctuation as tokens: "(well-made, 7.5/10)" → "( well made , 7.5/10 )".

    Hyphens become spaces, marks inside numbers stay, and so do apostrophes inside words.
    """
    text = text.replace("-", " ")
    for mark in _PUNCTUATION:
        if mark in text:
            text = text.replace(mark, f" {mark} ")
    text = _MARK_IN_NUMBER.sub(r"\1", text)
    return _QUOTE_AT_EDGE.sub(" ' ", text) if "'" in text else text


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return ENGLISH_STOP_WORDS


def drop_stop_words(text: str) -> str:
    """Drop the 318 English stop words of scikit-learn, negations among them."""
    stop_words = _stop_words()
    return " ".join([token for token in text.split() if token not in stop_words])


@cache
def _porter() -> Callable[[str], str]:
    from nltk.stem import PorterStemmer

    return lru_cache(maxsize=None)(PorterStemmer().stem)


@cache
def _snowball() -> Callable[[str], str]:
    from nltk.stem import SnowballStemmer

    return lru_cache(maxsize=None)(SnowballStemmer("english").stem)


@cache
def _lemmatizer() -> Callable[[str], str]:
    from nltk.corpus import wordnet
    from nltk.stem import WordNetLemmatizer

    try:
        wordnet.ensure_loaded()
    except LookupError:
        raise UserError(
            "the step 'lemmatize' needs WordNet: run `python -m nltk.downloader wordnet`"
        ) from None
    return lru_cache(maxsize=None)(WordNetLemmatizer().lemmatize)


def stem_porter(text: str) -> str:
    """Replace each token by its stem (Porter 1980)."""
    return " ".join(map(_porter(), text.split()))


def stem_snowball(text: str) -> str:
    """Replace each token by its stem (Porter's Snowball English stemmer)."""
    return " ".join(map(_snowball(), text.split()))


def lemmatize(text: str) -> str:
    """Replace each token by its WordNet lemma, taken as a noun.

    Raises:
        UserError: WordNet is not installed.
    """
    return " ".join(map(_lemmatizer(), text.split()))


STEPS: dict[str, Callable[[str], str]] = {
    "drop-html": drop_html,
    "lowercase": str.lower,
    "remove-symbols": remove_symbols,
    "keep-alphanumerics": keep_alphanumerics,
    "drop-numerals": drop_numerals,
    "drop-stop-words": drop_stop_words,
    "split-contractions": split_contractions,
    "split-punctuation": split_punctuation,
    "stem-porter": stem_porter,
    "stem-snowball": stem_snowball,
    "lemmatize": lemmatize,
}
"""Every step by name."""

PREPROCESSINGS: dict[str, tuple[str, ...]] = {
    "default": ("drop-html", "lowercase", "split-contractions", "split-punctuation"),
    "report": (
        "lowercase",
        "remove-symbols",
        "keep-alphanumerics",
        "drop-numerals",
        "drop-stop-words",
    ),
}
"""Named choices of steps: the one that scores best, and the one of the seed report."""


def parse(spec: str) -> tuple[str, ...]:
    """The steps that a specification asks for.

    Parts are separated by commas and read from left to right: the name of a preprocessing stands
    for its steps, `step` or `+step` adds one at the end, `-step` leaves one out.

    >>> parse("report,-drop-stop-words,+stem-snowball")[-2:]
    ('drop-numerals', 'stem-snowball')

    Raises:
        UserError: a part is neither a step nor a preprocessing, or a step left out is not there.
    """
    steps: list[str] = []
    for part in filter(None, map(str.strip, spec.split(","))):
        name = part.lstrip("+-")
        if part in PREPROCESSINGS:
            steps += PREPROCESSINGS[part]
        elif name not in STEPS:
            raise unknown_name("preprocessing step", name, [*PREPROCESSINGS, *STEPS])
        elif not part.startswith("-"):
            steps.append(name)
        elif name in steps:
            steps.remove(name)
        else:
            raise UserError(f"preprocessing {spec!r} leaves out {name!r}, which it does not hold")
    return tuple(steps)


def preprocess_all(texts: Iterable[str], steps: Iterable[str]) -> list[str]:
    """Each of `texts` after `steps`."""
    functions = [STEPS[step] for step in steps]
    results = []
    for text in texts:
        for function in functions:
            text = function(text)
        results.append(text)
    return results


def explain(text: str, steps: Sequence[str]) -> list[dict[str, str]]:
    """What each step makes of `text`: records {step, text}, with single spaces."""
    records = []
    for step in steps:
        text = STEPS[step](text)
        records.append({"step": step, "text": " ".join(text.split())})
    return records
