"""What image networks learn: losses and gradients of a batch, and pictures of an epoch."""

import base64
import io

import numpy as np
import pytest
import torch
from drawn import drawn
from PIL import Image
from torch.nn.functional import cross_entropy

from bakeoff.errors import UserError
from bakeoff.training.settings import TrainingSettings
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures
from bakeoff.vision.losses import batch_hard_triplet
from bakeoff.vision.network import AutoencoderNetwork, ImageClassifier, Shape
from bakeoff.vision.pictures import Batch
from bakeoff.vision.tasks import Classification, Probing, Reconstruction, extremes

SHAPE = Shape(channels=3, size=12)
TRAINING = TrainingSettings(batch_size=12, label_smoothing=0.1)
NETWORK = ImageNetwork(encoder="conv", training=TRAINING)


def tensors(split):
    return torch.from_numpy(split.inputs), torch.from_numpy(split.labels)


DATA = tensors(drawn()), tensors(drawn(rows=15, seed=1))


def task_and_model(kind=Classification, **fields):
    config = ImageNetwork(**{**vars(NETWORK), **fields})
    torch.manual_seed(0)
    model = ImageClassifier(config, SHAPE, classes=3).train()
    rest = [model] if kind is Probing else []
    return kind(config, 0, *DATA, *rest), model


def some_batch(task):
    return next(iter(task.training_batches(1)))


def gradients(module):
    return [None if p.grad is None else p.grad.clone() for p in module.parameters()]


@pytest.mark.parametrize("kind", [Classification, Probing])
def test_cross_entropy_is_smoothed_in_training_alone(kind):
    task, model = task_and_model(kind, frozen=kind is Probing)
    batch = some_batch(task)
    # A probe's batches are embeddings.
    classify = model.head if kind is Probing else model
    outcome = task.objective(model, batch)
    logits = classify(batch.inputs)
    smoothed = cross_entropy(logits, batch.labels, label_smoothing=0.1)
    assert outcome.loss.item() == pytest.approx(smoothed.item(), rel=1e-5)
    assert outcome.examples == 12
    assert outcome.correct == (logits.argmax(dim=1) == batch.labels).sum()
    model.eval()
    plain = cross_entropy(classify(batch.inputs), batch.labels).item()
    assert task.objective(model, batch).loss.item() == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_the_head_of_a_triplet_network_does_not_change_its_encoder(margin):
    task, model = task_and_model(loss="triplet", margin=margin, images_per_class=4)
    batch = some_batch(task)
    task.objective(model, batch).loss.backward()
    encoder, head = gradients(model.encoder), gradients(model.head)
    assert all(gradient.abs().sum() > 0 for gradient in head)
    model.zero_grad()
    batch_hard_triplet(model.embed(batch.inputs), batch.labels, margin).backward()
    for both, alone in zip(encoder, gradients(model.encoder), strict=True):
        assert torch.allclose(both, alone, atol=1e-6)
    assert any(gradient.abs().sum() > 0 for gradient in encoder)
    model.zero_grad()
    logits = model.head(model.embed(batch.inputs).detach())
    cross_entropy(logits, batch.labels, label_smoothing=0.1).backward()
    for both, alone in zip(head, gradients(model.head), strict=True):
        assert torch.allclose(both, alone, atol=1e-6)


def test_triplet_embeddings_cannot_all_become_one_point():
    _, model = task_and_model(loss="triplet")
    pictures = torch.rand(12, 3, 12, 12) * 1e-3
    embedded = model.embed(pictures)
    # Batch norm spreads every number alike, so that the mean squared length is that of LENGTH.
    assert embedded.mean(dim=0).abs().max() < 1e-3
    live = model.encoder(pictures).var(dim=0) > 1e-3
    spread = embedded.std(dim=0, correction=0)[live]
    assert live.any()
    assert torch.allclose(spread, torch.full_like(spread, 8 / 256**0.5), rtol=1e-2)
    _, usual = task_and_model()
    assert torch.equal(usual.embed(pictures), usual.encoder(pictures))


def as_batch(pictures):
    return pictures.permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("loss", ["cross-entropy", "triplet", "center"])
def test_a_network_is_validated_on_all_of_the_validation_split_as_it_is(loss):
    task, _ = task_and_model(loss=loss, pictures=Pictures(flip=True, crop=0.5, cutmix=0.5))
    [batch] = task.validation_batches()
    assert torch.equal(batch.inputs, as_batch(DATA[1][0]))
    assert torch.equal(batch.labels, DATA[1][1])


def test_a_probe_is_validated_on_the_validation_split():
    task, model = task_and_model(Probing, frozen=True, pictures=Pictures(flip=True, crop=0.5))
    [batch] = task.validation_batches()
    assert torch.allclose(batch.inputs, model.eval().embed(as_batch(DATA[1][0])), atol=1e-5)
    assert torch.equal(batch.labels, DATA[1][1])


def test_a_triplet_network_is_validated_by_its_classifier():
    task, model = task_and_model(loss="triplet", images_per_class=4)
    model.eval()
    [batch] = task.validation_batches()
    expected = cross_entropy(model(batch.inputs), batch.labels).item()
    assert task.objective(model, batch).loss.item() == pytest.approx(expected, rel=1e-5)


def test_pictures_grow_to_their_size_within_the_share_of_the_epochs():
    data = torch.zeros(4, 128, 128, 3, dtype=torch.uint8), torch.arange(4) % 2
    training = TrainingSettings(epochs=8, least_steps=0)
    config = ImageNetwork(
        encoder="resnet18", pictures=Pictures(growth=0.75, cutmix=0.5), training=training
    )
    task = Classification(config, 0, data, data)
    sizes = [next(iter(task.training_batches(epoch))).inputs.shape[2:] for epoch in range(1, 9)]
    assert sizes == [(64, 64)] * 4 + [(96, 96)] * 2 + [(128, 128)] * 2
    assert next(iter(task.validation_batches())).inputs.shape[2:] == (128, 128)


@pytest.mark.parametrize(
    ("task", "config"),
    [
        (Classification, ImageNetwork(encoder="conv", pictures=Pictures(growth=0.75))),
        (Reconstruction, Autoencoder(encoder="linear", pictures=Pictures(growth=0.75))),
    ],
)
def test_other_encoders_learn_on_pictures_of_one_size(task, config):
    """They have a layer for each place of a picture."""
    data = torch.zeros(4, 128, 128, 3, dtype=torch.uint8), torch.arange(4) % 2
    batch = next(iter(task(config, 0, data, data).training_batches(1)))
    assert batch.inputs.shape[2:] == (128, 128)


@pytest.mark.parametrize("loss", ["cross-entropy", "center"])
def test_the_class_of_what_is_pasted_counts_by_its_share(loss):
    task, model = task_and_model(loss=loss, pictures=Pictures(cutmix=0.7))
    batch = some_batch(task)
    mixed = batch.kept < 1
    assert 0 < mixed.sum() < 12
    if loss == "center":
        model.centers.centers += torch.randn(model.centers.centers.shape)
    centers = model.centers.centers.clone() if loss == "center" else None
    embeddings = model.embed(batch.inputs).detach()

    def mean_loss(row, label):
        value = cross_entropy(model.head(embeddings[row]), label, label_smoothing=0.1)
        if loss == "center":
            value = value + 0.01 * (embeddings[row] - centers[label]).square().sum() / 2
        return value.item()

    expected = [
        kept * mean_loss(row, batch.labels[row]) + (1 - kept) * mean_loss(row, batch.others[row])
        for row, kept in enumerate(batch.kept.tolist())
    ]
    got = task.objective(model, batch).loss.item()
    assert got == pytest.approx(np.mean(expected), rel=1e-4)
    if loss == "center":
        # Centers follow what is of one class alone.
        for label in range(3):
            own = embeddings[(batch.labels == label) & ~mixed]
            step = 0.5 * (centers[label] - own).sum(dim=0) / (1 + len(own))
            assert torch.allclose(model.centers.centers[label], centers[label] - step, atol=1e-4)


def test_center_loss_is_added_and_its_centers_follow_in_training_alone():
    task, model = task_and_model(loss="center", center_weight=0.2, center_rate=0.5)
    batch = some_batch(task)
    embeddings = model.encoder(batch.inputs).detach()
    expected = cross_entropy(model.head(embeddings), batch.labels, label_smoothing=0.1)
    # Centers start at 0: half the mean squared length.
    expected = expected + 0.2 * embeddings.square().sum(dim=1).mean() / 2
    outcome = task.objective(model, batch)
    assert outcome.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for label in range(3):
        own = embeddings[batch.labels == label]
        moved = 0.5 * own.sum(dim=0) / (1 + len(own))
        assert torch.allclose(model.centers.centers[label], moved, atol=1e-5)
    before = model.centers.centers.clone()
    model.eval()
    task.objective(model, batch)
    assert torch.equal(model.centers.centers, before)


def test_an_epoch_repeats_and_the_next_one_is_another():
    task, _ = task_and_model(pictures=Pictures(flip=True, shift=0.1, cutout=0.3))
    first, again, later = (list(task.training_batches(epoch)) for epoch in (1, 1, 2))
    assert len(first) == task.steps_per_epoch == 2
    for one, same in zip(first, again, strict=True):
        assert torch.equal(one.inputs, same.inputs)
        assert torch.equal(one.labels, same.labels)
    assert not torch.equal(first[0].inputs, later[0].inputs)


def test_a_triplet_network_plans_as_many_steps_as_it_takes():
    task, _ = task_and_model(loss="triplet", images_per_class=3)
    for epoch in range(4):
        batches = list(task.training_batches(epoch))
        assert len(batches) == task.steps_per_epoch
        for batch in batches:
            _, counts = batch.labels.unique(return_counts=True)
            assert len(counts) >= 2
            assert (counts == 4).all(), "three classes fill batches of twelve by four each"


def test_an_unknown_loss_is_refused():
    with pytest.raises(UserError, match="unknown loss 'tripelt': did you mean 'triplet'"):
        task_and_model(loss="tripelt")


def test_a_probe_learns_on_embeddings_that_stay():
    task, model = task_and_model(Probing, frozen=True)
    model.train()
    batches = list(task.training_batches(1))
    assert sum(len(batch.labels) for batch in batches) == 24
    model.eval()
    embedded = model.encoder(as_batch(DATA[0][0])).detach()
    rows = torch.cat([batch.inputs for batch in batches])
    distances = torch.cdist(rows, embedded)
    nearest = distances.argmin(dim=1)
    assert sorted(nearest.tolist()) == list(range(24))
    assert torch.equal(torch.cat([batch.labels for batch in batches]), DATA[0][1][nearest])
    model.train()
    task.objective(model, batches[0]).loss.backward()
    assert all(gradient is None for gradient in gradients(model.encoder))
    assert all(gradient.abs().sum() > 0 for gradient in gradients(model.head))


def test_a_probe_has_as_many_views_as_there_is_room_for(monkeypatch):
    monkeypatch.setattr(Probing, "MOST_BYTES", 2 * 24 * 256 * 4)
    task, _ = task_and_model(Probing, frozen=True, pictures=Pictures(shift=1 / 4))
    seen = [
        torch.cat([batch.inputs for batch in task.training_batches(epoch)]).sum().item()
        for epoch in range(1, 5)
    ]
    assert seen[0] == pytest.approx(seen[2])
    assert seen[1] == pytest.approx(seen[3])
    assert seen[0] != pytest.approx(seen[1])


@pytest.mark.parametrize("kind", ["cross-entropy", "triplet"])
def test_classes_are_told_apart_in_full_precision(kind):
    _, model = task_and_model(loss=kind, precision="bf16")
    logits = model.eval()(as_batch(DATA[1][0]))
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())


def test_a_probe_learns_on_several_views_of_each_picture_and_they_repeat():
    chances = {"frozen": True, "pictures": Pictures(flip=True, shift=1 / 4)}
    (task, _), (again, _) = (task_and_model(Probing, **chances) for _ in range(2))
    epochs = range(1, 2 * Probing.VIEWS + 1)

    def rows(task, epoch):
        """Embeddings of an epoch, in the order of their sums."""
        every = torch.cat([batch.inputs for batch in task.training_batches(epoch)])
        return every[every.sum(dim=1).argsort()]

    views = [rows(task, epoch) for epoch in epochs]
    assert all(
        torch.equal(rows(again, epoch), view) for epoch, view in zip(epochs, views, strict=True)
    )
    for first in range(Probing.VIEWS):
        assert torch.equal(views[first], views[first + Probing.VIEWS])
        assert not torch.equal(views[first], views[first + 1])


def reconstruction(size=12, channels=3, rows=9):
    config = Autoencoder(encoder="conv", pictures=Pictures(cutout=0.4))
    torch.manual_seed(0)
    model = AutoencoderNetwork(config, Shape(channels, size))
    data = [tensors(drawn(rows, size, channels, seed=seed)) for seed in (0, 1)]
    return Reconstruction(config, 0, *data), model, data[1][0]


def test_an_autoencoder_is_validated_on_the_validation_split_and_nothing_is_blanked():
    task, _, pictures = reconstruction()
    [batch] = task.validation_batches()
    assert torch.equal(batch.inputs, as_batch(pictures))
    assert torch.equal(batch.targets, batch.inputs)


def test_an_autoencoder_is_asked_for_what_was_blanked():
    task, model, _ = reconstruction()
    model.eval()
    batch = some_batch(task)
    assert not torch.equal(batch.inputs, batch.targets)
    outcome = task.objective(model, batch)
    expected = (model(batch.inputs) - batch.targets).square().mean()
    assert outcome.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert outcome.correct is None
    other = Batch.of(batch.inputs, 1 - batch.labels, batch.targets)
    assert task.objective(model, other).loss == outcome.loss, "labels say nothing to it"


@pytest.mark.parametrize(("size", "kind"), [(12, "png"), (24, "jpeg")])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_epoch_shows_pictures_above_their_reconstructions(size, channels, kind):
    task, model, pictures = reconstruction(size, channels)
    model.train()
    shown = task.epoch_facts(model)["pictures"]
    assert list(shown) == ["low_contrast", "median_contrast", "high_contrast"]
    model.eval()
    values = pictures.permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        made = model(values)
    contrasts = values.numpy().reshape(len(values), -1).std(axis=1)
    rows = dict(zip(shown, np.argsort(contrasts)[[0, 4, 8]], strict=True))
    for name, uri in shown.items():
        head, _, content = uri.partition(",")
        assert head == f"data:image/{kind};base64"
        image = Image.open(io.BytesIO(base64.b64decode(content)))
        assert image.size == (size, 2 * size)
        assert image.mode == ("L" if channels == 1 else "RGB")
        if kind == "png":
            pixels = np.asarray(image).reshape(2 * size, size, channels)
            assert np.array_equal(pixels[:size], pictures[rows[name]].numpy())
            below = (made[rows[name]] * 255).round().permute(1, 2, 0).numpy()
            assert np.array_equal(pixels[size:], below.astype(np.uint8))


def test_extremes_by_hand():
    rows = extremes(np.array([0.3, 0.1, 0.9, 0.2, 0.5]))
    assert rows == {"low_contrast": 1, "median_contrast": 0, "high_contrast": 2}
    assert set(extremes(np.array([0.4])).values()) == {0}


def test_the_pictures_of_an_epoch_are_those_of_every_epoch():
    task, model, _ = reconstruction(12, 1)

    def originals():
        shown = task.epoch_facts(model)["pictures"].values()
        images = (Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) for uri in shown)
        return [np.asarray(image)[:12].tolist() for image in images]

    before = originals()
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(generator=torch.Generator().manual_seed(1))
    assert originals() == before
