"""The text models by name. Adding a model is one entry here; a new kind of model is a dataclass in
configs.py and a module that trains it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from bakeoff.text.configs import LinearText, TextConfig, TextNetwork, TreeText
from bakeoff.training.settings import Ensemble, TrainingSettings

_SMOOTHED = TrainingSettings(label_smoothing=0.1)


def _lstm(epochs: int, **settings: Any) -> TextNetwork:
    return TextNetwork(
        encoder="lstm",
        width_role="follows",
        disturbance=0.015,
        training=replace(_SMOOTHED, epochs=epochs),
        **settings,
    )


def _rnn(hidden: int, learning_rate: float) -> TextNetwork:
    return TextNetwork(
        encoder="rnn",
        hidden=hidden,
        width_role="decides",
        training=replace(_SMOOTHED, learning_rate=learning_rate),
    )


_BILSTM = _lstm(epochs=3, bidirectional=True, dense=32)

_STUDY: dict[str, TextConfig] = {
    "nb-counts": LinearText(method="naive-bayes", weighting="binary", ngrams=3, strength=0.5),
    "nb-tfidf": LinearText(method="naive-bayes", weighting="tfidf", ngrams=3, strength=0.1),
    "tree-tfidf": TreeText(),
    "logreg-tfidf": LinearText(method="logistic-regression", weighting="tfidf", strength=20.0),
    "svm-tfidf": LinearText(method="svm", weighting="tfidf", strength=0.6),
    "nbsvm": LinearText(method="nbsvm", weighting="binary", ngrams=3, strength=0.03),
    "fasttext": TextNetwork(encoder="bag", pooling="mean"),
    "cnn": TextNetwork(encoder="cnn", training=_SMOOTHED),
    "transformer": TextNetwork(
        encoder="transformer",
        max_tokens=128,
        dropout=0.1,
        training=replace(_SMOOTHED, learning_rate=1e-3),
    ),
    "rnn-64": _rnn(64, 2e-3),
    "rnn-256": _rnn(256, 1e-3),
    "lstm-1": _lstm(epochs=4),
    "lstm-2": _lstm(epochs=4, layers=2),
    "bilstm": _BILSTM,
    "bilstm-word2vec": replace(_BILSTM, vectors="word2vec", embedding_dim=100),
    "bilstm-glove": _lstm(epochs=5, bidirectional=True, dense=32, vectors="glove-6b-50d"),
    "ensemble": Ensemble(),
}

_REPORT_TRAINING = TrainingSettings(
    epochs=10,
    batch_size=32,
    optimizer="adam",
    learning_rate=1e-3,
    schedule="constant",
    warmup=0.0,
    clip_norm=0.0,
    patience=2,
)


def _after_report(
    encoder: Literal["rnn", "lstm"], learning_rate: float = 1e-3, **settings: Any
) -> TextNetwork:
    """The report's layers: 64 tokens, its preprocessing, the last state, a dense head, dropout.

    What it does not state is ours: optimiser, rate, batch size, dropout and where it stands,
    epochs, vocabulary, and that the first 64 tokens are kept.
    """
    return TextNetwork(
        encoder=encoder,
        pooling="last",
        word_dropout=0.0,
        dropout=0.5,
        max_tokens=64,
        keep="head",
        preprocessing="report",
        training=replace(_REPORT_TRAINING, learning_rate=learning_rate),
        **settings,
    )


_REPORT_BILSTM = _after_report("lstm", bidirectional=True, embedding_dim=256, dense=32)
_REPORT_BAYES = LinearText(
    method="naive-bayes", weighting="counts", ngrams=1, min_count=1, preprocessing="report"
)

_AFTER_REPORT: dict[str, TextConfig] = {
    "nb-counts@report": _REPORT_BAYES,
    "nb-tfidf@report": replace(_REPORT_BAYES, weighting="tfidf"),
    "tree-tfidf@report": TreeText(
        max_depth=1000,
        min_samples_leaf=1,
        max_features=1_000_000,
        min_count=1,
        preprocessing="report",
    ),
    "rnn-64@report": _after_report("rnn", 3e-4, dense=64),
    "rnn-256@report": _after_report("rnn", 3e-4, hidden=256, embedding_dim=256, dense=64),
    "lstm-1@report": _after_report("lstm", embedding_dim=256, dense=64),
    "lstm-2@report": _after_report("lstm", layers=2, embedding_dim=256, dense=64),
    "bilstm@report": _REPORT_BILSTM,
    "bilstm-word2vec@report": replace(_REPORT_BILSTM, vectors="word2vec"),
    "bilstm-glove@report": replace(_REPORT_BILSTM, vectors="glove-6b-50d"),
}

MODELS = _STUDY | _AFTER_REPORT
"""Every text model by name."""

ABOUT = {
    "nb-counts": "Naive Bayes on which n-grams occur: the cheapest.",
    "nb-tfidf": "Naive Bayes on n-grams weighted by TF-IDF.",
    "tree-tfidf": "A decision tree on words: readable, seldom accurate.",
    "logreg-tfidf": "Logistic regression on words and pairs of them.",
    "svm-tfidf": "A linear SVM on words and pairs, calibrated.",
    "nbsvm": "An SVM on naive Bayes' weights of n-grams: cheap and strong.",
    "fasttext": "The mean of learned embeddings of words and pairs.",
    "cnn": "Convolutions over learned word embeddings.",
    "transformer": "A small transformer, trained from scratch.",
    "rnn-64": "A plain recurrent network, 64 units wide.",
    "rnn-256": "A plain recurrent network, 256 units wide.",
    "lstm-1": "An LSTM, as wide as the RNNs on validation say.",
    "lstm-2": "Two layers of LSTM.",
    "bilstm": "An LSTM that reads from both ends.",
    "bilstm-word2vec": "A BiLSTM on word2vec, trained on the training split.",
    "bilstm-glove": "A BiLSTM on GloVe's vectors.",
    "ensemble": "The others' mean, weighted on validation.",
} | {name: f"{name.partition('@')[0]} as the original report has it." for name in _AFTER_REPORT}
"""A sentence on every model."""

LINEUPS = {"all": tuple(_STUDY), "report": tuple(_AFTER_REPORT)}
"""Names that stand for several models: the whole ladder with its peers, and the models of the
original report with its own layers and lengths, which reproduce its figures."""

PAIRS = (
    ("tree-tfidf", "nb-tfidf"),
    ("bilstm", "lstm-1"),
    ("bilstm-word2vec", "bilstm"),
    ("bilstm-glove", "bilstm"),
    ("bilstm-word2vec", "bilstm-glove"),
)
"""Differences the report tests wherever both models ran: first against second."""

GENERAL = dict(_STUDY)
"""The models for texts of any kind, by name."""
GENERAL_ABOUT = {name: ABOUT[name] for name in GENERAL}

_LINEAR = ("nb-counts", "logreg-tfidf", "svm-tfidf", "nbsvm")
_NETWORKS = ("fasttext", "cnn", "bilstm")
GENERAL_LINEUPS = {"linear": _LINEAR, "networks": _NETWORKS, "all": tuple(GENERAL)}
"""Names that stand for several of them: those that train in seconds, and what learns its own
embeddings, whatever the language."""

GENERAL_PAIRS = (
    ("logreg-tfidf", "nb-counts"),
    ("fasttext", "logreg-tfidf"),
    ("bilstm", "fasttext"),
    ("bilstm-glove", "bilstm"),
)
"""What pays: weights that are learned, a network, the order of words, pretrained vectors."""
