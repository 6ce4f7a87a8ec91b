"""Mixture weights: hand-made cases and what must hold for any."""

import numpy as np
import pytest

from bakeoff.evaluation.mixture import cross_fitted, mixture_weights


def binary(first):
    first = np.asarray(first, float)
    return np.stack([1 - first, first], axis=-1)


def test_an_oracle_takes_all_the_weight():
    labels = np.array([0, 1, 1, 0])
    oracle, wrong = binary(labels), binary(1 - labels)
    assert mixture_weights(np.stack([wrong, oracle]), labels) == pytest.approx([0, 1], abs=1e-6)


def test_weights_by_hand():
    # Model a gives the truth 1 on three rows and 0 on one, model b the reverse: the likelihood
    # w³ (1 − w) has its maximum at w = 3/4.
    labels = np.array([1, 1, 1, 1])
    a, b = binary([1, 1, 1, 0]), binary([0, 0, 0, 1])
    assert mixture_weights(np.stack([a, b]), labels) == pytest.approx([0.75, 0.25], abs=1e-4)


def test_no_single_model_is_likelier_than_the_mixture():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    probabilities = rng.dirichlet(np.ones(3), (4, 300))
    probabilities[1, np.arange(300), labels] += 0.5
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    weights = mixture_weights(probabilities, labels)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    rows = np.arange(300)
    mixed = np.tensordot(weights, probabilities, axes=1)[rows, labels]
    assert np.log(mixed).sum() >= np.log(probabilities[:, rows, labels]).sum(axis=1).max()


def test_a_row_does_not_choose_its_own_weights():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 50)
    probabilities = rng.dirichlet(np.ones(2), (3, 50))
    changed = labels.copy()
    changed[0] = 1 - labels[0]
    before, after = cross_fitted(probabilities, labels), cross_fitted(probabilities, changed)
    assert before[0] == pytest.approx(after[0])
    assert before[1] != pytest.approx(after[1])
