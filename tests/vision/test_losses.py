"""Triplet and center loss, counted by hand."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from bakeoff.vision.losses import Centers, batch_hard_triplet, pairwise_distances

LINE = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
PAIRS = torch.tensor([0, 0, 1, 1])
"""On a line at 0, 1 (class 0) and 3, 7 (class 1): the hardest positives are 1, 1, 4, 4 away, the
hardest negatives 3, 2, 2, 6."""


def test_distances_by_hand():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    expected = [[0, 5, 1], [5, 0, math.sqrt(18)], [1, math.sqrt(18), 0]]
    assert torch.allclose(pairwise_distances(points), torch.tensor(expected), atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_soft_margin_by_hand(dtype):
    gaps = torch.tensor([1.0 - 3, 1 - 2, 4 - 2, 4 - 6], dtype=dtype)
    loss = batch_hard_triplet(LINE.to(dtype), PAIRS, margin=0)
    assert loss.item() == pytest.approx(softplus(gaps).mean().item(), rel=1e-5)


def test_hard_margin_by_hand():
    # max(0, d+ - d- + 1.5): 0, 0.5, 3.5, 0.
    assert batch_hard_triplet(LINE, PAIRS, margin=1.5).item() == pytest.approx(1.0)
    assert batch_hard_triplet(LINE, PAIRS, margin=0.5).item() == pytest.approx(2.5 / 4)


def test_easier_triplets_weigh_less_by_hand():
    """One positive each; the weights of two negatives are a softmax of their nearness."""

    def mean(near, far, temperature):
        weight = 1 / (1 + math.exp((near - far) / temperature))
        return weight * near + (1 - weight) * far

    gaps = [1 - mean(3, 7, 2.0), 1 - mean(2, 6, 2.0), 4 - mean(2, 3, 2.0), 4 - mean(6, 7, 2.0)]
    expected = softplus(torch.tensor(gaps)).mean().item()
    loss = batch_hard_triplet(LINE, PAIRS, margin=0, temperature=2.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_temperatures_lead_from_the_hardest_to_the_mean_of_all():
    torch.manual_seed(0)
    points, labels = torch.randn(12, 5), torch.arange(12) % 3
    hardest = batch_hard_triplet(points, labels, 0.3).item()
    assert batch_hard_triplet(points, labels, 0.3, 1e-3).item() == pytest.approx(hardest, rel=1e-4)
    distances = torch.cdist(points, points)
    same = labels[:, None] == labels
    positive = (distances * same).sum(dim=1) / 3
    negative = (distances * ~same).sum(dim=1) / 8
    expected = (positive - negative + 0.3).relu().mean().item()
    assert batch_hard_triplet(points, labels, 0.3, 1e4).item() == pytest.approx(expected, rel=1e-3)
    assert expected < hardest


def test_only_the_hardest_pictures_move():
    """The gradient of six pictures on a line, from the hardest pictures of each."""
    points = torch.tensor([[0.0], [0.8], [2.0], [10.0], [11.0], [13.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    # Hardest (positive, negative) of each row; with margin 20 each of them counts.
    hardest = [(2, 3), (2, 3), (0, 3), (5, 2), (5, 2), (3, 2)]
    batch_hard_triplet(points, labels, margin=20).backward()
    expected = torch.zeros(6)
    values = points.detach().flatten()
    for anchor, (positive, negative) in enumerate(hardest):
        for other, sign in ((positive, 1), (negative, -1)):
            way = torch.sign(values[anchor] - values[other]) * sign / 6
            expected[anchor] += way
            expected[other] -= way
    assert torch.allclose(points.grad.flatten(), expected, atol=1e-5)


@pytest.mark.parametrize("margin", [0.0, 0.2])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_gradient_of_equal_embeddings_is_finite(margin, temperature):
    points = torch.ones(4, 3, requires_grad=True)
    batch_hard_triplet(points, PAIRS, margin, temperature).backward()
    assert torch.isfinite(points.grad).all()


def test_order_and_place_do_not_change_a_triplet_loss():
    torch.manual_seed(0)
    points, labels = torch.randn(12, 5), torch.arange(12) % 3
    order = torch.randperm(12)
    loss = batch_hard_triplet(points, labels, 0.3)
    assert batch_hard_triplet(points[order], labels[order], 0.3) == pytest.approx(loss.item())
    moved = batch_hard_triplet(points + 1, 2 - labels, 0.3)
    assert moved.item() == pytest.approx(loss.item(), rel=1e-4)


def test_center_loss_by_hand():
    centers = Centers(classes=3, width=2, rate=0.5)
    centers.centers += torch.tensor([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]])
    points = torch.tensor([[3.0, 4.0], [1.0, 2.0]], requires_grad=True)
    losses = centers(points, torch.tensor([0, 1]))
    # Half of 25 and of 1.
    assert losses.tolist() == [12.5, 0.5]
    losses.sum().backward()
    # Eq. 3: an embedding less its center.
    assert points.grad.tolist() == [[3.0, 4.0], [0.0, 1.0]]


def test_centers_follow_their_class_by_hand():
    """Eq. 4: the sum of (center - embedding) over 1 + the number of the class, times the rate."""
    centers = Centers(classes=3, width=1, rate=0.5)
    centers.centers += torch.tensor([[1.0], [10.0], [5.0]])
    points, labels = (
        torch.tensor([[4.0], [7.0], [99.0], [8.0], [9.0]]),
        torch.tensor([0, 0, 0, 1, 2]),
    )
    centers.follow(points, labels, torch.tensor([True, True, False, True, False]))
    # Class 0: (1-4 + 1-7) / 3 = -3, half of it; class 1: (10-8) / 2 = 1; class 2 is cut.
    assert centers.centers.flatten().tolist() == [2.5, 9.5, 5.0]


def test_centers_are_saved_and_not_learned_by_gradient():
    centers = Centers(classes=2, width=3, rate=0.5)
    assert list(centers.parameters()) == []
    assert list(centers.state_dict()) == ["centers"]
    assert not centers.centers.any()
