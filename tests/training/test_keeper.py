"""Epochs that are saved before their end, and go on from there."""

import math
from dataclasses import replace

import pytest
import torch
from test_workers import SETTINGS
from torch import nn

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.patience import StoreAwayError
from bakeoff.s3 import Folder
from bakeoff.training.keeper import Keeper
from bakeoff.training.loop import CHECK_STEPS, fit
from bakeoff.training.optimization import Optimizers
from bakeoff.training.workers import ALONE, Group, Outcome

STEPS = 3 * CHECK_STEPS + 5
TWO_EPOCHS = replace(SETTINGS, epochs=2, learning_rate=0.01)


class Chances(nn.Sequential):
    """Dropout, and a batch norm, whose statistics each worker has of its own."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2)
        )


class LostError(Exception):
    """All is lost at this moment."""


class Numbers:
    """Whether the sum of four numbers is positive; lost before one step of the second epoch."""

    steps_per_epoch = STEPS

    def __init__(self, workers, lost_at=0):
        self.workers, self.lost_at, self.trained = workers, lost_at, 0

    def training_batches(self, epoch):
        generator = torch.Generator().manual_seed(epoch)
        for step in range(1, STEPS + 1):
            if epoch == 2 and step == self.lost_at:
                raise LostError
            yield self.workers.share(torch.randn(12, 4, generator=generator))

    def validation_batches(self):
        yield self.workers.share(torch.randn(20, 4, generator=torch.Generator().manual_seed(0)))

    def objective(self, model, batch):
        self.trained += model.training
        logits, labels = model(batch), (batch.sum(dim=1) > 0).long()
        loss = nn.functional.cross_entropy(logits, labels)
        return Outcome(loss, len(batch), logits, labels)

    def epoch_cost(self, epoch):
        return 1.0

    def epoch_facts(self, model):
        return {}


class Told:
    """Hears once that the machine will be taken away."""

    rank, count = 0, 1
    share, sum, gathered, pooled = ALONE.share, ALONE.sum, ALONE.gathered, ALONE.pooled

    def notice(self):
        return True


def learned(workers, place=None, lost_at=0, interval=0.0):
    """History and weights, or None where all was lost; and how many steps that took."""
    model, task = Chances(), Numbers(workers, lost_at)
    try:
        history = fit(
            model,
            task,
            TWO_EPOCHS,
            seed=3,
            checkpoint=place,
            workers=workers,
            interval=interval,
        )
    except LostError:
        return None, task.trained
    for record in history:
        del record["seconds"]
    state = {name: value.tolist() for name, value in model.state_dict().items()}
    return (history, state), task.trained


def learned_in_group(place=None, lost_at=0):
    return learned(Group(), place, lost_at)


@pytest.mark.parametrize("lost_at", [CHECK_STEPS + 1, 3 * CHECK_STEPS, STEPS])
def test_a_lost_epoch_goes_on_where_it_was_saved_to_the_same_result(tmp_path, lost_at):
    unbroken, steps = learned(ALONE)
    assert steps == 2 * STEPS
    assert learned(ALONE, tmp_path, lost_at)[0] is None
    resumed, steps = learned(ALONE, tmp_path)
    assert resumed == unbroken
    assert steps == STEPS - (lost_at - 1) // CHECK_STEPS * CHECK_STEPS


def test_a_short_epoch_is_not_saved_before_its_end(tmp_path):
    learned(ALONE, tmp_path, STEPS, interval=60.0)
    assert learned(ALONE, tmp_path)[1] == STEPS


@pytest.mark.usefixtures("bucket")
def test_a_store_that_goes_away_ends_no_training():
    class Away(Folder):
        def write(self, name, content, *, patience=None):
            raise StoreAwayError(f"cannot write {self}: nobody answers")

    told = []
    with events.heard(told.append):
        weights = learned(ALONE, Away("s3://reviews/away"))
    messages = {e["message"] for e in told if e["event"] == "warning"}
    assert messages == {"cannot write s3://reviews/away: nobody answers; it goes on unsaved"}
    assert weights == learned(ALONE)


def test_a_notice_saves_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("bakeoff.training.keeper.NOTICE_INTERVAL", 0.0)
    learned(Told(), tmp_path / "told", 2 * CHECK_STEPS + 1, interval=math.inf)
    resumed, steps = learned(ALONE, tmp_path / "told")
    # The first epoch was saved at its end too, as all are after a notice.
    assert steps == STEPS
    assert resumed == learned(ALONE)[0]


def test_two_workers_go_on_to_the_same_result(together, tmp_path):
    (unbroken, _), (same, _) = together(learned_in_group)
    assert same == unbroken
    assert {result for result, _ in together(learned_in_group, tmp_path, STEPS)} == {None}
    (resumed, steps), (same, _) = together(learned_in_group, tmp_path)
    assert resumed == same == unbroken
    assert steps == STEPS - 3 * CHECK_STEPS


def learned_by(workers, place, lost_at=0, *, together):
    """What that many workers learn, each: history and weights, and how many steps that took."""
    if workers == 1:
        return [learned(ALONE, place, lost_at)]
    return together(learned_in_group, place, lost_at)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_any_number_of_workers_goes_on_in_the_middle_of_an_epoch(together, tmp_path, before, after):
    [(unbroken, _), *_] = learned_by(before, None, together=together)
    lost = learned_by(before, tmp_path, STEPS, together=together)
    assert {result for result, _ in lost} == {None}
    [(first, steps), *others] = learned_by(after, tmp_path, together=together)
    assert steps == STEPS - 3 * CHECK_STEPS
    assert all(other == (first, steps) for other in others)
    (history, _), whole = first, unbroken[0]
    assert history[0] == whole[0]
    assert history[1]["train_loss"] == pytest.approx(whole[1]["train_loss"], rel=0.05)


class Dropping(Numbers):
    """Notes what dropout leaves of ones in each step."""

    def __init__(self, workers):
        super().__init__(workers)
        self.left = []

    def objective(self, model, batch):
        if model.training:
            ones = nn.functional.dropout(torch.ones(64), training=True)
            self.left.append(ones.numpy().tobytes())
        return super().objective(model, batch)


def dropped(seed):
    task = Dropping(Group())
    fit(Chances(), task, TWO_EPOCHS, seed=seed, workers=task.workers)
    return task.left


def test_dropout_of_each_seed_epoch_step_and_worker_is_its_own_and_repeats(together):
    left = [one for seed in (3, 4) for own in together(dropped, seed) for one in own]
    assert len(set(left)) == len(left) == 2 * 2 * 2 * STEPS
    assert [one for seed in (3, 4) for own in together(dropped, seed) for one in own] == left


def learned_apart(place, lost_at=0):
    """Each worker has a folder of its own, as on machines that share none."""
    own = place / str(Group().rank)
    try:
        return learned(Group(), own, lost_at)
    except UserError as error:
        return str(error)


def test_checkpoints_that_not_all_workers_find_are_one_line_for_all(together, tmp_path):
    together(learned_apart, tmp_path, STEPS)
    for said in together(learned_apart, tmp_path):
        assert said.startswith("the workers found different checkpoints in ")


def saved(place, clocks):
    """Whether an epoch is saved before its end, by workers whose last save is so long ago."""
    workers, model = Group(), Chances()
    optimizers = Optimizers(model, TWO_EPOCHS, total_steps=1)
    keeper = Keeper(place, model, optimizers, workers, seed=0, interval=60.0)
    keeper._saved_at -= clocks[workers.rank]
    keeper.look(1, {}, 1.0)
    return keeper.begun is not None


@pytest.mark.parametrize(("clocks", "due"), [((100, 0), True), ((0, 1000), False)])
def test_the_clock_of_who_saves_is_everyones(together, tmp_path, clocks, due):
    assert together(saved, tmp_path, clocks) == [due, due]
    assert (tmp_path / "checkpoint.safetensors").exists() == due
