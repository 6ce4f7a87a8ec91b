"""Two processes that share a training, against one."""

import math

import pytest
import torch
from torch import nn

from bakeoff.errors import UserError
from bakeoff.training.keeper import Keeper
from bakeoff.training.loop import fit
from bakeoff.training.optimization import Optimizers
from bakeoff.training.settings import TrainingSettings
from bakeoff.training.workers import ALONE, Group, LostWorkerError, Outcome

SETTINGS = TrainingSettings(epochs=3, least_steps=0, learning_rate=0.05, patience=9)


class Words(nn.Module):
    """A sparse embedding, a dense layer, one that is never used, and a batch norm."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4, sparse=True)
        self.layer, self.idle = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, words):
        return self.layer(self.words(words))


class Regression:
    """Batches of 5, 3, 1 and 4 words, so that shares differ and one is empty."""

    steps_per_epoch = 4

    def __init__(self, workers, bad=None):
        self.workers, self.bad = workers, bad

    def training_batches(self, epoch):
        generator = torch.Generator().manual_seed(epoch)
        for size in (5, 3, 1, 4):
            own = self.workers.share(torch.randint(0, 9, (size,), generator=generator))
            yield own if len(own) else None

    def validation_batches(self):
        yield self.workers.share(torch.arange(9))

    def objective(self, model, batch):
        logits, labels = model(batch), batch % 2
        loss = nn.functional.cross_entropy(logits, labels)
        if model.training and self.bad == self.workers.rank:
            loss = loss * math.nan
        return Outcome(loss, len(batch), logits, labels)

    def epoch_cost(self, epoch):
        return 1.0

    def epoch_facts(self, model):
        return {}


def learned(workers, bad=None, seed=0):
    torch.manual_seed(seed)
    model = Words()
    history = fit(model, Regression(workers, bad), SETTINGS, seed=0, workers=workers)
    for record in history:
        del record["seconds"]
    return history, {name: value.numpy() for name, value in model.state_dict().items()}


def learned_in_group(bad=None):
    return learned(Group(), bad)


def test_two_workers_learn_what_one_does(together):
    alone, weights = learned(ALONE)
    (first, ours), (second, theirs) = together(learned_in_group)
    assert first == second
    for one, two in zip(first, alone, strict=True):
        assert one == pytest.approx(two, rel=1e-5)
    for name in weights:
        assert ours[name].tolist() == theirs[name].tolist()
        assert ours[name] == pytest.approx(weights[name], abs=1e-5), name


def test_a_layer_that_nobody_uses_does_not_decay(together):
    (_, weights), _ = together(learned_in_group)
    torch.manual_seed(0)
    assert weights["idle.weight"] == pytest.approx(Words().idle.weight.detach().numpy(), abs=0)


def test_a_loss_that_is_no_number_on_one_worker_ends_all_with_one_line(together):
    for error in together(learned_in_group, 1):
        assert isinstance(error, UserError)
        assert "no longer a finite number in epoch 1" in str(error)


def learned_from_weights_of_ones_own():
    return learned(Group(), seed=Group().rank)


def test_workers_start_from_the_weights_of_the_first(together):
    (first, ours), (second, theirs) = together(learned_from_weights_of_ones_own)
    [(alike, weights), _] = together(learned_in_group)
    assert first == second == alike
    for name in weights:
        assert ours[name].tolist() == theirs[name].tolist() == weights[name].tolist(), name


def shared(rows):
    workers = Group()
    rows = torch.tensor(rows[workers.rank], dtype=torch.float32).requires_grad_()
    everyone = workers.gathered(rows)
    everyone.square().sum().backward()
    return everyone.detach().numpy().tolist(), rows.grad.numpy().tolist()


def test_rows_of_all_are_gathered_with_the_gradient_of_ones_own(together):
    rows = [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0]]]
    for rank, (everyone, gradient) in enumerate(together(shared, rows)):
        assert everyone == rows[0] + rows[1]
        assert gradient == [[2 * value for value in row] for row in rows[rank]]


def exchanged_what_cannot_be():
    Group().sum(torch.zeros(2, dtype=torch.int16))


def test_an_exchange_that_is_refused_is_no_loss_of_a_worker(together):
    for error in together(exchanged_what_cannot_be):
        assert isinstance(error, RuntimeError)
        assert not isinstance(error, LostWorkerError)


def average_of_norms():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False))
    optimizers = Optimizers(model, SETTINGS, total_steps=1)
    keeper = Keeper(None, model, optimizers, Group(), seed=0)
    model[0].running_mean.fill_(float(Group().rank))
    keeper.average_statistics()
    return model[0].running_mean.tolist(), model[0].running_var.tolist()


def test_batch_norms_of_workers_are_averaged(together):
    assert together(average_of_norms) == [([0.5, 0.5], [1.0, 1.0])] * 2
