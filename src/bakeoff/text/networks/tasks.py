"""What text networks learn: the task of the training loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.errors import UserError
from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.batches import (
    PREDICTION_BATCH,
    Batch,
    batch_of,
    sorted_rows,
    steps_per_epoch,
    training_rows,
)
from bakeoff.text.networks.network import TextClassifier, real_tokens
from bakeoff.text.networks.vocabulary import Encoded
from bakeoff.training.workers import ALONE, Outcome, Workers


class TextClassification:
    """Cross-entropy on length-bucketed batches, half of it on
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
