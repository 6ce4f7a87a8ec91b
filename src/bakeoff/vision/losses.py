"""Losses on embeddings: triplets with batch-hard mining, and center loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.training.workers import ALONE, Workers


def batch_hard_triplet(
    embeddings: Tensor, labels: Tensor, margin: float, temperature: float = 0.0
) -> Tensor:
    """Triplet loss on the hardest positive and the hardest negative of each embedding of a batch
    (Hermans et al. 2017, eq. 5), or on means of all of them in which harder ones weigh more
    (Ristani & Tomasi 2018); distances Euclidean.

    Args:
        embeddings: (batch, width).
        labels: (batch,); each class at least twice, and at least two classes.
        margin: by which a negative must be farther away than a positive; 0 takes the soft margin,
            log(1 + exp(d⁺ - d⁻)).
        temperature: distance by which a positive must be farther away, or a negative nearer, to
            weigh e times as much; 0 takes the hardest alone.

    Returns:
        The mean over the batch.
    """
    distances = pairwise_distances(embeddings)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    far = distances.masked_fill(~same | itself, -torch.inf)
    near = distances.masked_fill(same, torch.inf)
    if temperature:
        far, near = (far / temperature).softmax(dim=1), (-near / temperature).softmax(dim=1)
        positive, negative = ((w.detach() * distances).sum(dim=1) for w in (far, near))
    else:
        positive, negative = far.amax(dim=1), near.amin(dim=1)
    if margin:
        return F.relu(positive - negative + margin).mean()
    return F.softplus(positive - negative).mean()


def pairwise_distances(embeddings: Tensor) -> Tensor:
    """Euclidean distances of all pairs, (batch, batch); their gradient is finite at 0."""
    squares = embeddings.square().sum(dim=1)
    squared = squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * embeddings @ embeddings.T
    return squared.clamp_min(1e-12).sqrt()


class Centers(nn.Module):
    """The center of each class in the space of embeddings, following its class at a rate of its own
    (Wen et al. 2016).
    """

    def __init__(self, classes: int, width: int, rate: float) -> None:
        super().__init__()
        self._rate = rate
        self.centers: Tensor
        self.register_buffer("centers", torch.zeros(classes, width))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Half the squared distance of each of the embeddings (batch, width) to its center (eq. 2),
        shape (batch,).
        """
        return (embeddings - self.centers[labels]).square().sum(dim=1) / 2

    @torch.no_grad()
    def follow(
        self, embeddings: Tensor, labels: Tensor, whole: Tensor, workers: Workers = ALONE
    ) -> None:
        """Move the centers of the classes of a batch (eq. 4), of which each worker has a share;
        only those of the embeddings count that are `whole` (bool, (batch,)).
        """
        weights = whole.to(self.centers).unsqueeze(1)
        away = (self.centers[labels] - embeddings) * weights
        step = torch.zeros_like(self.centers).index_add_(0, labels, away)
        counts = torch.zeros_like(self.centers[:, :1]).index_add_(0, labels, weights)
        workers.sum(step, counts)
        self.centers -= self._rate * step / (1 + counts)
