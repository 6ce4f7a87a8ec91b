import copy

import pytest
import torch
from torch import nn

from bakeoff.errors import UserError
from bakeoff.training.optimization import Optimizers, rate_share
from bakeoff.training.settings import TrainingSettings

PLAIN = TrainingSettings(learning_rate=0.1, schedule="constant", warmup=0.0, clip_norm=0.0)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3, sparse=True)
        self.output = nn.Linear(3, 1)

    def forward(self, words):
        return self.output(self.embedding(words)).sum()


@pytest.mark.parametrize(
    ("schedule", "done", "share"),
    [
        ("cosine", 0.0, 0.01),
        ("cosine", 0.1, 0.5),
        ("cosine", 0.2, 1.0),
        ("cosine", 0.6, 0.505),
        ("cosine", 1.0, 0.01),
        ("linear", 0.6, 0.505),
        ("linear", 0.4, 0.7525),
        ("constant", 0.1, 0.5),
        ("constant", 0.9, 1.0),
    ],
)
def test_the_rate_rises_for_a_fifth_of_the_steps_and_then_falls(schedule, done, share):
    assert rate_share(done, schedule, 0.2) == pytest.approx(share)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_a_rate_may_rise_to_the_end(schedule):
    rates = [rate_share(done, schedule, 1.0) for done in (0.0, 0.5, 1.0)]
    assert rates == [0.01, 0.5, 1.0]


def test_the_rate_of_each_step_follows_the_schedule():
    model = nn.Linear(1, 1)
    settings = TrainingSettings(learning_rate=1.0, schedule="linear", warmup=0.5)
    optimizers = Optimizers(model, settings, total_steps=4)
    rates = []
    for _ in range(4):
        model(torch.ones(1, 1)).sum().backward()
        optimizers.step()
        rates.append(optimizers.learning_rate)
    assert rates == pytest.approx([0.01, 0.5, 1.0, 0.505])


@pytest.mark.parametrize("field", ["schedule", "optimizer"])
def test_an_unknown_name_is_explained(field):
    with pytest.raises(UserError, match=f"unknown {field} 'cosin'"):
        TrainingSettings(**{field: "cosin"})


def test_a_first_step_of_adam_moves_every_touched_weight_by_the_rate():
    model = Words()
    before = copy.deepcopy(model.state_dict())
    optimizers = Optimizers(model, PLAIN, total_steps=10)
    model(torch.tensor([1, 1, 4])).backward()
    optimizers.step()
    moved = (model.embedding.weight.detach() - before["embedding.weight"]).abs()
    assert moved[[1, 4]] == pytest.approx(torch.full((2, 3), 0.1), rel=1e-3)
    assert not moved[[0, 2, 3]].any()
    assert model.output.bias.item() == pytest.approx(before["output.bias"].item() - 0.1, rel=1e-3)


def test_decay_shrinks_matrices_and_spares_biases_and_embeddings():
    model = Words()
    before = copy.deepcopy(model.state_dict())
    settings = TrainingSettings(**{**vars(PLAIN), "weight_decay": 0.5})
    optimizers = Optimizers(model, settings, total_steps=10)
    (model(torch.tensor([2])) * 0).backward()
    optimizers.step()
    after = model.state_dict()
    assert torch.allclose(after["output.weight"], before["output.weight"] * 0.95)
    assert torch.equal(after["output.bias"], before["output.bias"])
    assert torch.equal(after["embedding.weight"], before["embedding.weight"])


def test_gradients_are_scaled_to_the_norm_they_may_have():
    model = nn.Linear(2, 1, bias=False)
    settings = TrainingSettings(**{**vars(PLAIN), "clip_norm": 1.0})
    optimizers = Optimizers(model, settings, total_steps=10)
    seen = []
    (weight,) = optimizers.all[0].param_groups[0]["params"]
    optimizers.all[0].register_step_pre_hook(lambda *_: seen.append(weight.grad.clone()))
    model(torch.tensor([[30.0, 40.0]])).sum().backward()
    optimizers.step()
    assert seen[0].flatten().tolist() == pytest.approx([0.6, 0.8], rel=1e-4)


def test_state_that_is_taken_over_goes_on_bit_for_bit():
    model = Words()
    optimizers = Optimizers(model, TrainingSettings(), total_steps=10)

    def step(model, optimizers, words):
        model(torch.tensor(words)).backward()
        optimizers.step()

    step(model, optimizers, [1, 2])
    twin = Words()
    twin.load_state_dict(copy.deepcopy(model.state_dict()))
    taken_over = Optimizers(twin, TrainingSettings(), total_steps=10)
    taken_over.load_state({name: value.clone() for name, value in optimizers.state().items()})
    for words in ([2, 3], [4, 1]):
        step(model, optimizers, words)
        step(twin, taken_over, words)
    assert taken_over.learning_rate == optimizers.learning_rate
    for name, tensor in model.state_dict().items():
        assert torch.equal(twin.state_dict()[name], tensor), name


def test_the_layout_of_weights_changes_no_step():
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 4, 2)
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    pictures = torch.rand(2, 3, 5, 5)
    for model in (plain, last):
        optimizers = Optimizers(model, PLAIN, total_steps=2)
        for _ in range(2):
            model(pictures).square().sum().backward()
            optimizers.step()
    assert last.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last.weight.detach(), plain.weight.detach())
