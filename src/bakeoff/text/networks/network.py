"""Networks over word indices: how they are built, trained, saved and used."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.artifacts import read_json
from bakeoff.data.splits import Split
from bakeoff.errors import UserError
from bakeoff.text.configs import TextNetwork, from_dict
from bakeoff.text.networks.batches import (
    Batch,
    batch_of,
    sorted_rows,
    steps_per_epoch,
    training_rows,
)
from bakeoff.text.networks.encoders import build_encoder
from bakeoff.text.networks.vectors import load_vectors
from bakeoff.text.networks.vocabulary import PADDING, Encoded, Vocabulary
from bakeoff.text.preprocessing import count_emptied, parse, preprocess_all
from bakeoff.training.device import autocast, device
from bakeoff.training.history import best_epoch
from bakeoff.training.layers import layer_table
from bakeoff.training.loop import Observer, fit, set_up_process
from bakeoff.training.places import Place
from bakeoff.training.settings import to_dict
from bakeoff.training.trained import Trained
from bakeoff.training.workers import ALONE, Outcome, Workers

PREDICTION_BATCH = 128
EXAMPLE = 127, 131
"""Texts and tokens that show the shapes of layers: sizes that no layer is likely to have."""


class TextClassifier(nn.Module):
    """Embedding → encoder → pooling over real tokens → dense head → logits (batch, classes).

    Embeddings have sparse gradients: a step costs what its batch's words cost.
    """

    def __init__(
        self, config: TextNetwork, vocabulary: int, embedding_dim: int, classes: int
    ) -> None:
        super().__init__()
        self._precision = config.precision
        self._pooling, self._bidirectional = config.pooling, config.bidirectional
        self.embedding = nn.Embedding(vocabulary, embedding_dim, sparse=True)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.embedding.weight.requires_grad = not config.freeze_vectors
        self.word_dropout = nn.Dropout1d(config.word_dropout)
        self.encoder = build_encoder(config, embedding_dim)
        width = cast(int, self.encoder.width) * (2 if config.pooling == "max+mean" else 1)
        head: list[nn.Module] = [nn.Dropout(config.dropout)]
        if config.dense:
            head += [nn.Linear(width, config.dense), nn.ReLU(), nn.Dropout(config.dropout)]
        self.head = nn.Sequential(*head, nn.Linear(config.dense or width, classes))

    def forward(self, tokens: Tensor, lengths: Tensor, embedded: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            tokens: word indices, (batch, tokens), padded on the right.
            lengths: real tokens of each text, (batch,).
            embedded: (batch, tokens, embedding_dim), where they are not the words' own embeddings.
        """
        if embedded is None:
            embedded = self.embedding(tokens)
        mask = real_tokens(tokens, lengths)
        # Dropout1d drops whole rows of its second axis: words. To drop single numbers instead would
        # cost a third of an epoch on a CPU.
        with autocast(self._precision):
            states = self.encoder(self.word_dropout(embedded), mask, tokens)
        return self.head(self._pool(states.float(), mask, lengths))

    def _pool(self, states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        if self._pooling == "last":
            ahead = states[torch.arange(len(states), device=states.device), lengths - 1]
            if not self._bidirectional:
                return ahead
            half = states.shape[2] // 2
            return torch.cat([ahead[:, :half], states[:, 0, half:]], dim=-1)
        padding = ~mask.unsqueeze(-1)
        mean = states.masked_fill(padding, 0.0).sum(dim=1) / lengths.unsqueeze(1)
        if self._pooling == "mean":
            return mean
        highest = states.masked_fill(padding, -torch.inf).amax(dim=1)
        return torch.cat([highest, mean], dim=-1)


def real_tokens(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Where a text has words and not padding, bool, (batch, tokens)."""
    return torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)


class _Classification:
    """The task of the training loop: cross-entropy on length-bucketed batches, half of it on
    disturbed embeddings where the configuration asks for that.
    """

    def __init__(
        self,
        config: TextNetwork,
        seed: int,
        train: tuple[Encoded, np.ndarray],
        validation: tuple[Encoded, np.ndarray],
        workers: Workers = ALONE,
    ) -> None:
        self._settings, self._seed = config.training, seed
        self._workers = workers
        self._disturbance = config.disturbance
        self._train, self._validation = train, validation
        if len(validation[1]) < workers.count:
            raise UserError(
                f"{workers.count} workers cannot share the {len(validation[1])} texts of the "
                "validation split; train with fewer workers"
            )
        self.steps_per_epoch = steps_per_epoch(len(train[1]), config.training.batch_size)

    def training_batches(self, epoch: int) -> Iterator[Batch | None]:
        encoded, labels = self._train
        rng = np.random.default_rng([self._seed, epoch])
        rows = training_rows(encoded.lengths, self._settings.batch_size, rng)
        for own in map(self._workers.share, rows):
            yield batch_of(encoded, own, labels) if len(own) else None

    def validation_batches(self) -> Iterator[Batch]:
        encoded, labels = self._validation
        for own in map(self._workers.share, sorted_rows(encoded.lengths, PREDICTION_BATCH)):
            if len(own):
                yield batch_of(encoded, own, labels)

    def epoch_cost(self, _: int, /) -> float:
        return 1.0

    def objective(self, model: nn.Module, batch: Batch) -> Outcome:
        network, labels = cast(TextClassifier, model), cast(Tensor, batch.labels)
        embedded = network.embedding(batch.tokens)
        disturbing = network.training and self._disturbance > 0
        if disturbing:
            embedded.requires_grad_().retain_grad()
        logits = network(batch.tokens, batch.lengths, embedded)
        loss = self._loss(network, logits, labels)
        if disturbing:
            loss = self._half_disturbed(network, batch, embedded, loss)
        return Outcome(loss, len(labels), logits, labels)

    def epoch_facts(self, _: nn.Module, /) -> dict[str, Any]:
        return {}

    def _loss(self, network: TextClassifier, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self._settings.label_smoothing if network.training else 0.0
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)

    def _half_disturbed(
        self, network: TextClassifier, batch: Batch, embedded: Tensor, loss: Tensor
    ) -> Tensor:
        """The mean of a loss and of the same where the embeddings are moved the way it rises
        fastest (Miyato et al. 2017, eq. 5). To find that way, its own half is differentiated here.
        """
        (loss / 2).backward()
        real = real_tokens(batch.tokens, batch.lengths).unsqueeze(-1)
        gradient = cast(Tensor, embedded.grad) * real
        norm = (embedded.detach() * real).flatten(1).norm(dim=1)
        step = self._disturbance * norm / gradient.flatten(1).norm(dim=1).clamp_min(1e-12)
        moved = network.embedding(batch.tokens) + step[:, None, None] * gradient
        logits = network(batch.tokens, batch.lengths, moved)
        labels = cast(Tensor, batch.labels)
        return loss.detach() / 2 + self._loss(network, logits, labels) / 2


class NetworkPredictor:
    """A trained network, ready to score texts."""

    def __init__(
        self,
        config: TextNetwork,
        vocabulary: Vocabulary,
        model: TextClassifier,
        classes: list[str],
        threads: int,
    ) -> None:
        """`threads` CPU threads score: the last bits of probabilities depend on their number."""
        self.classes = classes
        self._threads = threads
        self._config, self._vocabulary, self._model = config, vocabulary, model.to(device())

    def probabilities(self, inputs: Sequence[str]) -> np.ndarray:
        """Shape (texts, classes), float64; the same for a text whatever stands beside it."""
        texts = preprocess_all(inputs, parse(self._config.preprocessing))
        return self.probabilities_of(
            self._vocabulary.encode(texts, self._config.max_tokens, self._config.keep)
        )

    @torch.no_grad()
    def probabilities_of(self, encoded: Encoded) -> np.ndarray:
        """As `probabilities`, for texts that are encoded already."""
        torch.set_num_threads(self._threads)
        self._model.eval()
        result = np.empty((len(encoded.lengths), len(self.classes)))
        for rows in sorted_rows(encoded.lengths, PREDICTION_BATCH):
            batch = batch_of(encoded, rows)
            logits = self._model(batch.tokens, batch.lengths)
            result[rows] = logits.double().softmax(dim=1).cpu().numpy()
        return result

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and vocabulary.parquet."""
        save_file(self._model.state_dict(), folder / "weights.safetensors")
        self._vocabulary.save(folder / "vocabulary.parquet")


def load_network(folder: Path, model: Mapping[str, Any]) -> NetworkPredictor:
    """The network of a model folder; `model` is its model.json."""
    config = cast(TextNetwork, from_dict(model["config"]))
    weights = load_file(folder / "weights.safetensors")
    rows, width = weights["embedding.weight"].shape
    network = TextClassifier(config, rows, width, len(model["classes"]))
    network.load_state_dict(weights)
    vocabulary = Vocabulary.load(folder / "vocabulary.parquet")
    threads = read_json(folder / "training.json")["threads"]
    return NetworkPredictor(config, vocabulary, network, model["classes"], threads)


def train_network(
    name: str,
    config: TextNetwork,
    train: Split,
    validation: Split,
    *,
    seed: int,
    threads: int,
    checkpoint: Place | None = None,
    observers: Sequence[Observer] = (),
    workers: Workers = ALONE,
) -> Trained:
    """Train one network; vocabulary and word vectors learn from the training split alone.

    Args:
        name: in the registry.
        config: every hyper-parameter.
        train: what it learns from.
        validation: what stops it, and picks its best epoch.
        seed: of weights, order and dropout.
        threads: CPU threads.
        checkpoint: a place of its own, to go on from after a kill.
        observers: told about steps and epochs.
        workers: those who share the training.

    Raises:
        UserError: word vectors that cannot be read, no frequent word, or a diverging loss.
    """
    started = time.perf_counter()
    set_up_process(seed, threads)
    steps = parse(config.preprocessing)
    texts = preprocess_all(train.inputs, steps)
    emptied = count_emptied(texts, steps)
    vocabulary = Vocabulary.build(texts, config.max_vocabulary, config.min_count)
    encoded = vocabulary.encode(texts, config.max_tokens, config.keep)
    held_out = vocabulary.encode(
        preprocess_all(validation.inputs, steps), config.max_tokens, config.keep
    )
    model, facts = _build(config, vocabulary, texts, encoded, len(train.classes), seed)
    model.to(device())
    data = (encoded, train.labels), (held_out, validation.labels)
    task = _Classification(config, seed, *data, workers)
    preparation = time.perf_counter() - started
    history = fit(
        model,
        task,
        config.training,
        seed=seed,
        observers=observers,
        checkpoint=checkpoint,
        workers=workers,
    )
    used = replace(
        config,
        embedding_dim=model.embedding.embedding_dim,
        training=config.training.resolved(task.steps_per_epoch),
    )
    predictor = NetworkPredictor(config, vocabulary, model, train.classes, threads)
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
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        seconds=preparation + sum(record["seconds"] for record in history),
        threads=threads,
        validation_probabilities=predictor.probabilities_of(held_out),
        save=predictor.save,
        history=history,
        layers=layer_table(model, example, {batch: "batch", tokens: "tokens"}),
        facts={
            **facts,
            "best_epoch": best_epoch(history, config.training.metric)["epoch"],
            "tokens_per_second": _tokens_per_second(encoded, history),
            "emptied_texts": emptied,
            "cut_texts": float(np.mean([len(t.split()) > config.max_tokens for t in texts])),
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
