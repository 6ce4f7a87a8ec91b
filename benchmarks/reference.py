"""The report's models the plain way: Keras on TensorFlow for networks, scikit-learn for the rest.

Runs in an environment of its own, and knows nothing of bakeoff but the Parquet files that
`bakeoff data prepare` writes:

python3.11 -m venv .venv.reference
.venv.reference/bin/pip install -r benchmarks/reference-requirements.txt
.venv.reference/bin/python benchmarks/reference.py prepared/dataset bilstm --tokens 64

prints JSON. A network's figures: seconds of each epoch, its validation included; real tokens a
second, padding not counted; validation accuracy after each epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pandas as pd
from sklearn.feature_extraction.text import (
    ENGLISH_STOP_WORDS,
    CountVectorizer,
    TfidfVectorizer,
)
from sklearn.metrics import accuracy_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.tree import DecisionTreeClassifier

VOCABULARY = 30_000
"""Indices of words, those of padding and of unknown words included."""
BATCH_SIZE = 32
VALIDATION_BATCH_SIZE = 128
DROPOUT = 0.5
MAX_DEPTH = 1000
NETWORKS = ("rnn-64", "lstm-1", "bilstm")


def clean(text: str) -> str:
    text = text.lower()
    text = re.sub(r"[/(){}\[\]|@,;]", " ", text)
    text = re.sub(r"[^0-9a-z\s#+_]", "", text)
    text = re.sub(r"\d+", "", text)
    return " ".join(word for word in text.split() if word not in ENGLISH_STOP_WORDS)


def build(network: str):
    from keras import Sequential, layers

    if network == "rnn-64":
        encoder = [layers.Embedding(VOCABULARY, 64), layers.SimpleRNN(64)]
        dense = 64
    elif network == "lstm-1":
        encoder = [layers.Embedding(VOCABULARY, 256), layers.LSTM(64)]
        dense = 64
    else:
        encoder = [layers.Embedding(VOCABULARY, 256), layers.Bidirectional(layers.LSTM(64))]
        dense = 32
    model = Sequential(
        [
            *encoder,
            layers.Dense(dense, activation="relu"),
            layers.Dropout(DROPOUT),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def train_network(
    network: str,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    tokens: int,
    epochs: int,
    threads: int,
    seed: int,
) -> dict[str, Any]:
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(seed)

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
            self.seconds.append(time.perf_counter() - self.started)

    tokenizer = tf.keras.preprocessing.text.Tokenizer(
        num_words=VOCABULARY, filters="", lower=False, oov_token="<unknown>"
    )
    tokenizer.fit_on_texts(train["clean"])
    inputs = {
        name: keras.utils.pad_sequences(
            tokenizer.texts_to_sequences(split["clean"]), maxlen=tokens, truncating="post"
        )
        for name, split in (("train", train), ("validation", validation))
    }
    model, clock = build(network), Clock()
    history = model.fit(
        inputs["train"],
        train["label"],
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(inputs["validation"], validation["label"]),
        validation_batch_size=VALIDATION_BATCH_SIZE,
        callbacks=[clock],
        verbose=0,
    ).history
    real_tokens = int((inputs["train"] != 0).sum())
    return {
        "parameters": model.count_params(),
        "batch_size": BATCH_SIZE,
        "tokens": real_tokens,
        "seconds": clock.seconds,
        "tokens_per_second": [real_tokens / seconds for seconds in clock.seconds],
        "validation_accuracy": history["val_accuracy"],
    }


def train_classical(
    train: pd.DataFrame, validation: pd.DataFrame, seed: int
) -> dict[str, dict[str, float]]:
    """Each model with its own vectoriser; seconds from cleaned texts to validation accuracy."""
    models = {
        "nb-counts": (CountVectorizer(), MultinomialNB()),
        "nb-tfidf": (TfidfVectorizer(), MultinomialNB()),
        "tree-tfidf": (
            TfidfVectorizer(),
            DecisionTreeClassifier(max_depth=MAX_DEPTH, random_state=seed),
        ),
    }
    results = {}
    for name, (vectorizer, model) in models.items():
        started = time.perf_counter()
        model.fit(vectorizer.fit_transform(train["clean"]), train["label"])
        predicted = model.predict(vectorizer.transform(validation["clean"]))
        accuracy = accuracy_score(validation["label"], predicted)
        seconds = time.perf_counter() - started
        results[name] = {"seconds": seconds, "validation_accuracy": float(accuracy)}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", type=Path, help="folder with train and validation.parquet")
    parser.add_argument("model", choices=[*NETWORKS, "classical"])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    train = pd.read_parquet(options.dataset / "train.parquet")
    validation = pd.read_parquet(options.dataset / "validation.parquet")
    started = time.perf_counter()
    for split in (train, validation):
        split["clean"] = split["text"].map(clean)
    results: dict[str, Any] = {"cleaning_seconds": time.perf_counter() - started}
    if options.model == "classical":
        packages = ["scikit-learn", "numpy"]
        results["models"] = train_classical(train, validation, options.seed)
    else:
        packages = ["tensorflow-cpu", "keras", "numpy"]
        results |= train_network(
            options.model,
            train,
            validation,
            tokens=options.tokens,
            epochs=options.epochs,
            threads=options.threads,
            seed=options.seed,
        )
    results["versions"] = {package: version(package) for package in packages}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
