import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bakeoff.errors import UserError
from bakeoff.training.checkpoint import load_checkpoint, save_checkpoint
from bakeoff.training.optimization import Optimizers
from bakeoff.training.settings import TrainingSettings

SETTINGS = TrainingSettings(learning_rate=0.1)
FACTS = {"epoch": 2, "best_loss": 0.5, "history": [{"epoch": 1, "validation_accuracy": None}]}


class Network(nn.Module):
    """Dense and sparse parameters, so that both kinds of optimisers have a state."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(20, 3, sparse=True)
        self.dense = nn.Linear(3, 2)

    def forward(self, words):
        return self.dense(self.embedding(words).mean(dim=1))


def started(seed=0):
    model = Network(seed)
    return model, Optimizers(model, SETTINGS, total_steps=100)


def step(model, optimizers):
    """One step on random words."""
    model(torch.randint(0, 20, (4, 5))).square().mean().backward()
    optimizers.step()


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


@pytest.fixture
def saved(tmp_path):
    """A folder with a checkpoint after three steps; its best weights are those of the first."""
    model, optimizers = started()
    step(model, optimizers)
    best = weights(model)
    for _ in range(2):
        step(model, optimizers)
    save_checkpoint(tmp_path, model, best, optimizers, FACTS)
    return tmp_path, model, optimizers, best


def test_what_follows_a_loaded_checkpoint_is_what_would_have_followed(saved):
    folder, model, optimizers, best = saved
    torch.manual_seed(7)
    step(model, optimizers)
    other, others = started(seed=1)
    facts, loaded_best, _ = load_checkpoint(folder, other, others)
    assert facts == FACTS
    assert same(loaded_best, best)
    assert others.steps == 3
    torch.manual_seed(7)  # As the loop does before each epoch.
    step(other, others)
    assert same(other.state_dict(), model.state_dict())
    assert others.learning_rate == optimizers.learning_rate
    assert same(others.state(), optimizers.state())


def test_a_checkpoint_replaces_the_one_before_and_leaves_nothing_else(saved):
    folder, model, optimizers, _ = saved
    step(model, optimizers)
    save_checkpoint(folder, model, weights(model), optimizers, {**FACTS, "epoch": 3})
    assert [path.name for path in folder.iterdir()] == ["checkpoint.safetensors"]
    other, others = started(seed=1)
    facts, best, _ = load_checkpoint(folder, other, others)
    assert facts["epoch"] == 3
    assert same(best, model.state_dict())


def test_what_a_killed_save_has_left_goes_with_the_next(saved):
    folder, model, optimizers, best = saved
    (folder / ".checkpoint.safetensors.123.tmp").write_bytes(b"half")
    save_checkpoint(folder, model, best, optimizers, FACTS)
    assert [path.name for path in folder.iterdir()] == ["checkpoint.safetensors"]


def test_tied_weights_are_saved_and_stay_tied(tmp_path):
    def tied():
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        model[1].weight = model[0].weight
        return model, Optimizers(model, SETTINGS, total_steps=10)

    (first, optimizers), (second, others) = tied(), tied()
    save_checkpoint(tmp_path, first, weights(first), optimizers, {})
    load_checkpoint(tmp_path, second, others)
    assert second[1].weight is second[0].weight
    assert same(first.state_dict(), second.state_dict())


def test_without_a_file_there_is_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path, *started()) is None
    assert load_checkpoint(tmp_path / "nowhere", *started()) is None


def test_a_file_cut_short_anywhere_is_no_checkpoint_and_changes_nothing(saved):
    folder, *_ = saved
    file = folder / "checkpoint.safetensors"
    whole = file.read_bytes()
    model, optimizers = started(seed=1)
    before, random = weights(model), torch.get_rng_state()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        file.write_bytes(whole[:length])
        assert load_checkpoint(folder, model, optimizers) is None
    assert same(before, model.state_dict())
    assert optimizers.steps == 0
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize("content", [b"\0" * 5000, b"\xff" * 5000, b"not a checkpoint"])
def test_a_file_of_something_else_is_no_checkpoint(tmp_path, content):
    (tmp_path / "checkpoint.safetensors").write_bytes(content)
    assert load_checkpoint(tmp_path, *started()) is None


def test_a_half_written_new_file_does_not_hide_the_old_one(saved):
    folder, *_ = saved
    content = (folder / "checkpoint.safetensors").read_bytes()
    (folder / ".checkpoint.safetensors.tmp").write_bytes(content[:300])
    facts, _, _ = load_checkpoint(folder, *started(seed=1))
    assert facts == FACTS


def test_where_nothing_can_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    model, optimizers = started()
    with pytest.raises(UserError, match="cannot write"):
        save_checkpoint(tmp_path / "file" / "inside", model, weights(model), optimizers, {})


def test_a_checkpoint_is_whole_at_any_moment_and_after_a_kill(tmp_path):
    """A process writes checkpoints without a pause, each full of its number, until it is killed."""
    process = subprocess.Popen([sys.executable, __file__, str(tmp_path)])
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "checkpoint.safetensors").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        seen = [whole_number(tmp_path) for _ in range(20)]
    finally:
        process.kill()
        process.wait()
    last = whole_number(tmp_path)
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] <= last


def big():
    model = nn.Linear(1000, 1000)
    return model, Optimizers(model, replace(SETTINGS, optimizer="adam"), total_steps=10)


def whole_number(folder):
    model, optimizers = big()
    facts, best, _ = load_checkpoint(folder, model, optimizers)
    tensors = [*model.state_dict().values(), *best.values()]
    assert {float(t.min()) for t in tensors} == {float(t.max()) for t in tensors}
    assert float(tensors[0].min()) == facts["number"]
    return facts["number"]


def main(folder: str) -> None:
    model, optimizers = big()
    number = 0
    while True:
        number += 1
        for parameter in model.parameters():
            nn.init.constant_(parameter, number)
        save_checkpoint(Path(folder), model, weights(model), optimizers, {"number": number})


if __name__ == "__main__":
    main(sys.argv[1])
