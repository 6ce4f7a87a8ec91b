"""The languages that texts are written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

UNCLEAR = "unclear"
_SAMPLE = 2000
_CHARACTERS = 1000
"""Of each text's beginning."""
_SURE = 0.5
"""Probability from which a language is believed; of short texts it is often lower."""
_NAMES = {
    "zxx": "no language",
    **{"ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech"},
    **{"da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish"},
    **{"et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew"},
    **{"hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian"},
    **{"ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay"},
    **{"nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian"},
    **{"ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish"},
    **{"sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish"},
    **{"uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese"},
}
"""Of codes of ISO 639; others are shown as they are."""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def languages(texts: Sequence[str]) -> dict[str, float]:
    """Language → its share of the texts, the commonest first, of a sample spread over all of them.

    By langid.py's naive Bayes on sequences of bytes (Lui & Baldwin 2012), as py3langid ships it.

    >>> languages(["Der Film war leider sehr langweilig", "12:30"])
    {'German': 0.5, 'unclear': 0.5}
    """
    identifier, sample = _identifier(), texts[:: max(1, len(texts) // _SAMPLE)]
    found: Counter[str] = Counter()
    for text in sample:
        code, probability = identifier.classify(text[:_CHARACTERS])
        found[_NAMES.get(code, code) if probability >= _SURE else UNCLEAR] += 1
    ordered = sorted(found.items(), key=lambda item: (item[0] == UNCLEAR, -item[1], item[0]))
    return {name: n / len(sample) for name, n in ordered}
