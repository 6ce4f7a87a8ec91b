"""Linear models over n-grams: naive Bayes, logistic regression, SVM and NBSVM.

All end as weights and a bias whose softmax is the probability. With two classes there is one
column of weights, for the positive class, and the other class scores 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.text.classical.features import NgramFeatures
from bakeoff.text.configs import LinearText

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_WEIGHTS = "weights.safetensors"
_FOLDS = 5


@dataclass(frozen=True)
class LinearPredictor:
    """Softmax of a linear function of weighted n-gram counts."""

    classes: list[str]
    features: NgramFeatures
    weights: np.ndarray
    """float32, shape (columns, 1) for two classes, (columns, classes) for more."""
    bias: np.ndarray
    """float64, shape (1,) or (classes,)."""

    def probabilities(self, inputs: Sequence[str]) -> np.ndarray:
        """Shape (texts, classes), float64; rows sum to 1."""
        return self.probabilities_of(self.features.transform(inputs))

    def probabilities_of(self, weighted: csr_array) -> np.ndarray:
        """As `probabilities`, for what `features.transform` made of texts."""
        return softmax(weighted @ self.weights.astype(np.float64) + self.bias)

    def drivers(self, n: int = 20) -> list[dict[str, Any]]:
        """The `n` n-grams that speak most for each class: records {class, ngram, weight}.

        The weight is what one unit of the n-gram adds to the log odds; with more than two
        classes, to the class's score over the mean score.
        """
        if len(self.classes) == 2:
            by_class = np.hstack([-self.weights, self.weights])
        else:
            by_class = self.weights - self.weights.mean(axis=1, keepdims=True)
        ngrams = self.features.vocabulary.ngrams()
        return [
            {"class": name, "ngram": str(ngrams[column]), "weight": float(weights[column])}
            for name, weights in zip(self.classes, by_class.T, strict=True)
            for column in np.argsort(-weights, kind="stable")[:n]
        ]

    def save(self, folder: Path) -> None:
        """weights.safetensors beside the features' own files."""
        from safetensors.numpy import save_file

        self.features.save(folder)
        weights = np.ascontiguousarray(self.weights)
        save_file({"weights": weights, "bias": self.bias}, folder / _WEIGHTS)

    @classmethod
    def load(cls, folder: Path, classes: list[str]) -> LinearPredictor:
        """What `save` wrote."""
        from safetensors.numpy import load_file

        tensors = load_file(folder / _WEIGHTS)
        return cls(classes, NgramFeatures.load(folder), tensors["weights"], tensors["bias"])


def fit_linear(
    config: LinearText, weighted: csr_array, labels: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias, as `LinearPredictor` has them, float64; uncalibrated for the SVMs.

    Args:
        config: method and strength.
        weighted: training texts, shape (n, columns).
        labels: class indices, shape (n,); every class occurs.
        n_classes: 2 or more. More than two are fitted one against the rest, except by naive Bayes.
    """
    if config.method == "naive-bayes":
        return _naive_bayes(weighted, labels, n_classes, config.strength)
    fit = _FITS[config.method]
    positives = [1] if n_classes == 2 else range(n_classes)
    fitted = [fit(config, weighted, labels == positive) for positive in positives]
    return np.stack([weights for weights, _ in fitted], axis=1), np.array([b for _, b in fitted])


def calibrate(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift of scores, for the softmax of the result to be probable.

    With two classes this is Platt scaling (Platt 1999), with his smoothed targets; with more, one
    scale and a shift a class (Guo et al. 2017, §4.2).

    Args:
        scores: of held-out texts, shape (n, 1) for two classes, (n, classes) for more.
        labels: class indices, shape (n,).
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    n, outputs = scores.shape
    n_classes = max(outputs, 2)
    counts = np.bincount(labels, minlength=n_classes)
    sure = ((counts + 1) / (counts + 2))[labels]
    targets = np.repeat((1 - sure)[:, None] / (n_classes - 1), n_classes, axis=1)
    targets[np.arange(n), labels] = sure

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        logits = _logits(parameters[0] * scores + parameters[1:])
        logs = log_softmax(logits, axis=1)
        slope = ((np.exp(logs) - targets) / n)[:, -outputs:]
        gradient = np.append((slope * scores).sum(), slope.sum(axis=0))
        return -(targets * logs).sum() / n, gradient

    fitted = minimize(loss, np.append(1.0, np.zeros(outputs)), jac=True, method="BFGS").x
    return float(fitted[0]), fitted[1:]


def calibrated(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities of the very texts that calibrate a model, without their own labels: each of
    five folds is calibrated on the others.

    Args:
        scores: as in `calibrate`.
        labels: class indices, shape (n,).

    Returns:
        Shape (n, classes).
    """
    fold = np.arange(len(labels)) % _FOLDS
    probabilities = np.empty((len(labels), max(scores.shape[1], 2)))
    for part in range(_FOLDS):
        inside = fold == part
        scale, shift = calibrate(scores[~inside], labels[~inside])
        probabilities[inside] = softmax(scale * scores[inside] + shift)
    return probabilities


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities, shape (n, classes), of scores of shape (n, 1) or (n, classes)."""
    from scipy.special import softmax as scipy_softmax

    return scipy_softmax(_logits(scores), axis=1)


def _logits(scores: np.ndarray) -> np.ndarray:
    return np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores


def _naive_bayes(
    weighted: csr_array, labels: np.ndarray, n_classes: int, smoothing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial naive Bayes: ln P(n-gram | class) and ln P(class) (McCallum & Nigam 1998)."""
    totals = np.stack(
        [weighted[labels == c].sum(axis=0, dtype=np.float64) for c in range(n_classes)], axis=1
    )
    weights = np.log(totals + smoothing) - np.log((totals + smoothing).sum(axis=0))
    bias = np.log(np.bincount(labels, minlength=n_classes) / len(labels))
    if n_classes == 2:
        return weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1]
    return weights, bias


def _logistic_regression(
    config: LinearText, weighted: csr_array, positive: np.ndarray
) -> tuple[np.ndarray, float]:
    """L2-regularised, by dual coordinate descent (Yu et al. 2011), as LIBLINEAR has it."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=config.strength, solver="liblinear", dual=True, max_iter=1000, random_state=0
    )
    model.fit(weighted, positive)
    return model.coef_[0], model.intercept_[0]


def _svm(config: LinearText, weighted: csr_array, positive: np.ndarray) -> tuple[np.ndarray, float]:
    """Squared hinge and L2, by dual coordinate descent (Hsieh et al. 2008), as LIBLINEAR has it."""
    from sklearn.svm import LinearSVC

    model = LinearSVC(C=config.strength, dual=True, max_iter=1000, random_state=0)
    model.fit(weighted, positive)
    return model.coef_[0], model.intercept_[0]


def _nbsvm(
    config: LinearText, weighted: csr_array, positive: np.ndarray
) -> tuple[np.ndarray, float]:
    """An SVM over n-grams scaled by their log-count ratio (Wang & Manning 2012, eq. 2 to 4)."""
    from scipy.sparse import csr_array

    ratio = _naive_bayes(weighted, positive.astype(np.int64), 2, smoothing=1.0)[0][:, 0]
    scaled = csr_array(
        (weighted.data * ratio[weighted.indices], weighted.indices, weighted.indptr),
        shape=weighted.shape,
    )
    weights, bias = _svm(config, scaled, positive)
    share = config.interpolation
    return ratio * ((1 - share) * np.abs(weights).mean() + share * weights), bias


_FITS: dict[str, Callable[[LinearText, csr_array, np.ndarray], tuple[np.ndarray, float]]] = {
    "logistic-regression": _logistic_regression,
    "svm": _svm,
    "nbsvm": _nbsvm,
}
