"""What image networks learn: the tasks of the training loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.data.exhibits import exhibit
from bakeoff.errors import UserError
from bakeoff.training.device import device, sent
from bakeoff.training.workers import ALONE, Outcome, Workers
from bakeoff.vision.configs import Autoencoder, ImageNetwork
from bakeoff.vision.losses import batch_hard_triplet
from bakeoff.vision.network import ImageClassifier
from bakeoff.vision.pictures import (
    PREDICTION_BATCH,
    Batch,
    as_bytes,
    augmented,
    class_balanced_rows,
    learning_size,
    plain_batches,
    training_rows,
)

LEAST_SHARE = 2
"""Pictures of a batch that each worker has at least: what batch norm sees of one has no spread."""


class _Pictures:
    """Batches of a training and a validation split that are on the device."""

    def __init__(
        self,
        config: ImageNetwork | Autoencoder,
        seed: int,
        train: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
        workers: Workers = ALONE,
    ) -> None:
        """Pictures are uint8 (n, size, size, channels), labels (n,)."""
        self._config, self._seed, self._workers = config, seed, workers
        self._train, self._validation = train, validation
        batches = self._rows(np.random.default_rng(0))
        self.steps_per_epoch = len(batches)
        if len(validation[1]) < workers.count:
            raise UserError(
                f"{workers.count} workers cannot share the {len(validation[1])} pictures of the "
                "validation split; train with fewer workers"
            )
        smallest = min(map(len, batches))
        if smallest < LEAST_SHARE * workers.count:
            each = f" for each of {workers.count} workers" if workers.count > 1 else ""
            raise UserError(
                f"a batch of {smallest} is too small: batch norm needs {LEAST_SHARE} pictures"
                f"{each}; raise training.batch_size"
                f"{', or train with fewer workers' if each else ', or give more pictures'}"
            )

    def _rows(self, rng: np.random.Generator) -> Sequence[np.ndarray]:
        return training_rows(len(self._train[1]), self._config.training.batch_size, rng)

    def training_batches(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, epoch])
        size, batches = self.learning_size(epoch), self._rows(rng)
        chance = self._own(rng, epoch)
        for rows in map(self._workers.share, batches):
            yield self._augmented(rows, chance, size)

    def _own(self, rng: np.random.Generator, epoch: int) -> np.random.Generator:
        """The chances of this worker's share: those of worker 0 are the only worker's."""
        rank = self._workers.rank
        return np.random.default_rng([self._seed, epoch, rank]) if rank else rng

    def epoch_cost(self, epoch: int, /) -> float:
        return self.learning_size(epoch) ** 2

    def learning_size(self, epoch: int) -> int:
        """Pixels a side of the training pictures of an epoch."""
        full = self._train[0].shape[1]
        if self._config.encoder != "resnet18":
            return full
        epochs = self._config.training.planned_epochs(self.steps_per_epoch)
        return learning_size(full, self._config.pictures.growth, (epoch - 1) / epochs)

    def _augmented(self, rows: np.ndarray, rng: np.random.Generator, size: int) -> Batch:
        index = sent(rows, self._train[1].device)
        pictures, labels = (sent(part[index], device()) for part in self._train)
        return augmented(pictures, labels, self._config.pictures, rng, size)

    def validation_batches(self) -> Iterator[Batch]:
        pictures, labels = map(self._workers.share, self._validation)
        return plain_batches(pictures, labels, device())

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
        smoothing = self._smoothing(network)

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
            loss = loss + self._triplet(embeddings, labels)
        elif network.training and config.loss == "center":
            network.centers.follow(embeddings.detach(), labels, batch.kept == 1, self._workers)
        return Outcome(loss, len(labels), logits, labels)

    def _smoothing(self, network: nn.Module) -> float:
        return self._config.training.label_smoothing if network.training else 0.0

    def _triplet(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The triplet loss of the whole batch, to whose gradient each worker adds what flows
        through its own embeddings.
        """
        config = self._config
        everyone = self._workers.gathered(embeddings), self._workers.gathered(labels)
        loss = batch_hard_triplet(*everyone, config.margin, config.temperature)
        # Pooled gradients are weighted by a worker's share of the rows. These are no means over it.
        share = len(labels) / len(everyone[1])
        return loss + (1 / share - 1) * (loss - loss.detach())


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
        workers: Workers = ALONE,
    ) -> None:
        super().__init__(config, seed, train, validation, workers)
        self._model = model
        bytes_a_view = 4 * len(train[1]) * model.width
        self._different = min(self.VIEWS, max(1, self.MOST_BYTES // bytes_a_view))
        self._views: dict[int, Tensor] = {}
        self._labels = sent(train[1], device())
        self._held_out = Batch.of(
            self._embedded(super().validation_batches()),
            sent(workers.share(validation[1]), device()),
        )

    @torch.no_grad()
    def _embedded(self, batches: Iterable[Batch]) -> Tensor:
        self._model.encoder.eval()
        return torch.cat([self._model.embed(batch.inputs) for batch in batches])

    def _view(self, view: int) -> Tensor:
        """Embeddings of all training pictures as one chance augments them; each worker computes
        its share.
        """
        chance = self._own(np.random.default_rng([self._seed, view]), view)
        rows, size = self._workers.share(np.arange(len(self._train[1]))), self._train[0].shape[1]
        parts = np.split(rows, range(PREDICTION_BATCH, len(rows), PREDICTION_BATCH))
        own = self._embedded(self._augmented(part, chance, size) for part in parts)
        everyone = self._workers.gathered(own)
        return torch.empty_like(everyone).index_copy_(
            0, self._workers.gathered(sent(rows, device())), everyone
        )

    def training_batches(self, epoch: int) -> Iterator[Batch]:
        """Batches of embeddings."""
        view = epoch % self._different
        if view not in self._views:
            self._views[view] = self._view(view)
        for rows in self._rows(np.random.default_rng([self._seed, epoch])):
            index = sent(self._workers.share(rows), device())
            yield Batch.of(self._views[view][index], self._labels[index])

    def validation_batches(self) -> Iterator[Batch]:
        yield self._held_out

    def objective(self, model: nn.Module, batch: Batch) -> Outcome:
        network = cast(ImageClassifier, model)
        logits = network.head(batch.inputs)
        smoothing = self._smoothing(network)
        loss = F.cross_entropy(logits, batch.labels, label_smoothing=smoothing)
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
