import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import METRICS
from bakeoff.patience import StoreAwayError
from bakeoff.training import keeper
from bakeoff.training.history import best_epoch
from bakeoff.training.loop import evaluate, fit
from bakeoff.training.observers import EventObserver
from bakeoff.training.settings import TrainingSettings
from bakeoff.training.workers import Outcome

SETTINGS = TrainingSettings(
    epochs=6, least_steps=0, learning_rate=0.1, schedule="constant", warmup=0.0
)


class Scripted:
    """A task whose validation loss in each epoch is given."""

    steps_per_epoch = 2

    def __init__(self, losses):
        self.losses = iter(losses)

    def training_batches(self, epoch):
        return [torch.ones(1, 1), torch.full((1, 1), float(epoch))]

    def validation_batches(self):
        return [next(self.losses)]

    def objective(self, model, batch):
        if isinstance(batch, float):
            return Outcome(torch.tensor(batch), 1)
        return Outcome(model(batch).mean(), 1)

    def epoch_cost(self, epoch):
        return 1.0

    def epoch_facts(self, model):
        return {}


class Parity:
    """Noisy labels of random points: a task that needs no data."""

    steps_per_epoch = 5

    def training_batches(self, epoch):
        generator = torch.Generator().manual_seed(epoch)
        for _ in range(self.steps_per_epoch):
            points = torch.randn(16, 4, generator=generator)
            yield points, (points.sum(dim=1) > 0).long()

    def validation_batches(self):
        return list(Parity.training_batches(self, 1000))

    def objective(self, model, batch):
        points, labels = batch
        logits = model(points)
        loss = nn.functional.cross_entropy(logits, labels)
        return Outcome(loss, len(labels), logits, labels)

    def epoch_cost(self, epoch):
        return epoch

    def epoch_facts(self, model):
        return {"pictures": {"best": f"of {next(model.parameters()).device}"}}


class Recorder:
    def __init__(self):
        self.starts, self.records, self.weights = [], [], []
        self.model = None

    def start(self, **facts):
        self.starts.append(facts)

    def step(self, **facts):
        pass

    def epoch(self, record):
        self.records.append(record)
        if self.model is not None:
            self.weights.append(self.model.weight.item())


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def test_training_ends_after_patience_and_keeps_the_weights_of_the_best_epoch():
    model, recorder = nn.Linear(1, 1), Recorder()
    recorder.model = model
    settings = TrainingSettings(**{**vars(SETTINGS), "patience": 2})
    history = fit(
        model, Scripted([0.9, 0.5, 0.7, 0.6, 0.1, 0.1]), settings, seed=0, observers=[recorder]
    )
    losses = [record["validation_loss"] for record in history]
    assert losses == pytest.approx([0.9, 0.5, 0.7, 0.6])
    assert best_epoch(history)["epoch"] == 2
    assert model.weight.item() == recorder.weights[1] != recorder.weights[3]


def test_a_better_epoch_restarts_the_wait():
    settings = TrainingSettings(**{**vars(SETTINGS), "patience": 2})
    losses = [0.9, 0.5, 0.6, 0.4, 0.6, 0.3]
    history = fit(nn.Linear(1, 1), Scripted(losses), settings, seed=0)
    assert (len(history), best_epoch(history)["epoch"]) == (6, 6)


def test_a_record_holds_what_the_epoch_was():
    recorder = Recorder()
    history = fit(network(), Parity(), SETTINGS, seed=0, observers=[recorder])
    assert recorder.starts == [{"steps": 5, "costs": [1, 2, 3, 4, 5, 6], "before": 0}]
    assert recorder.records == history
    first, last = recorder.records[0], recorder.records[-1]
    assert first["epoch"] == 1
    assert first["learning_rate"] == pytest.approx(0.1)
    assert first["seconds"] > 0
    assert last["validation_accuracy"] > 0.9 > first["train_accuracy"]
    assert last["validation_loss"] < first["validation_loss"]
    assert first["pictures"] == {"best": "of cpu"}


def test_means_weigh_examples_not_batches():
    class Uneven(Scripted):
        def validation_batches(self):
            return [(1.0, [1, 1, 1]), (2.0, [0])]

        def objective(self, model, batch):
            loss, labels = batch
            # The second class, always.
            logits = torch.tensor([[0.0, 1.0]] * len(labels))
            return Outcome(torch.tensor(loss), len(labels), logits, torch.tensor(labels))

    assert evaluate(nn.Linear(1, 1), Uneven([])) == (1.25, 0.75, 0.75)
    # F1 of both classes: 0 and 2 · 3 / (3 + 4).
    found = evaluate(nn.Linear(1, 1), Uneven([]), METRICS["macro-f1"])
    assert found == (1.25, 0.75, pytest.approx(3 / 7))


@pytest.mark.parametrize("metric", METRICS)
def test_the_metric_of_the_settings_keeps_the_epoch(metric):
    settings = replace(SETTINGS, metric=metric)
    history = fit(network(), Parity(), settings, seed=0)
    key = f"validation_{METRICS[metric].key}"
    most = max(METRICS[metric].merit(record[key]) for record in history)
    assert METRICS[metric].merit(best_epoch(history, metric)[key]) == most


def test_an_objective_without_accuracy_has_none():
    history = fit(nn.Linear(1, 1), Scripted([0.5] * 6), SETTINGS, seed=0)
    assert history[0]["train_accuracy"] is None
    assert history[0]["validation_accuracy"] is None


def test_a_loss_that_is_no_number_is_explained():
    class Exploding(Scripted):
        def objective(self, model, batch):
            return Outcome(model(batch).mean() * math.nan, 1)

    with pytest.raises(UserError, match=r"epoch 1; lower the learning rate"):
        fit(nn.Linear(1, 1), Exploding([]), SETTINGS, seed=0)
    # The last step of the last epoch may be the one that spoils the weights.
    for losses in ([math.nan], [0.5, math.inf]):
        settings = replace(SETTINGS, epochs=len(losses))
        with pytest.raises(UserError, match=f"epoch {len(losses)}; lower the learning rate"):
            fit(nn.Linear(1, 1), Scripted(losses), settings, seed=0)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    results = []
    for seed in (1, 1, 2):
        model = network()
        fit(model, Parity(), SETTINGS, seed=seed)
        results.append(model[0].weight)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_events_name_the_model(tmp_path, monkeypatch):
    monkeypatch.setenv(events.VARIABLE, str(tmp_path))
    observer = EventObserver("rnn-64", 3)
    observer.start(steps=10, costs=[1, 1, 2])
    observer.step(epoch=3, step=5, loss=0.5, accuracy=None)
    observer.epoch({"epoch": 1, "train_loss": 0.4, "pictures": {"best": "data:" + "x" * 9000}})
    progress, epoch = events.EventReader(tmp_path).new_events()
    assert (progress["event"], progress["model"], progress["seed"]) == ("progress", "rnn-64", 3)
    assert (progress["epochs"], progress["epoch"], progress["done"]) == (3, 3, 0.75)
    assert (epoch["event"], epoch["train_loss"]) == ("epoch", 0.4)
    assert "pictures" not in epoch


def run_alone(out: Path, checkpoint: Path, kill_at: int = 0) -> int:
    """Train in a process of its own, which kills itself amid epoch `kill_at`."""
    command = [sys.executable, __file__, str(out), str(checkpoint), str(kill_at)]
    return subprocess.run(command, check=False, timeout=60).returncode


def test_a_killed_training_goes_on_to_the_same_result_bit_for_bit(tmp_path):
    assert run_alone(tmp_path / "unbroken", tmp_path / "a") == 0
    assert run_alone(tmp_path / "resumed", tmp_path / "b", kill_at=4) == -signal.SIGKILL
    assert not (tmp_path / "resumed").exists()
    assert run_alone(tmp_path / "resumed", tmp_path / "b") == 0
    unbroken, resumed = load_file(tmp_path / "unbroken"), load_file(tmp_path / "resumed")
    # The resumed run trained only the epochs that were missing.
    assert (unbroken.pop("epochs trained"), resumed.pop("epochs trained")) == (6, 3)
    for name, tensor in unbroken.items():
        assert torch.equal(resumed[name], tensor), name


def test_a_checkpoint_that_is_cut_short_is_not_used(tmp_path):
    history = fit(network(), Parity(), SETTINGS, seed=0, checkpoint=tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:500])
    recorder = Recorder()
    fit(network(), Parity(), SETTINGS, seed=0, observers=[recorder], checkpoint=tmp_path)
    assert len(recorder.records) == len(history)


@pytest.mark.parametrize(
    ("short", "away", "tried"),
    [
        # Saving takes a small part of the time, and the end is saved.
        (10.0, False, [1, 6]),
        # What is not very short is never lost.
        (0.0, False, [1, 2, 3, 4, 5, 6]),
        # A store that does not answer is not waited for after each epoch.
        (0.0, True, [1, 6]),
    ],
)
def test_which_epochs_are_saved_where_that_is_slow(tmp_path, monkeypatch, short, away, tried):
    epochs, clock = [], [0.0]

    def slowly(*given):
        epochs.append(len(given[4]["history"]))
        clock[0] += 0.4
        if away:
            raise StoreAwayError("nobody answers")

    monkeypatch.setattr(keeper, "save_checkpoint", slowly)
    monkeypatch.setattr(keeper, "UNSAVED_SECONDS", short)
    monkeypatch.setattr(keeper, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    settings = replace(SETTINGS, patience=9)
    fit(network(), Parity(), settings, seed=0, checkpoint=tmp_path)
    assert epochs == tried


def test_a_finished_checkpoint_is_not_trained_again(tmp_path):
    first, again, recorder = network(), network(), Recorder()
    history = fit(first, Parity(), SETTINGS, seed=0, checkpoint=tmp_path)
    resumed = fit(again, Parity(), SETTINGS, seed=0, observers=[recorder], checkpoint=tmp_path)
    assert recorder.records == history
    assert resumed == history
    assert torch.equal(first[0].weight, again[0].weight)


def main(out: str, checkpoint: str, kill_at: str) -> None:
    from safetensors.torch import save_file

    keeper.CHECKPOINT_SHARE = float("inf")

    class Mortal(Parity):
        epochs_trained = 0

        def training_batches(self, epoch):
            self.epochs_trained += 1
            for number, batch in enumerate(super().training_batches(epoch)):
                if epoch == int(kill_at) and number == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield batch

    model, task = network(), Mortal()
    history = fit(model, task, SETTINGS, seed=5, checkpoint=Path(checkpoint))
    losses = [record["validation_loss"] for record in history]
    result = {**model.state_dict(), "losses": torch.tensor(losses, dtype=torch.float64)}
    save_file({**result, "epochs trained": torch.tensor(task.epochs_trained)}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
