"""Text to tokens: small named steps, and named choices of them.

A step is a function from text to text; tokens are what `str.split` finds in the last step's
result. Which steps a model takes is part of its configuration, so it is saved with the model.
"""

from __future__ import annotations

import re
import unicodedata
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
_UNSPACED = (
    ("\u0e00", "\u0fff"),  # Thai, Lao, Tibetan
    ("\u1000", "\u109f"),  # Burmese
    ("\u1780", "\u17ff"),  # Khmer
    ("\u1950", "\u1aaf"),  # Tai Le, New Tai Lue, Buginese, Tai Tham
    ("\u3001", "\u312f"),  # punctuation, Hiragana, Katakana, Bopomofo
    ("\u3190", "\u4dbf"),  # Han and more Katakana
    ("\u4e00", "\ua4cf"),  # Han, Yi
    ("\ua980", "\uaadf"),  # Javanese, more Burmese, Cham, Tai Viet
    ("\uf900", "\ufaff"),  # Han
    ("\uff01", "\uff0f"),  # full-width punctuation
    ("\uff1a", "\uff20"),
    ("\uff5b", "\uff9f"),  # and half-width Katakana
    ("\U00020000", "\U0003ffff"),  # Han
    ("\u2600", "\u27bf"),  # emoji
    ("\U0001f000", "\U0001f3fa"),
    ("\U0001f400", "\U0001faff"),
)
"""First and last character of scripts that put no spaces between words, of their punctuation, and
of emoji.
"""
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_JOINER = "\u200d"
"""Makes one emoji of several."""
MOST_EMPTIED = 0.1
"""Share of the training texts that a preprocessing may leave without a word."""
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
def _unspaced() -> re.Pattern[str]:
    """A character of `_UNSPACED` with the vowels, tones and other marks that stand on it."""
    marks = [
        chr(code)
        for first, last in _UNSPACED
        if last < "\u4dbf" or first == "\ua980"
        for code in range(ord(first), ord(last) + 1)
        if unicodedata.category(chr(code)) in ("Mn", "Mc")
    ]
    characters = "".join(f"{first}-{last}" for first, last in _UNSPACED)
    one = f"[{characters}][{''.join(marks)}{_SKIN_TONES}\ufe00-\ufe0f]*"
    return re.compile(f"{one}(?:{_JOINER}{one})*")


def split_unspaced(text: str) -> str:
    """Characters of Chinese, Japanese, Thai, Khmer, Lao, Burmese, Tibetan … and emoji as tokens, as
    nothing tells their words apart: "iPhone很好😀" → "iPhone 很 好 😀". n-grams stand for words.
    """
    return text if text.isascii() else _unspaced().sub(r" \g<0> ", text)


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
    "split-unspaced": split_unspaced,
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
    "default": (
        "drop-html",
        "lowercase",
        "split-unspaced",
        "split-contractions",
        "split-punctuation",
    ),
    "report": (
        "lowercase",
        "remove-symbols",
        "keep-alphanumerics",
        "drop-numerals",
        "drop-stop-words",
    ),
}
"""Named choices of steps: the one that scores best, and the one of the original report."""


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


def count_emptied(texts: Sequence[str], steps: Sequence[str]) -> int:
    """How many training texts the steps left without a word.

    Args:
        texts: after the steps.
        steps: for the message.

    Raises:
        UserError: more than `MOST_EMPTIED` of them.
    """
    emptied = sum(not text or text.isspace() for text in texts)
    if emptied > MOST_EMPTIED * len(texts):
        raise UserError(
            f"the preprocessing {','.join(steps) or '(no steps)'} leaves no word of {emptied:,} of "
            f"{len(texts):,} training texts; choose another with --preprocessing, such as default"
        )
    return emptied


def explain(text: str, steps: Sequence[str]) -> list[dict[str, str]]:
    """What each step makes of `text`: records {step, text}, with single spaces."""
    records = []
    for step in steps:
        text = STEPS[step](text)
        records.append({"step": step, "text": " ".join(text.split())})
    return records
