"""Training a network over word indices."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from bakeoff.data.splits import Split
from bakeoff.text.configs import TextNetwork, from_dict
from bakeoff.text.networks.network import NetworkPredictor, TextClassifier
from bakeoff.text.networks.tasks import TextClassification
from bakeoff.text.networks.vectors import load_vectors
from bakeoff.text.networks.vocabulary import PADDING, Encoded, Vocabulary
from bakeoff.text.preprocessing import count_emptied, parse, preprocess_all
from bakeoff.training.device import device, set_up_process
from bakeoff.training.history import best_epoch
from bakeoff.training.layers import layer_table, numbers_in
from bakeoff.training.loop import fit
from bakeoff.training.observers import Observer
from bakeoff.training.places import Place
from bakeoff.training.settings import to_dict
from bakeoff.training.trained import Trained
from bakeoff.training.workers import ALONE, Workers

EXAMPLE = 127, 131
"""Texts and tokens that show the shapes of layers: sizes that no layer is likely to have."""


def train_text_network(
    name: str,
    config: Mapping[str, Any],
    train: Split,
    validation: Split,
    *,
    seed: int,
    threads: int,
    checkpoint: Place | None = None,
    observers: Sequence[Observer] = (),
    earlier: Path | None = None,  # noqa: ARG001 (a `Train` has it)
    workers: Workers = ALONE,
) -> Trained:
    """Train one network (a `bakeoff.training.step.Train`); vocabulary and word vectors learn from
    the training split alone.

    Args:
        name: in the registry.
        config: every hyper-parameter, as JSON holds it.
        train: what it learns from.
        validation: what stops it, and picks its best epoch.
        seed: of weights, order and dropout.
        threads: CPU threads; an RNN takes one, as its steps cost less than to share them.
        checkpoint: a place of its own, to go on from after a kill.
        observers: told about steps and epochs.
        earlier: unused, since it starts from no other network.
        workers: those who share the training.

    Raises:
        UserError: word vectors that cannot be read, no frequent word, or a diverging loss.
    """
    settings = cast(TextNetwork, from_dict(config))
    if settings.encoder == "rnn":
        threads = 1
    set_up_process(seed, threads)
    started = time.perf_counter()
    steps = parse(settings.preprocessing)
    texts = preprocess_all(train.inputs, steps)
    emptied = count_emptied(texts, steps)
    vocabulary = Vocabulary.build(texts, settings.max_vocabulary, settings.min_count)
    encoded = vocabulary.encode(texts, settings.max_tokens, settings.keep)
    held_out = vocabulary.encode(
        preprocess_all(validation.inputs, steps), settings.max_tokens, settings.keep
    )
    model, facts = _build(settings, vocabulary, texts, encoded, len(train.classes), seed)
    model.to(device())
    data = (encoded, train.labels), (held_out, validation.labels)
    task = TextClassification(settings, seed, *data, workers)
    preparation = time.perf_counter() - started
    history = fit(
        model,
        task,
        settings.training,
        seed=seed,
        observers=observers,
        checkpoint=checkpoint,
        workers=workers,
    )
    used = replace(
        settings,
        embedding_dim=model.embedding.embedding_dim,
        training=settings.training.resolved(task.steps_per_epoch),
    )
    predictor = NetworkPredictor(settings, steps, vocabulary, model, train.classes, threads)
    batch, tokens = EXAMPLE
    example = (
        torch.ones(batch, tokens, dtype=torch.long, device=device()),
        torch.full((batch,), tokens, device=device()),
    )
    return Trained(
        name=name,
        seed=seed,
        kind="text-network",
        config=to_dict(used),
        parameters=numbers_in(model),
        seconds=preparation + sum(record["seconds"] for record in history),
        threads=threads,
        validation_probabilities=predictor.probabilities_of(held_out),
        save=predictor.save,
        history=history,
        layers=layer_table(model, example, {batch: "batch", tokens: "tokens"}),
        facts={
            **facts,
            "precision": model.precision,
            "best_epoch": best_epoch(history, settings.training.metric)["epoch"],
            "tokens_per_second": _tokens_per_second(encoded, history),
            "emptied_texts": emptied,
            "cut_texts": float(np.mean([len(t.split()) > settings.max_tokens for t in texts])),
        },
    )


def _build(
    config: TextNetwork,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    encoded: Encoded,
    classes: int,
    seed: int,
) -> tuple[TextClassifier, dict[str, Any]]:
    """A network with fresh weights, pretrained vectors in place, and facts about these."""
    facts: dict[str, Any] = {"vocabulary": len(vocabulary.words)}
    if not config.vectors:
        return TextClassifier(config, len(vocabulary), config.embedding_dim, classes), facts
    vectors, found = load_vectors(
        config.vectors, vocabulary.words, texts, config.embedding_dim, seed
    )
    model = TextClassifier(config, len(vocabulary), vectors.shape[1], classes)
    with torch.no_grad():
        model.embedding.weight.normal_(std=float(vectors[found].std()))
        model.embedding.weight[2:][torch.from_numpy(found)] = torch.from_numpy(vectors[found])
        model.embedding.weight[PADDING] = 0
    known = np.concatenate([[False, False], found])
    facts["vectors_cover_words"] = float(found.mean())
    facts["vectors_cover_tokens"] = float(known[encoded.indices].mean())
    return model, facts


def _tokens_per_second(encoded: Encoded, history: list[dict[str, Any]]) -> float:
    """Training tokens over the seconds of the fastest epoch, validation included."""
    return float(encoded.lengths.sum() / min(record["seconds"] for record in history))
