"""Weights of a mixture of models: probabilities averaged, weights fitted on validation."""

from __future__ import annotations

import numpy as np


def mixture_weights(probabilities: np.ndarray, labels: np.ndarray, steps: int = 500) -> np.ndarray:
    """The weights under which the weighted mean of probabilities is likeliest.

    Expectation maximisation for the weights of a mixture with fixed components (Dempster, Laird &
    Rubin 1977, §4.3); the likelihood is concave in the weights, so there is one best value.

    Args:
        probabilities: shape (models, rows, classes).
        labels: shape (rows,), indices of classes.
        steps: of expectation maximisation.

    Returns:
        Shape (models,): not negative, summing to 1.
    """
    likelihood = np.maximum(probabilities[:, np.arange(len(labels)), labels], 1e-12)
    weights = np.full(len(likelihood), 1 / len(likelihood))
    for _ in range(steps):
        joint = weights[:, None] * likelihood
        weights = (joint / joint.sum(axis=0)).mean(axis=1)
    return weights


def cross_fitted(probabilities: np.ndarray, labels: np.ndarray, folds: int = 5) -> np.ndarray:
    """The mixture's probabilities for the very rows its weights are fitted on, without looking:
    each fold is mixed with weights fitted on the others.

    Args:
        probabilities: shape (models, rows, classes).
        labels: shape (rows,).
        folds: parts, every `folds`-th row one.

    Returns:
        Shape (rows, classes).
    """
    mixed = np.empty(probabilities.shape[1:])
    fold = np.arange(len(labels)) % folds
    for part in range(folds):
        inside, outside = fold == part, fold != part
        weights = mixture_weights(probabilities[:, outside], labels[outside])
        mixed[inside] = np.tensordot(weights, probabilities[:, inside], axes=1)
    return mixed
