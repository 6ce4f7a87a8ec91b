"""Trains the classical text models of a bake-off on n-grams counted once."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.data.splits import Split
from bakeoff.errors import UserError
from bakeoff.text.classical.features import NgramFeatures
from bakeoff.text.classical.linear import LinearPredictor, calibrate, calibrated, fit_linear
from bakeoff.text.classical.ngrams import NgramVocabulary, count_ngrams
from bakeoff.text.classical.tree import TreePredictor, fit_tree
from bakeoff.text.configs import LinearText, TreeText
from bakeoff.text.preprocessing import count_emptied, parse, preprocess_all
from bakeoff.training.settings import to_dict
from bakeoff.training.trained import Trained

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_LIBRARIES = (
    *("scipy.optimize", "scipy.sparse", "scipy.special"),
    *("sklearn.feature_extraction.text", "sklearn.linear_model", "sklearn.svm", "sklearn.tree"),
)


def train_classical(
    configs: Mapping[str, LinearText | TreeText], train: Split, validation: Split, seed: int
) -> Iterator[Trained]:
    """Train the models of `configs` one by one.

    Models with the same preprocessing share it, and the n-gram counts: these are made for the
    longest n-grams and the smallest `min_count` among them, and each model takes its columns. A
    model's `seconds` hold all of that shared time besides its own, so that they say what it would
    cost alone (at most); the sum over models is more than the bake-off took. Validation
    calibrates the SVMs and nothing else.

    Raises:
        UserError: a preprocessing is unknown, a class has no training text, or no word is
            frequent enough.
    """
    _refuse_missing_class(train)
    _import_libraries()
    groups: dict[tuple[str, ...], dict[str, LinearText | TreeText]] = {}
    for name, config in configs.items():
        groups.setdefault(parse(config.preprocessing), {})[name] = config
    for steps, members in groups.items():
        shared = _count(steps, list(members.values()), train, validation)
        for name, config in members.items():
            yield _train(name, config, shared, train, validation, seed)


def train_alone(
    name: str, config: LinearText | TreeText, train: Split, validation: Split, seed: int
) -> Trained:
    """Train one model as `train_classical` does.

    Raises:
        UserError: as there.
    """
    (trained,) = train_classical({name: config}, train, validation, seed)
    return trained


def _import_libraries() -> None:
    """Import what counts and fits: that takes seconds once, and is no model's training."""
    for name in _LIBRARIES:
        importlib.import_module(name)


def _refuse_missing_class(train: Split) -> None:
    missing = set(range(len(train.classes))) - set(train.labels.tolist())
    if missing:
        name = train.classes[min(missing)]
        raise UserError(
            f"the training split has no text of class {name!r}: give more data, or leave it out"
        )


def load_linear(folder: Path, model: Mapping[str, Any]) -> LinearPredictor:
    """The linear model of a model folder; `model` is its model.json."""
    return LinearPredictor.load(folder, model["classes"])


def load_tree(folder: Path, model: Mapping[str, Any]) -> TreePredictor:
    """The tree of a model folder; `model` is its model.json."""
    return TreePredictor.load(folder, model["classes"])


@dataclass(frozen=True)
class _Counts:
    """N-gram counts of both splits and what it took to make them."""

    steps: tuple[str, ...]
    vocabulary: NgramVocabulary
    train: csr_array
    validation: csr_array
    seconds: float
    emptied: int
    """Training texts without a word after preprocessing."""

    def of(self, config: LinearText | TreeText) -> _Counts:
        """The columns that a model asks for."""
        vocabulary = self.vocabulary
        kept = vocabulary.lengths <= config.ngrams
        kept &= vocabulary.documents >= config.min_count
        if isinstance(config, TreeText) and kept.sum() > config.max_features:
            # Stable: parts of an n-gram have columns before it and are in as many texts or more.
            ranked = np.argsort(-np.where(kept, vocabulary.documents, 0), kind="stable")
            kept[ranked[config.max_features :]] = False
        if kept.all():
            return self
        if not kept.any():
            raise UserError(f"no word is in {config.min_count} training texts: lower min_count")
        return _Counts(
            self.steps,
            vocabulary.select(kept),
            self.train[:, kept],
            self.validation[:, kept],
            self.seconds,
            self.emptied,
        )


def _count(
    steps: tuple[str, ...],
    configs: Sequence[LinearText | TreeText],
    train: Split,
    validation: Split,
) -> _Counts:
    start = time.perf_counter()
    texts = preprocess_all(train.inputs, steps)
    emptied = count_emptied(texts, steps)
    vocabulary, counts = count_ngrams(
        texts,
        ngrams=max(config.ngrams for config in configs),
        min_count=min(config.min_count for config in configs),
    )
    held_out = vocabulary.transform(preprocess_all(validation.inputs, steps))
    return _Counts(steps, vocabulary, counts, held_out, time.perf_counter() - start, emptied)


def _train(
    name: str,
    config: LinearText | TreeText,
    shared: _Counts,
    train: Split,
    validation: Split,
    seed: int,
) -> Trained:
    start = time.perf_counter()
    counts = shared.of(config)
    weighting = config.weighting if isinstance(config, LinearText) else "tfidf"
    features = NgramFeatures(counts.steps, counts.vocabulary, weighting)
    weighted, held_out = features.weigh(counts.train), features.weigh(counts.validation)
    predictor: LinearPredictor | TreePredictor
    probabilities: np.ndarray | None = None
    if isinstance(config, TreeText):
        kind = "tree"
        tree = fit_tree(config, weighted, train.labels, seed)
        predictor = TreePredictor(train.classes, features, tree)
        parameters = predictor.parameters
    else:
        kind = "linear"
        weights, bias = fit_linear(config, weighted, train.labels, len(train.classes))
        if config.method in ("svm", "nbsvm"):
            scores = held_out @ weights + bias
            scale, shift = calibrate(scores, validation.labels)
            probabilities = calibrated(scores, validation.labels)
            weights, bias = scale * weights, scale * bias + shift
        predictor = LinearPredictor(train.classes, features, weights.astype(np.float32), bias)
        parameters = weights.size + bias.size
    if probabilities is None:
        probabilities = predictor.probabilities_of(held_out)
    seconds = shared.seconds + time.perf_counter() - start
    return Trained(
        name=name,
        seed=seed,
        kind=kind,
        config=to_dict(config),
        parameters=parameters,
        seconds=seconds,
        threads=1,
        validation_probabilities=probabilities,
        save=predictor.save,
        facts={
            "vocabulary": len(features.vocabulary),
            "emptied_texts": shared.emptied,
            "drivers": predictor.drivers(),
        },
    )
