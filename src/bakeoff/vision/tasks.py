"""What image networks learn: the tasks of the training loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.data.exhibits import exhibit
from bakeoff.training.loop import Outcome
from bakeoff.vision.configs import Autoencoder, ImageNetwork
from bakeoff.vision.losses import batch_hard_triplet
from bakeoff.vision.network import ImageClassifier, device
from bakeoff.vision.pictures import (
    PREDICTION_BATCH,
    Batch,
    as_bytes,
    augmented,
    class_balanced_rows,
    learning_size,
    plain_batches,
    sent,
    training_rows,
)


class _Pictures:
    """Batches of a training and a validation split that are on the device."""

    def __init__(
        self,
        config: ImageNetwork | Autoencoder,
        seed: int,
        train: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
    ) -> None:
        """Pictures are uint8 (n, size, size, channels), labels (n,)."""
        self._config, self._seed = config, seed
        self._train, self._validation = train, validation
        self.steps_per_epoch = len(self._rows(np.random.default_rng(0)))

    def _rows(self, rng: np.random.Generator) -> Sequence[np.ndarray]:
        return training_rows(len(self._train[1]), self._config.training.batch_size, rng)

    def training_batches(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, epoch])
        size = self.learning_size(epoch)
        for rows in self._rows(rng):
            yield self._augmented(rows, rng, size)

    def epoch_cost(self, epoch: int, /) -> float:
        return self.learning_size(epoch) ** 2

    def learning_size(self, epoch: int) -> int:
        """Pixels a side of the training pictures of an epoch."""
        epochs = self._config.training.planned_epochs(self.steps_per_epoch)
        full = self._train[0].shape[1]
        return learning_size(full, self._config.pictures.growth, (epoch - 1) / epochs)

    def _augmented(self, rows: np.ndarray, rng: np.random.Generator, size: int) -> Batch:
        index = sent(rows, self._train[1].device)
        pictures, labels = (sent(part[index], device()) for part in self._train)
        return augmented(pictures, labels, self._config.pictures, rng, size)

    def validation_batches(self) -> Iterator[Batch]:
        return plain_batches(*self._validation, device())

    def epoch_facts(self, _: nn.Module, /) -> dict[str, Any]:
        return {}


class Classification(_Pictures):
    """Cross-entropy, alone or beside a loss on embeddings."""

    _config: ImageNetwork

    def _rows(self, rng: np.random.Generator) -> Sequence[np.ndarray]:
        if self._config.loss != "triplet":
            return super()._rows(rng)
        size = self._config.training.batch_size
        labels = self._train[1].cpu().numpy()
        return class_balanced_rows(labels, size, self._config.images_per_class, rng)

    def objective(self, model: nn.Module, batch: Batch) -> Outcome:
        network, config, labels = cast(ImageClassifier, model), self._config, batch.labels
        embeddings = network.embed(batch.inputs)
        logits = network.head(embeddings.detach() if config.loss == "triplet" else embeddings)
        smoothing = config.training.label_smoothing if network.training else 0.0

        def losses(classes: Tensor) -> Tensor:
            each = F.cross_entropy(logits, classes, reduction="none", label_smoothing=smoothing)
            if config.loss == "center":
                each = each + config.center_weight * network.centers(embeddings, classes)
            return each

        each = losses(labels)
        if batch.mixed:
            each = torch.lerp(losses(batch.others), each, batch.kept)
        loss = each.mean()
        if network.training and config.loss == "triplet":
            loss = loss + batch_hard_triplet(embeddings, labels, config.margin, config.temperature)
        elif network.training and config.loss == "center":
            network.centers.follow(embeddings.detach(), labels, batch.kept == 1)
        return Outcome(loss, len(labels), logits, labels)


class Probing(Classification):
    """A linear layer on embeddings that stay as they are, and so are computed once: those of the
    validation pictures, and in the first epochs those of the training pictures, augmented by
    `VIEWS` different chances, or by fewer where these would take more than `MOST_BYTES`.
    """

    VIEWS = 8
    MOST_BYTES = 2**31

    def __init__(
        self,
        config: ImageNetwork,
        seed: int,
        train: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
        model: ImageClassifier,
    ) -> None:
        super().__init__(config, seed, train, validation)
        self._model = model
        bytes_a_view = 4 * len(train[1]) * model.width
        self._different = min(self.VIEWS, max(1, self.MOST_BYTES // bytes_a_view))
        self._views: dict[int, Tensor] = {}
        self._labels = sent(train[1], device())
        self._held_out = Batch.of(
            self._embedded(super().validation_batches()), sent(validation[1], device())
        )

    @torch.no_grad()
    def _embedded(self, batches: Iterator[Batch]) -> Tensor:
        self._model.encoder.eval()
        return torch.cat([self._model.embed(batch.inputs) for batch in batches])

    def _augmented_in_order(self, view: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, view])
        rows = np.arange(len(self._train[1]))
        for start in range(0, len(rows), PREDICTION_BATCH):
            some = rows[start : start + PREDICTION_BATCH]
            yield self._augmented(some, rng, self._train[0].shape[1])

    def training_batches(self, epoch: int) -> Iterator[Batch]:
        """Batches of embeddings."""
        view = epoch % self._different
        if view not in self._views:
            self._views[view] = self._embedded(self._augmented_in_order(view))
        for rows in self._rows(np.random.default_rng([self._seed, epoch])):
            index = sent(rows, device())
            yield Batch.of(self._views[view][index], self._labels[index])

    def validation_batches(self) -> Iterator[Batch]:
        yield self._held_out

    def objective(self, model: nn.Module, batch: Batch) -> Outcome:
        logits = cast(ImageClassifier, model).head(batch.inputs)
        loss = F.cross_entropy(logits, batch.labels)
        return Outcome(loss, len(batch.labels), logits, batch.labels)


class Reconstruction(_Pictures):
    """Mean squared error of what comes back; what was blanked in a picture is asked for too (a
    denoising autoencoder, Vincent et al. 2008).
    """

    _config: Autoencoder

    def objective(self, model: nn.Module, batch: Batch) -> Outcome:
        return Outcome(F.mse_loss(model(batch.inputs), batch.targets), len(batch.labels))

    @torch.no_grad()
    def epoch_facts(self, model: nn.Module, /) -> dict[str, Any]:
        """Of the first validation pictures those of least, median and most contrast, ever the same,
        above what the network makes of each: `pictures`, name → data: URI.
        """
        pictures, labels = (part[:PREDICTION_BATCH] for part in self._validation)
        batch = next(plain_batches(pictures, labels, device()))
        model.eval()
        made = model(batch.inputs)
        contrasts = batch.inputs.flatten(1).std(dim=1).cpu().numpy()
        pairs = np.concatenate([pictures.cpu().numpy(), as_bytes(made)], axis=1)
        return {
            "pictures": {name: exhibit(pairs, row) for name, row in extremes(contrasts).items()}
        }


def extremes(contrasts: np.ndarray) -> dict[str, int]:
    """The rows of least, of median and of most contrast."""
    order = np.argsort(contrasts, kind="stable")
    rows = {"low": order[0], "median": order[len(order) // 2], "high": order[-1]}
    return {f"{name}_contrast": int(row) for name, row in rows.items()}
