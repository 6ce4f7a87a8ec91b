"""A decision tree over weighted n-gram counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.text.classical.features import NgramFeatures
from bakeoff.text.configs import TreeText

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.tree import DecisionTreeClassifier

_TREE = "tree.skops"


@dataclass(frozen=True)
class TreePredictor:
    """Class shares of the leaf that a text falls into."""

    classes: list[str]
    features: NgramFeatures
    tree: DecisionTreeClassifier

    def probabilities(self, inputs: Sequence[str]) -> np.ndarray:
        """Shape (texts, classes), float64; rows sum to 1."""
        return self.probabilities_of(self.features.transform(inputs))

    def probabilities_of(self, weighted: csr_array) -> np.ndarray:
        """As `probabilities`, for what `features.transform` made of texts."""
        return self.tree.predict_proba(weighted)

    def drivers(self, n: int = 20) -> list[dict[str, Any]]:
        """The `n` n-grams whose splits purify most: records {class: null, ngram, weight}.

        The weight is the share of the whole decrease of Gini impurity.
        """
        importances = self.tree.feature_importances_
        ngrams = self.features.vocabulary.ngrams()
        return [
            {"class": None, "ngram": str(ngrams[column]), "weight": float(importances[column])}
            for column in np.argsort(-importances, kind="stable")[:n]
            if importances[column] > 0
        ]

    @property
    def parameters(self) -> int:
        """A column and a threshold for each split, the class shares of each leaf."""
        leaves = self.tree.get_n_leaves()
        return int(2 * (leaves - 1) + leaves * (len(self.classes) - 1))

    def save(self, folder: Path) -> None:
        """tree.skops beside the features' own files."""
        import skops.io

        self.features.save(folder)
        skops.io.dump(self.tree, folder / _TREE)

    @classmethod
    def load(cls, folder: Path, classes: list[str]) -> TreePredictor:
        """What `save` wrote."""
        import skops.io

        tree = skops.io.load(folder / _TREE, trusted=["sklearn.tree._tree.Tree"])
        return cls(classes, NgramFeatures.load(folder), tree)


def fit_tree(
    config: TreeText, weighted: csr_array, labels: np.ndarray, seed: int
) -> DecisionTreeClassifier:
    """CART on Gini impurity; `seed` only decides between equally good splits.

    Args:
        config: depth and leaf size.
        weighted: training texts, shape (n, columns).
        labels: class indices, shape (n,); every class occurs.
        seed: of the order in which columns are tried.
    """
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_depth=config.max_depth, min_samples_leaf=config.min_samples_leaf, random_state=seed
    )
    return tree.fit(weighted, labels)
