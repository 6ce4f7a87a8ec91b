"""The text models by name. Adding a model is one entry here; a new kind of model is a dataclass in
configs.py and a module that trains it.
"""

from __future__ import annotations

from bakeoff.text.configs import LinearText, TextConfig, TextNetwork, TreeText

MODELS: dict[str, TextConfig] = {
    "nb-counts": LinearText(method="naive-bayes", weighting="binary", ngrams=3, strength=0.5),
    "nb-tfidf": LinearText(method="naive-bayes", weighting="tfidf", ngrams=3, strength=0.1),
    "tree-tfidf": TreeText(),
    "logreg-tfidf": LinearText(method="logistic-regression", weighting="tfidf", strength=20.0),
    "svm-tfidf": LinearText(method="svm", weighting="tfidf", strength=0.6),
    "nbsvm": LinearText(method="nbsvm", weighting="binary", ngrams=3, strength=0.03),
    "rnn-64": TextNetwork(encoder="rnn", hidden=64),
    "bilstm-glove": TextNetwork(
        encoder="lstm", bidirectional=True, vectors="glove-6b-50d", dense=32
    ),
}
"""Every text model by name."""

PAIRS = (
    ("tree-tfidf", "nb-tfidf"),
    ("bilstm", "lstm-1"),
    ("bilstm-word2vec", "bilstm"),
    ("bilstm-glove", "bilstm"),
    ("bilstm-word2vec", "bilstm-glove"),
)
"""Differences the report tests wherever both models ran: first against second."""
