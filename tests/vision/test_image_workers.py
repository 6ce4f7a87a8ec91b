"""Image networks that two processes train together, against one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import drawn
from together import Together
from torch.nn.modules.batchnorm import _BatchNorm

from bakeoff.errors import UserError
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.workers import ALONE, Group, Outcome
from bakeoff.vision import network
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures
from bakeoff.vision.network import ImageClassifier, Shape, placed
from bakeoff.vision.tasks import Classification, Probing
from bakeoff.vision.training import train_image_network

FAST = TrainingSettings(epochs=2, least_steps=0, batch_size=12, learning_rate=1e-3, patience=9)
NETWORK = ImageNetwork(encoder="linear", training=FAST)
TRIPLET = replace(NETWORK, loss="triplet", images_per_class=4, margin=0.5)
ALIKE = {
    "autoencoder": Autoencoder(encoder="linear", training=FAST),
    "cross-entropy": NETWORK,
    "center": replace(NETWORK, loss="center", center_weight=0.1),
}
NORMED = {
    "conv": ImageNetwork(encoder="conv", training=FAST),
    "probe": replace(NETWORK, frozen=True),
    "triplet": TRIPLET,
    "resnet": ImageNetwork(encoder="resnet18", training=replace(FAST, epochs=1)),
}
SPLITS = drawn(37), drawn(15, seed=1)


def trained(config, workers, splits=SPLITS):
    model = train_image_network(
        "some", to_dict(config), *splits, seed=0, threads=1, workers=workers
    )
    history = [
        {k: v for k, v in record.items() if k not in ("seconds", "pictures")}
        for record in model.history
    ]
    return history, model.validation_probabilities


def trained_in_group(config, splits=SPLITS):
    return trained(config, Group(), splits)


@pytest.fixture(scope="module")
def together():
    pair = Together()
    yield pair
    pair.close()


@pytest.mark.parametrize("name", ALIKE)
def test_two_workers_learn_what_one_does(name, together):
    (first, ours), (second, theirs) = together(trained_in_group, ALIKE[name])
    assert first == second
    assert np.array_equal(ours, theirs)
    alone, probabilities = trained(ALIKE[name], ALONE)
    for one, two in zip(first, alone, strict=True):
        for figure, value in two.items():
            assert one[figure] == (value and pytest.approx(value, rel=1e-3)), figure
    assert ours == pytest.approx(probabilities, abs=1e-3)


@pytest.mark.parametrize("name", NORMED)
def test_batch_norms_of_shares_leave_workers_alike_and_near_one(name, together):
    (first, ours), (second, theirs) = together(trained_in_group, NORMED[name])
    assert first == second
    assert np.array_equal(ours, theirs)
    alone, _ = trained(NORMED[name], ALONE)
    assert first[0]["train_loss"] == pytest.approx(alone[0]["train_loss"], rel=0.3)


def triplet_gradients(count):
    """Of a triplet loss without batch norm: the embeddings are the parameters' own."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    rows, labels = torch.randn(9, 4), torch.arange(9) % 3
    workers = Group() if count > 1 else ALONE
    task = Classification.__new__(Classification)
    task._config, task._workers = TRIPLET, workers
    own = workers.share(labels)
    loss = task._triplet(layer(workers.share(rows)), own)
    loss.backward()
    pooled = workers.pooled(Outcome(loss, len(own)), list(layer.parameters()), [])
    return pooled.loss.item(), layer.weight.grad.numpy()


def test_triplets_are_mined_over_the_rows_of_all(together):
    loss, gradient = triplet_gradients(1)
    assert np.abs(gradient).max() > 0.01
    for shared, of_worker in together(triplet_gradients, 2):
        assert shared == pytest.approx(loss, rel=1e-5)
        assert of_worker == pytest.approx(gradient, rel=1e-4, abs=1e-6)


def seen(seed, epoch, frozen):
    """What a worker's share of one picture, 24 times, is made of in an epoch, each as bytes."""
    config = replace(
        NETWORK, encoder="conv", frozen=frozen, pictures=Pictures(flip=True, crop=0.5, color=0.4)
    )
    [picture] = torch.from_numpy(drawn(1).inputs)
    data = picture.expand(24, *picture.shape).contiguous(), torch.arange(24) % 3
    torch.manual_seed(0)
    rest = [ImageClassifier(config, Shape(3, len(picture)), classes=3)] if frozen else []
    task = (Probing if frozen else Classification)(config, seed, data, data, *rest, Group())
    batches = task.training_batches(epoch)
    return [row.numpy().tobytes() for batch in batches for row in batch.inputs]


@pytest.mark.parametrize("frozen", [False, True])
def test_each_picture_of_each_seed_epoch_and_worker_is_changed_by_chances_of_its_own(
    frozen, together
):
    runs = (0, 1), (0, 2), (1, 1)
    rows = [row for run in runs for own in together(seen, *run, frozen) for row in own]
    assert len(set(rows)) == len(rows) == 3 * 24
    again = [row for run in runs for own in together(seen, *run, frozen) for row in own]
    assert rows == again


class Pair:
    """The first of two workers."""

    rank, count = 0, 2


@pytest.mark.parametrize(
    ("where", "workers", "synchronised"),
    [("cuda", Pair, True), ("cuda", ALONE, False), ("cpu", Pair, False)],
)
def test_on_gpus_batch_norms_see_the_batches_of_all_workers(
    where, workers, synchronised, monkeypatch
):
    monkeypatch.setattr(network, "device", lambda: torch.device(where))
    # There may be no GPU here.
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_, **__: module)
    model = placed(ImageClassifier(NORMED["resnet"], Shape(3, 32), classes=3), workers)
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    kinds = {isinstance(norm, torch.nn.SyncBatchNorm) for norm in norms}
    assert kinds == {synchronised}


@pytest.mark.parametrize(
    ("pictures", "held_out", "words"),
    [
        (37, 1, "2 workers cannot share the 1 pictures of the validation split"),
        (3, 15, "a batch of 3 is too small: batch norm needs 2 pictures for each of 2 workers"),
    ],
)
def test_fewer_pictures_than_workers_need_are_one_line(together, pictures, held_out, words):
    splits = drawn(pictures), drawn(held_out, seed=1)
    for error in together(trained_in_group, NORMED["conv"], splits):
        assert isinstance(error, UserError)
        assert words in str(error)
