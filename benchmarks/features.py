"""Seconds to make the features of all classical models: counted once for all, triples of words
included, against each model vectorising words and pairs for itself with scikit-learn. Both start
from the same preprocessed texts.

python benchmarks/features.py [reviews, a name or a file: imdb-25k]
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

from record import record
from sklearn.feature_extraction.text import TfidfVectorizer

from bakeoff.data.sources import read_source
from bakeoff.text.classical.features import NgramFeatures
from bakeoff.text.classical.ngrams import count_ngrams
from bakeoff.text.configs import LinearText, TreeText
from bakeoff.text.preprocessing import parse, preprocess_all
from bakeoff.text.registry import MODELS

REPEATS = 3
CLASSICAL = [config for config in MODELS.values() if isinstance(config, LinearText | TreeText)]


def shared(texts: list[str]) -> None:
    """Count once for the longest n-grams, then weigh each model's columns."""
    vocabulary, counts = count_ngrams(
        texts,
        ngrams=max(config.ngrams for config in CLASSICAL),
        min_count=min(config.min_count for config in CLASSICAL),
    )
    for config in CLASSICAL:
        kept = (vocabulary.lengths <= config.ngrams) & (vocabulary.documents >= config.min_count)
        features = NgramFeatures((), vocabulary.select(kept), _weighting(config))
        features.weigh(counts[:, kept])


def each_for_itself(texts: list[str]) -> None:
    """A vectoriser a model, with pairs of words at most."""
    for config in CLASSICAL:
        TfidfVectorizer(
            token_pattern=r"\S+", lowercase=False, ngram_range=(1, 2), min_df=config.min_count
        ).fit_transform(texts)


def _weighting(config: LinearText | TreeText) -> str:
    return config.weighting if isinstance(config, LinearText) else "tfidf"


def _median_seconds(function: Callable[[], None]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.monotonic()
        function()
        seconds.append(time.monotonic() - started)
    return statistics.median(seconds)


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else "imdb-25k"
    raw = read_source(source).frame["text"].tolist()
    started = time.monotonic()
    texts = preprocess_all(raw, parse("default"))
    preprocessing = time.monotonic() - started
    ours = _median_seconds(lambda: shared(texts))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    own = _median_seconds(lambda: each_for_itself(texts))
    record(
        "features",
        n=REPEATS,
        source=source,
        reviews=len(texts),
        models=len(CLASSICAL),
        preprocessing_seconds=preprocessing,
        shared_seconds=ours,
        shared_peak_mb=peak,
        each_for_itself_seconds=own,
        times_as_fast=own / ours,
    )


if __name__ == "__main__":
    main()
