"""Weights of a mixture of models: probabilities averaged, weights fitted on validation."""

from __future__ import annotations

import numpy as np

_STEPS = 500
_FOLDS = 5


def mixture_weights(
    probabilities: np.ndarray, labels: np.ndarray, least_weight: float = 0.0
) -> np.ndarray:
    """The weights under which the weighted mean of probabilities is likeliest.

    Expectation maximisation for the weights of a mixture with fixed components (Dempster, Laird &
    Rubin 1977, §4.3); the likelihood is concave in the weights, so there is one best value.

    Args:
        probabilities: shape (models, rows, classes).
        labels: shape (rows,), indices of classes.
        least_weight: models with less are left out, and the others fitted again.

    Returns:
        Shape (models,): not negative, summing to 1.
    """
    likelihood = np.maximum(probabilities[:, np.arange(len(labels)), labels], 1e-12)
    weights = _fit(likelihood)
    kept = weights >= min(least_weight, weights.max())
    if not kept.all():
        weights = np.zeros(len(weights))
        weights[kept] = _fit(likelihood[kept])
    return weights


def _fit(likelihood: np.ndarray) -> np.ndarray:
    weights = np.full(len(likelihood), 1 / len(likelihood))
    for _ in range(_STEPS):
        joint = weights[:, None] * likelihood
        weights = (joint / joint.sum(axis=0)).mean(axis=1)
    return weights


def cross_fitted(
    probabilities: np.ndarray, labels: np.ndarray, least_weight: float = 0.0
) -> np.ndarray:
    """The mixture's probabilities for the very rows its weights are fitted on, without looking:
    each of five folds is mixed with weights fitted on the others.

    Args:
        probabilities: shape (models, rows, classes).
        labels: shape (rows,).
        least_weight: as for `mixture_weights`.

    Returns:
        Shape (rows, classes).
    """
    mixed = np.empty(probabilities.shape[1:])
    fold = np.arange(len(labels)) % _FOLDS
    for part in range(_FOLDS):
        inside, outside = fold == part, fold != part
        weights = mixture_weights(probabilities[:, outside], labels[outside], least_weight)
        mixed[inside] = np.tensordot(weights, probabilities[:, inside], axes=1)
    return mixed
