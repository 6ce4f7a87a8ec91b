"""Networks over pictures from training to a saved model that predicts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import drawn
from safetensors.torch import load_file, save_file

from bakeoff.artifacts import read_json
from bakeoff.errors import UserError
from bakeoff.predictors import load
from bakeoff.training.device import device
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import as_used, write_trained
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures, from_dict
from bakeoff.vision.encoders import ResNet18
from bakeoff.vision.network import crops
from bakeoff.vision.pictures import as_floats, loaded
from bakeoff.vision.training import train_image_network

FAST = TrainingSettings(epochs=2, least_steps=0, batch_size=12, learning_rate=3e-3)
MOVED = Pictures(size=8, flip=True, shift=1 / 8, cutout=1 / 3)
CONV = Autoencoder(encoder="conv", pictures=MOVED, training=FAST)
LINEAR = Autoencoder(encoder="linear", pictures=Pictures(size=8, grey=True), training=FAST)
SMALL = ImageNetwork(encoder="conv", pictures=MOVED, training=FAST)
CONFIGS = {
    "linear": replace(SMALL, encoder="linear", dropout=0.2),
    "conv": replace(SMALL, flip_at_test=True),
    "grey": replace(SMALL, pictures=replace(MOVED, grey=True)),
    "resnet": replace(SMALL, encoder="resnet18", flip_at_test=True),
    "triplet": replace(SMALL, loss="triplet", images_per_class=4),
    "hard margin": replace(SMALL, loss="triplet", margin=0.2, images_per_class=4),
    "center": replace(SMALL, loss="center"),
    "bf16": replace(SMALL, precision="bf16", pictures=replace(MOVED, size=32)),
    "frozen": replace(SMALL, pretraining=CONV, frozen=True),
    "tuned": replace(SMALL, pretraining=CONV),
    "frozen linear": replace(
        SMALL, encoder="linear", pictures=LINEAR.pictures, pretraining=LINEAR, frozen=True
    ),
    "ae-conv": CONV,
    "ae-linear": LINEAR,
}
STILL = replace(FAST, epochs=1, learning_rate=1e-30)
"""A rate that changes no weight."""


@pytest.fixture(autouse=True)
def process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.use_deterministic_algorithms(False)


SPLITS = drawn(36), drawn(15, seed=1)


def train(config, splits=SPLITS, seed=0, threads=1, **rest):
    config = to_dict(config)
    return train_image_network("some", config, *splits, seed=seed, threads=threads, **rest)


def written(trained, folder, splits=SPLITS):
    write_trained(trained, folder, splits[0].classes, splits[1])
    return folder


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """The folder of trained autoencoders."""
    folder = tmp_path_factory.mktemp("earlier")
    for config in (CONV, LINEAR):
        written(train(config), folder / f"{config.name}-seed0")
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_survives_json(name):
    assert from_dict(to_dict(CONFIGS[name])) == CONFIGS[name]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_saved_network_predicts_as_it_did_to_the_bit(name, earlier, tmp_path):
    trained = train(CONFIGS[name], earlier=earlier)
    folder = written(trained, tmp_path / "model")
    predictor = load(folder)
    pictures = SPLITS[1].inputs
    assert predictor.classes == SPLITS[1].classes
    probabilities = predictor.probabilities(pictures)
    assert np.array_equal(probabilities, trained.validation_probabilities)
    if name.startswith("ae"):
        assert trained.kind == "autoencoder"
        assert probabilities.shape == (15, 0)
        seen, made = predictor.reconstructions(pictures)
        channels = 1 if name == "ae-linear" else 3
        assert seen.shape == made.shape == (15, 8, 8, channels)
        assert seen.dtype == made.dtype == np.uint8
    else:
        assert trained.kind == "image-network"
        assert probabilities.shape == (15, 3)
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(15))
    # The embeddings that neighbours are among are those of the network that was kept.
    known, labels = predictor.reference(folder)
    embedded = predictor.embeddings(SPLITS[0].inputs)
    assert np.array_equal(known, embedded.astype("float16").astype("float32"))
    assert np.array_equal(labels, SPLITS[0].labels)
    assert np.array_equal(load(folder).embeddings(pictures), predictor.embeddings(pictures))


@pytest.mark.parametrize("name", ["linear", "conv", "resnet", "frozen", "ae-conv"])
def test_company_and_order_do_not_change_a_picture(name, earlier, tmp_path):
    predictor = load(written(train(CONFIGS[name], earlier=earlier), tmp_path / "model"))
    pictures = np.concatenate([drawn(270, seed=2).inputs, SPLITS[1].inputs])
    for scores in (predictor.probabilities, predictor.embeddings):
        together = scores(pictures)
        assert scores(pictures[::-1])[::-1] == pytest.approx(together, rel=1e-4, abs=1e-5)
        alone = np.concatenate([scores(pictures[row : row + 1]) for row in range(250, 260)])
        assert alone == pytest.approx(together[250:260], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "threads"),
    [
        *[(name, 1) for name in ("linear", "conv", "resnet", "triplet", "center", "frozen")],
        *[(name, 2) for name in ("conv", "ae-conv")],
    ],
)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(name, threads, earlier, tmp_path):
    first, again, other = (
        load_file(
            written(
                train(CONFIGS[name], seed=seed, threads=threads, earlier=where),
                tmp_path / str(number),
            )
            / "weights.safetensors"
        )
        for number, (seed, where) in enumerate(
            [(0, earlier), (0, earlier), (1, renamed(earlier, tmp_path))]
        )
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def renamed(earlier, folder):
    """The same autoencoders under the name of another seed."""
    for path in earlier.glob("*-seed0"):
        (folder / "renamed").mkdir(exist_ok=True)
        (folder / "renamed" / path.name.replace("seed0", "seed1")).symlink_to(path)
    return folder / "renamed"


@pytest.mark.parametrize("name", ["linear", "conv", "resnet", "triplet", "hard margin", "center"])
def test_a_few_pictures_are_learned_by_heart(name):
    few = drawn(12, size=8)
    settings = replace(FAST, epochs=30, patience=30, batch_size=6, learning_rate=1e-3)
    plain = {"pictures": Pictures(size=8), "dropout": 0.0, "images_per_class": 2}
    config = replace(CONFIGS[name], training=settings, **plain)
    trained = train(config, (few, few))
    assert (trained.validation_probabilities.argmax(axis=1) == few.labels).all()


def test_an_autoencoder_learns_to_give_back_its_input():
    settings = replace(FAST, epochs=25, patience=25)
    history = train(replace(LINEAR, training=settings)).history
    assert history[-1]["validation_loss"] < history[0]["validation_loss"] / 2
    assert history[0]["validation_accuracy"] is None
    assert set(history[0]["pictures"]) == {"low_contrast", "median_contrast", "high_contrast"}


def encoder_of(folder):
    weights = load_file(folder / "weights.safetensors")
    return {name: tensor for name, tensor in weights.items() if name.startswith("encoder.")}


@pytest.mark.parametrize(
    ("name", "autoencoder"), [("frozen", "ae-conv"), ("frozen linear", "ae-linear")]
)
def test_a_probe_leaves_the_encoder_as_it_is_bit_for_bit(name, autoencoder, earlier, tmp_path):
    """Its weights, and the statistics of its batch norm."""
    folder = written(train(CONFIGS[name], earlier=earlier), tmp_path / "probe")
    before, after = encoder_of(earlier / f"{autoencoder}-seed0"), encoder_of(folder)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    if "conv" in autoencoder:
        assert any("running_mean" in key for key in before)
    own, known = load(folder), load(earlier / f"{autoencoder}-seed0")
    assert np.array_equal(own.embeddings(SPLITS[1].inputs), known.embeddings(SPLITS[1].inputs))


def test_a_tuned_network_starts_from_the_autoencoder_and_changes_it(earlier, tmp_path):
    before = encoder_of(earlier / "ae-conv-seed0")
    weights = [key for key in before if key.endswith("weight")]
    still = replace(CONFIGS["tuned"], training=STILL)
    start = encoder_of(written(train(still, earlier=earlier), tmp_path / "start"))
    assert all(torch.equal(before[key], start[key]) for key in weights)
    scratch = replace(still, pretraining=None)
    other = encoder_of(written(train(scratch), tmp_path / "scratch"))
    assert not any(torch.equal(before[key], other[key]) for key in weights[::2])
    tuned = encoder_of(written(train(CONFIGS["tuned"], earlier=earlier), tmp_path / "tuned"))
    assert not any(torch.equal(before[key], tuned[key]) for key in weights)


def test_what_starts_from_an_autoencoder_took_its_time_too(earlier):
    before = read_json(earlier / "ae-conv-seed0" / "training.json")["seconds"]
    probe = train(CONFIGS["frozen"], earlier=earlier)
    assert probe.seconds > before + sum(record["seconds"] for record in probe.history)


def test_a_resnet_starts_from_the_weights_of_a_file(tmp_path):
    torch.manual_seed(9)
    state = ResNet18(8, pretrained=True).network.state_dict()
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "w.safetensors"
    )
    config = replace(CONFIGS["resnet"], weights=str(tmp_path / "w.safetensors"), training=STILL)
    got = encoder_of(written(train(config), tmp_path / "m"))
    for name, tensor in state.items():
        if name.endswith("weight") or name.endswith("bias"):
            assert torch.allclose(got[f"encoder.network.{name}"], tensor, atol=1e-20), name
    with pytest.raises(UserError, match=r"cannot read .*gone\.pth: No such file"):
        train(replace(config, weights=str(tmp_path / "gone.pth")))


@pytest.mark.parametrize("name", ["linear", "conv", "triplet", "center", "frozen", "ae-conv"])
def test_only_the_choice_of_an_epoch_looks_at_validation(name, earlier, tmp_path):
    # With a single epoch there is nothing to choose, so validation can change nothing at all.
    config = replace(CONFIGS[name], training=replace(FAST, epochs=1))
    validation = SPLITS[1]
    other = replace(validation, inputs=255 - validation.inputs, labels=(validation.labels + 1) % 3)
    seen, unseen = (
        load_file(
            written(train(config, (SPLITS[0], split), earlier=earlier), tmp_path / str(number))
            / "weights.safetensors"
        )
        for number, split in enumerate([validation, other])
    )
    assert all(torch.equal(seen[key], unseen[key]) for key in seen)


@pytest.mark.skipif(device().type != "cpu", reason="auto is bf16 on CUDA")
def test_bf16_trains_and_predicts_close_to_fp32():
    settings = replace(FAST, epochs=6, patience=6)
    usual, half, automatic = (
        train(replace(SMALL, pictures=Pictures(size=32), precision=precision, training=settings))
        for precision in ("fp32", "bf16", "auto")
    )
    assert np.array_equal(usual.validation_probabilities, automatic.validation_probabilities)
    assert not np.array_equal(usual.validation_probabilities, half.validation_probabilities)
    told = [as_used(vars(trained))["precision"] for trained in (usual, half, automatic)]
    assert told == ["fp32", "bf16", "fp32"], "as it was, not as it was asked for"
    assert automatic.config["precision"] == "auto", "another machine may decide otherwise"
    gap = np.abs(usual.validation_probabilities - half.validation_probabilities)
    assert gap.mean() < 0.05
    losses = [trained.history[-1]["train_loss"] for trained in (usual, half)]
    assert losses[1] == pytest.approx(losses[0], abs=0.05)


def test_flip_at_test_sees_the_same_in_a_mirrored_picture(tmp_path):
    predictor = load(written(train(CONFIGS["conv"]), tmp_path / "m"))
    pictures = SPLITS[1].inputs
    mirrored = predictor.probabilities(pictures[:, :, ::-1])
    assert mirrored == pytest.approx(predictor.probabilities(pictures), abs=1e-5)
    embeddings = predictor.embeddings(pictures)
    assert predictor.embeddings(pictures[:, :, ::-1]) == pytest.approx(embeddings, abs=1e-5)
    predictor._config = replace(predictor._config, flip_at_test=False)
    alone = predictor.embeddings(pictures), predictor.embeddings(pictures[:, :, ::-1])
    assert np.mean(alone, axis=0) == pytest.approx(embeddings, abs=1e-5)


def test_a_prediction_is_the_mean_of_its_crops_and_their_mirror_images(tmp_path):
    folder = written(train(replace(CONFIGS["conv"], crops_at_test=0.9)), tmp_path / "m")
    predictor, alone = load(folder), load(folder)
    alone._config = replace(alone._config, crops_at_test=1.0, flip_at_test=False)
    pictures = SPLITS[1].inputs
    seen = as_floats(loaded(pictures, predictor._shape.size, False, torch.device("cpu")))
    views = [view for crop in crops(seen, 0.9) for view in (crop, crop.flip(3))]
    with torch.no_grad():
        alone._model.eval()
        each = [alone._model(view).double().softmax(dim=1).numpy() for view in views]
    assert len(each) == 10
    assert predictor.probabilities(pictures) == pytest.approx(np.mean(each, axis=0), abs=1e-5)
    assert predictor.probabilities(pictures) != pytest.approx(alone.probabilities(pictures))


def test_crops_at_test_are_the_centre_and_the_corners():
    # The value of a pixel says its row and its column.
    picture = (10 * torch.arange(8.0)[:, None] + torch.arange(8.0)).expand(1, 1, 8, 8)
    found = list(crops(picture, 0.5))
    assert all(crop.shape == (1, 1, 8, 8) for crop in found)
    # Resized to twice their size, a crop's corners keep their values.
    seen = [[crop[0, 0, y, x].item() for y in (0, 7) for x in (0, 7)] for crop in found]
    starts = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    assert seen == [
        [10 * (top + y) + left + x for y in (0, 3) for x in (0, 3)] for top, left in starts
    ]
    [whole] = crops(picture, 1)
    assert torch.equal(whole, picture)
    # A pixel at least.
    corners = [crop.unique().tolist() for crop in crops(picture, 0.01)][1:]
    assert corners == [[0], [7], [70], [77]]


def test_a_model_names_the_size_that_its_autoencoder_saw(earlier):
    open_size = replace(LINEAR, pictures=replace(LINEAR.pictures, size=0))
    splits = drawn(36, size=32), drawn(15, size=32)
    network = replace(CONFIGS["frozen linear"], pretraining=open_size, pictures=open_size.pictures)
    start = replace(open_size, training=STILL)
    written(train(start, splits), earlier / "open" / f"{start.name}-seed0", splits)
    used = train(network, splits, earlier=earlier / "open").config
    assert used["pictures"]["size"] == used["pretraining"]["pictures"]["size"] == 32
    # Older ones left it open.
    used["pretraining"]["pictures"]["size"] = 0
    assert from_dict(used).pretraining.pictures.size == 32


def test_a_network_of_colours_takes_grey_pictures_and_the_other_way_round(tmp_path):
    colours = load(written(train(CONFIGS["conv"]), tmp_path / "colours"))
    grey = load(written(train(CONFIGS["grey"]), tmp_path / "grey"))
    one = SPLITS[1].inputs[..., :1]
    three = np.repeat(one, 3, axis=3)
    for predictor in (colours, grey):
        expected = predictor.probabilities(three)
        assert predictor.probabilities(one) == pytest.approx(expected, abs=1e-5)


def test_pictures_of_any_size_are_brought_to_the_networks(tmp_path):
    predictor = load(written(train(CONFIGS["conv"]), tmp_path / "m"))
    for shape in ((2, 8, 8, 3), (1, 9, 17, 3), (3, 30, 20, 1)):
        assert predictor.probabilities(np.zeros(shape, np.uint8)).shape == (shape[0], 3)


def test_the_speed_told_is_that_of_pictures_of_full_size():
    config = replace(SMALL, encoder="resnet18", pictures=Pictures(size=64, growth=0.5))
    trained = train(config)
    small, full = (record["seconds"] for record in trained.history)
    assert small != full
    assert trained.facts["seconds_per_epoch"] == full
    assert trained.facts["images_per_second"] == len(SPLITS[0].labels) / full


def test_facts_and_layers():
    seven = drawn(28, size=16, classes=7)
    config = replace(SMALL, pictures=Pictures(), dropout=0.1)
    trained = train(config, (seven, seven), threads=2)
    assert trained.facts["size"] == 32, "small pictures are enlarged"
    assert trained.facts["channels"] == 3
    assert 1 <= trained.facts["best_epoch"] <= 2
    assert trained.facts["images_per_second"] > 0
    assert trained.threads == 2
    shapes = [
        (layer["type"], layer["output_shape"]) for layer in trained.layers if layer["parameters"]
    ]
    assert shapes[:3] == [
        ("Conv2d", "(batch, 32, 16, 16)"),
        ("BatchNorm2d", "(batch, 32, 16, 16)"),
        ("Conv2d", "(batch, 64, 8, 8)"),
    ]
    # Seven classes are no batch.
    assert shapes[-1] == ("Linear", "(batch, 7)")
    assert sum(layer["parameters"] for layer in trained.layers) == trained.parameters


def test_maps_of_seven_pixels_are_no_batch():
    large = drawn(4, size=27, classes=2)
    config = replace(SMALL, pictures=Pictures(size=27), training=replace(STILL, batch_size=4))
    shapes = [layer["output_shape"] for layer in train(config, (large, large)).layers]
    assert shapes[0] == "(batch, 32, 14, 14)"
    assert "(batch, 64, 7, 7)" in shapes


def test_a_diverging_training_is_explained():
    settings = replace(FAST, learning_rate=1e30, clip_norm=0.0, epochs=3)
    with pytest.raises(UserError, match="lower the learning rate"):
        train(replace(CONFIGS["linear"], training=settings))
