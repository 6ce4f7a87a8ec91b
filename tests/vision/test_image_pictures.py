"""What happens to pictures on their way to a network, pixel by pixel."""

import numpy as np
import pytest
import torch
from PIL import Image

from bakeoff.vision.configs import Pictures
from bakeoff.vision.pictures import (
    PREDICTION_BATCH,
    augmented,
    class_balanced_rows,
    home,
    learning_size,
    loaded,
    plain_batches,
    side,
    training_rows,
)

CPU = torch.device("cpu")


def batch(pictures, how, seed=0, size=None):
    """Pictures of shape (n, size, size), augmented, of the same size or of another."""
    pictures = torch.from_numpy(np.asarray(pictures, np.uint8)).unsqueeze(3)
    labels = torch.arange(len(pictures))
    rng, size = np.random.default_rng(seed), size or pictures.shape[1]
    return augmented(pictures, labels, how, rng, size)


def as_bytes(values):
    return (values * 255).round().to(torch.uint8)[:, 0].numpy()


@pytest.mark.parametrize("size", [4, 32])
def test_grey_is_the_luma_of_itu_r_601(size):
    pixels = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), np.uint8)
    grey = loaded(pixels, size, True, CPU)
    assert grey.shape == (5, size, size, 1)
    by_pillow = np.stack([np.asarray(Image.fromarray(picture).convert("L")) for picture in pixels])
    assert np.abs(grey[..., 0].numpy().astype(int) - by_pillow).max() <= 1
    pure = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)
    values = loaded(pure.reshape(1, 2, 2, 3), 2, True, CPU)
    assert values.flatten().tolist() == [76, 150, 29, 255]


def test_pictures_of_the_right_size_stay_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 9, 3), np.uint8)
    assert np.array_equal(loaded(pixels, 9, False, CPU).numpy(), pixels)
    grey = pixels[..., :1]
    assert np.array_equal(loaded(grey, 9, True, CPU).numpy(), grey)


@pytest.mark.parametrize("wanted", [8, 24, 48])
def test_resizing_is_antialiased_as_pillow_does_it(wanted):
    ramp = np.add.outer(np.arange(24), np.arange(24)).astype(np.uint8) * 5
    noise = np.random.default_rng(0).integers(0, 256, (24, 24), np.uint8)
    resized = loaded(np.stack([ramp, noise])[..., None], wanted, False, CPU)
    assert resized.shape == (2, wanted, wanted, 1)
    for given, got in zip((ramp, noise), resized[..., 0].numpy(), strict=True):
        pillow = Image.fromarray(given).resize((wanted, wanted), Image.Resampling.BILINEAR)
        assert np.abs(got.astype(int) - np.asarray(pillow)).max() <= 1


def test_many_pictures_and_a_file_behind_them(tmp_path):
    pixels = np.arange(1100 * 16, dtype=np.uint32).astype(np.uint8).reshape(1100, 4, 4, 1)
    np.save(tmp_path / "p.npy", pixels)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    assert np.array_equal(loaded(mapped, 4, False, CPU).numpy(), pixels)


def test_the_side_of_a_network():
    def pixels(height, width):
        return np.empty((1, height, width, 3), np.uint8)

    assert side(pixels(8, 8), 0) == 32
    assert side(pixels(40, 64), 0) == 64
    assert side(pixels(64, 40), 96) == 96
    assert side(pixels(64, 64), 16) == 16


def test_plain_batches_are_all_pictures_in_order():
    pixels = np.random.default_rng(0).integers(0, 256, (PREDICTION_BATCH + 3, 4, 4, 3), np.uint8)
    labels = torch.arange(len(pixels))
    batches = list(plain_batches(torch.from_numpy(pixels), labels, torch.device("cpu")))
    assert [len(some.labels) for some in batches] == [PREDICTION_BATCH, 3]
    assert torch.equal(torch.cat([some.labels for some in batches]), labels)
    values = torch.cat([some.inputs for some in batches])
    assert values.shape == (len(pixels), 3, 4, 4)
    assert np.array_equal((values * 255).round().numpy().transpose(0, 2, 3, 1), pixels)
    assert batches[0].inputs.is_contiguous(memory_format=torch.channels_last)


def test_a_picture_may_be_a_pixel():
    how = Pictures(flip=True, shift=0.5, crop=0.5)
    assert as_bytes(batch([[[7]], [[200]]], how).inputs).tolist() == [[[7]], [[200]]]


def test_without_augmentation_nothing_changes():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 5))
    got = batch(pixels, Pictures())
    assert np.array_equal(as_bytes(got.inputs), pixels)
    assert torch.equal(got.inputs, got.targets)
    assert got.labels.tolist() == [0, 1, 2, 3, 4, 5]


def test_half_of_the_pictures_are_mirrored_each_by_its_own_chance():
    pixels = np.random.default_rng(0).integers(0, 256, (400, 3, 3))
    got = as_bytes(batch(pixels, Pictures(flip=True)).inputs)
    mirrored = np.array([np.array_equal(g, p[:, ::-1]) for g, p in zip(got, pixels, strict=True)])
    kept = np.array([np.array_equal(g, p) for g, p in zip(got, pixels, strict=True)])
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250
    assert 0 < mirrored[:20].sum() < 20


def test_a_moved_picture_is_mirrored_into_the_gap():
    """Against NumPy's own padding: its "reflect" does not repeat the border either."""
    pixels = np.random.default_rng(0).integers(0, 256, (200, 8, 8))
    got = as_bytes(batch(pixels, Pictures(shift=1 / 4)).inputs)
    found = []
    for picture, moved in zip(pixels, got, strict=True):
        padded = np.pad(picture, 2, "reflect")
        places = [
            (down - 2, across - 2)
            for down in range(5)
            for across in range(5)
            if np.array_equal(padded[down : down + 8, across : across + 8], moved)
        ]
        assert len(places) == 1
        found += places
    # All moves of up to two pixels either way, and each picture its own.
    assert set(found) == {(down, across) for down in range(-2, 3) for across in range(-2, 3)}


def test_flip_and_shift_together_lose_no_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8))
    got = as_bytes(batch(pixels, Pictures(shift=1 / 8, flip=True)).inputs)
    for picture, moved in zip(pixels, got, strict=True):
        padded = np.pad(picture, 1, "reflect")
        windows = [padded[d : d + 8, a : a + 8] for d in range(3) for a in range(3)]
        assert any(np.array_equal(window, moved) for window in windows) or any(
            np.array_equal(window[:, ::-1], moved) for window in windows
        )


def test_a_crop_shows_a_part_of_the_picture_resized_to_all_of_it():
    """On a ramp, where a pixel's value is its place: the part seen can be read off the corners."""
    size, least = 64, 0.25
    down, across = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    pictures = torch.from_numpy(np.stack([down, across, across * 0], axis=2).astype(np.uint8))
    n = 300
    got = augmented(
        pictures.expand(n, -1, -1, -1),
        torch.zeros(n),
        Pictures(crop=least),
        np.random.default_rng(0),
        size,
    ).inputs
    places = (got[:, :2] * 255).numpy()
    heights = (places[:, 0, -1, 0] - places[:, 0, 0, 0]) * size / (size - 1)
    widths = (places[:, 1, 0, -1] - places[:, 1, 0, 0]) * size / (size - 1)
    areas, aspects = heights * widths / size**2, widths / heights
    assert (heights > 0).all()
    assert (widths > 0).all()
    assert areas.min() == pytest.approx(least, abs=0.03)
    assert areas.max() > 0.9
    assert 0.55 < areas.mean() < 0.65
    assert aspects.min() == pytest.approx(3 / 4, abs=0.05)
    assert aspects.max() == pytest.approx(4 / 3, abs=0.05)
    # Anywhere in the picture, evenly, and linear in between.
    assert np.corrcoef(heights, places[:, 0, 0, 0])[0, 1] < -0.3
    tops = places[:, 0, 0, 0]
    bottoms = places[:, 0, -1, 0]
    assert tops.min() < 1
    assert bottoms.max() > size - 2
    inner = places[:, 0, 1:-1, 0]
    assert np.abs(np.diff(inner, n=2, axis=1)).max() < 1e-3


@pytest.mark.parametrize(("free", "where"), [(2 * 1201, "cuda"), (2 * 1200, "cpu")])
def test_pictures_stay_on_a_device_of_twice_their_size(free, where, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 10**9))
    inputs = np.zeros((4, 5, 5, 3), np.uint8)
    assert home(inputs, 10, torch.device("cuda")).type == where
    assert home(inputs, 10, CPU) == CPU


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (128, [64, 64, 96, 128]),
        (96, [64, 64, 96, 96]),
        (224, [128, 128, 192, 224]),
        (64, [32, 32, 64, 64]),
        (20, [20, 20, 20, 20]),
    ],
)
def test_pictures_have_half_their_size_then_three_quarters_by_strides(size, sizes):
    assert [learning_size(size, 0.6, done) for done in (0.0, 0.39, 0.4, 0.6)] == sizes
    assert learning_size(size, 0.0, 0.0) == size


def test_smaller_pictures_are_means_of_their_pixels_and_larger_ones_in_between():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8))
    smaller = batch([picture], Pictures(), size=4).inputs[0, 0].numpy() * 255
    assert smaller == pytest.approx(picture.reshape(4, 2, 4, 2).mean(axis=(1, 3)), abs=1e-3)
    ramp = np.tile(np.arange(0, 80, 10), (8, 1))
    larger = batch([ramp], Pictures(), size=16).inputs[0, 0].numpy() * 255
    # A pixel's centre lies a quarter of the old distance from the next old centre.
    assert larger[:, 1:-1] == pytest.approx(np.tile(np.arange(2.5, 70, 5), (16, 1)), abs=1e-3)


def test_what_is_pasted_in_a_smaller_picture_is_counted_by_its_own_pixels():
    pictures = np.stack([np.full((64, 64), value) for value in (0, 255)] * 20)
    got = batch(pictures, Pictures(cutmix=1.0), size=32)
    own = torch.arange(40) % 2
    seen = (got.inputs[:, 0] == own[:, None, None]).float().mean(dim=(1, 2))
    other = got.others % 2 != own
    assert got.inputs.shape == (40, 1, 32, 32)
    assert other.sum() > 5
    assert torch.allclose(seen[other], got.kept[other], atol=1e-6)


def test_colours_are_scaled_by_chances_of_each_picture():
    grey_blue = np.array([40, 40, 80], np.uint8)
    pictures = np.broadcast_to(grey_blue, (200, 4, 4, 3)).copy()
    pictures[:, :2] += 30
    labels = torch.zeros(200)
    got = augmented(
        torch.from_numpy(pictures),
        labels,
        Pictures(color=0.4),
        np.random.default_rng(0),
        4,
    )
    assert torch.equal(got.inputs, got.targets)
    values = got.inputs.numpy()
    assert ((values >= 0) & (values <= 1)).all()
    luma = np.tensordot(values, [0.299, 0.587, 0.114], axes=(1, 0))
    brightness = luma.mean(axis=(1, 2)) / (luma_of(pictures) / 255)
    contrast = (luma[:, 0, 0] - luma[:, 3, 3]) / (30 / 255) / brightness
    blueness = (values[:, 2, 3, 3] - values[:, 0, 3, 3]) / (40 / 255) / brightness / contrast
    for factor in (brightness, contrast, blueness):
        assert factor.min() == pytest.approx(0.6, abs=0.04)
        assert factor.max() == pytest.approx(1.4, abs=0.04)
        assert factor.mean() == pytest.approx(1.0, abs=0.05)
    pairs = np.corrcoef([brightness, contrast, blueness])
    assert np.abs(pairs[np.triu_indices(3, 1)]).max() < 0.25


def luma_of(pictures):
    return np.tensordot(pictures[0], [0.299, 0.587, 0.114], axes=(2, 0)).mean()


def test_a_square_is_blanked_in_the_picture_and_not_in_the_target():
    pixels = np.full((300, 9, 9), 255)
    got = batch(pixels, Pictures(cutout=1 / 3))
    assert (got.targets == 1).all()
    blank = (got.inputs[:, 0] == 0.5).numpy()
    assert ((got.inputs[:, 0] == 1).numpy() | blank).all()
    centres = set()
    for picture in blank:
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        # One rectangle: at most 3 × 3, and cut at the border alone.
        assert picture.sum() == len(rows) * len(columns)
        for places in (rows, columns):
            assert np.array_equal(places, np.arange(places[0], places[0] + len(places)))
            assert len(places) == 3 or (len(places) == 2 and {0, 8} & set(places.tolist()))
        centres.add((rows[-1] - 1 + (rows[0] == 0), columns[-1] - 1 + (columns[0] == 0)))
    assert len(centres) > 30


def test_a_square_of_another_picture_is_pasted_and_its_class_counts_by_area():
    n, size = 400, 16
    pixels = np.broadcast_to(np.arange(n)[:, None, None] % 251, (n, size, size))
    got = batch(pixels, Pictures(cutmix=0.5))
    assert torch.equal(got.targets, batch(pixels, Pictures()).inputs)
    sides = []
    for row, picture in enumerate(as_bytes(got.inputs)):
        pasted = picture != row % 251
        others = np.unique(picture[pasted])
        assert got.kept[row] == pytest.approx(1 - pasted.mean(), abs=1e-6) or (
            got.others[row] % 251 == row % 251
        )
        if len(others):
            assert others == [got.others[row] % 251]
            down, across = pasted.any(axis=1), pasted.any(axis=0)
            assert pasted.sum() == down.sum() * across.sum()
            sides.append(max(down.sum(), across.sum()))
    assert 0.4 * n < len(sides) < 0.6 * n, "half of them, of which the smallest paste nothing"
    assert min(sides) <= 3
    assert max(sides) >= 15
    # λ is uniform; what lies outside the picture makes rectangles smaller than that.
    mixed = got.kept[got.kept < 1]
    assert 0.6 < mixed.mean() < 0.75
    assert got.kept.min() < 0.2
    assert torch.equal(got.labels, torch.arange(n))


def test_nothing_is_pasted_unless_asked_for():
    got = batch(np.zeros((9, 8, 8)), Pictures(flip=True, cutout=0.3))
    assert torch.equal(got.others, got.labels)
    assert (got.kept == 1).all()


def test_seeds_repeat():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8))
    how = Pictures(flip=True, shift=0.25, crop=0.5, color=0.2, cutout=0.3, cutmix=0.5)
    first, again, other = (batch(pixels, how, seed).inputs for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("rows", "batch_size"), [(1, 64), (64, 64), (100, 32), (95, 64), (97, 64)])
def test_an_epoch_takes_every_row_once_in_batches_of_about_the_same_size(rows, batch_size):
    batches = training_rows(rows, batch_size, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == list(range(rows))
    sizes = [len(some) for some in batches]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) < 1.5 * batch_size + 1
    if rows > 1:
        assert min(sizes) > 1, "batch norm needs company"
    other = training_rows(rows, batch_size, np.random.default_rng(1))
    assert [len(some) for some in other] == sizes


def test_a_balanced_batch_has_p_classes_and_k_pictures_of_each():
    labels = np.repeat(np.arange(6), 8)
    batches = class_balanced_rows(labels, 12, 4, np.random.default_rng(0))
    assert len(batches) == 4
    for rows in batches:
        found, counts = np.unique(labels[rows], return_counts=True)
        assert len(found) == 3
        assert (counts == 4).all()
    assert sorted(np.concatenate(batches)) == list(range(48))


def test_classes_of_uneven_size_are_used_whole():
    """Rows are repeated only to fill up the last K of a class."""
    labels = np.repeat([0, 1, 2, 3], [10, 9, 7, 8])
    for seed in range(5):
        batches = class_balanced_rows(labels, 8, 4, np.random.default_rng(seed))
        used = np.concatenate(batches)
        assert set(used) == set(range(34))
        # 12 + 12 + 8 + 8 rows, in batches of at least two classes.
        assert len(used) == 40
        for rows in batches:
            found, counts = np.unique(labels[rows], return_counts=True)
            assert len(found) >= 2
            assert (counts == 4).all()


def test_a_class_with_a_single_picture_has_it_k_times():
    labels = np.array([0, 1, 1, 1, 1])
    [rows] = class_balanced_rows(labels, 64, 4, np.random.default_rng(0))
    assert sorted(rows) == [0, 0, 0, 0, 1, 2, 3, 4]


def test_few_classes_fill_a_batch():
    labels = np.repeat([0, 1], [120, 100])
    batches = class_balanced_rows(labels, 64, 8, np.random.default_rng(0))
    assert len(batches) == 4
    assert all((np.bincount(labels[rows]) == 32).all() for rows in batches)


@pytest.mark.parametrize(("counts", "of_each"), [((40, 4), 4), ((33, 6, 2), 4), ((900, 100), 8)])
def test_what_is_left_of_one_class_alone_is_accompanied_by_others(counts, of_each):
    labels = np.repeat(np.arange(len(counts)), counts)
    batches = class_balanced_rows(labels, 16, 4, np.random.default_rng(0))
    assert set(np.concatenate(batches)) == set(range(len(labels)))
    assert len(batches) == -(-counts[0] // of_each), "one for each so many of the largest class"
    for rows in batches:
        found, number = np.unique(labels[rows], return_counts=True)
        assert len(found) >= 2
        assert (number == of_each).all()


def test_balanced_batches_repeat_with_their_seed_and_their_number_with_any():
    labels = np.random.default_rng(0).integers(0, 5, 93)
    first, again, other = (
        class_balanced_rows(labels, 16, 4, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(one, same) for one, same in zip(first, again, strict=True))
    assert len(other) == len(first)
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))
