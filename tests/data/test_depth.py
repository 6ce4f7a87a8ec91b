"""Images of 16 bits a pixel: one range of values for all, learned from the training split."""

import numpy as np
import pytest
from noise_images import class_files, encoded, write_files

from bakeoff.artifacts import read_manifest
from bakeoff.data.depth import as_learned, learned_range, to_bytes
from bakeoff.data.prepare import prepare
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError
from bakeoff.report.terminal import remarks


def images(values):
    """Ten images of 10×10 pixels of these thousand values."""
    return np.array(values, "uint16").reshape(10, 10, 10, 1)


def test_a_range_leaves_hot_pixels_out():
    values = images([*range(2000, 2996), 0, 65535, 65535, 65535])
    low, high = learned_range(values, np.arange(10))
    assert (low, high) == (2003, 2993)


def test_a_range_is_learned_from_the_rows_given():
    values = np.concatenate([images(range(1000)), images(range(60000, 61000))])
    assert learned_range(values, np.arange(10)) == (4, 994)
    assert learned_range(values[::-1], np.arange(10, 20)) == (4, 994)


@pytest.mark.parametrize(
    ("values", "found"),
    [([7] * 998 + [400, 500], (7, 500)), ([9] * 1000, (9, 10)), ([65535] * 1000, (65535, 65536))],
)
def test_a_range_of_nearly_one_value_is_all_of_them(values, found):
    assert learned_range(images(values), np.arange(10)) == found


def test_a_range_is_spread_over_eight_bits():
    pixels = np.array([[0, 100, 200, 610, 65535]], "uint16")
    assert to_bytes(pixels, (100, 610)).tolist() == [[0, 0, 50, 255, 255]]
    many = np.arange(200, dtype="uint16").reshape(200, 1)
    assert to_bytes(many, (0, 255)).tolist() == many.tolist()


def test_new_images_are_brought_to_the_range_of_the_run():
    deep = np.array([[[[2000]]], [[[2255]]]], "uint16")
    own = {"range": [2000, 2255]}
    assert as_learned(deep, own, "the images").ravel().tolist() == [0, 255]
    assert as_learned(deep[:1], own, "the images").ravel().tolist() == [0], "not by its own range"
    shallow = deep.astype("uint8")
    assert as_learned(shallow, {}, "the images") is shallow
    for pixels, image, given, needed in ((deep, {}, 16, 8), (shallow, own, 8, 16)):
        with pytest.raises(UserError) as caught:
            as_learned(pixels, image, "the images")
        assert str(caught.value) == (
            f"the images have {given} bits a pixel, and those of the run have {needed}, so that "
            f"their values are on other scales; give images of {needed} bits a pixel"
        )


@pytest.mark.parametrize("size", [0, 8])
def test_sensor_data_of_twelve_bits_keep_their_levels(tmp_path, size):
    rng = np.random.default_rng(0)
    files, raw = {}, {}
    for name in class_files(20):
        raw[name] = rng.integers(2300, 2500, (8, 8)).astype("uint16")
        raw[name][0, 0] = 4000 + len(raw)
        files[name] = encoded(raw[name])
    folder = write_files(tmp_path / "pets", files)
    prepare(
        *(tmp_path / "dataset", tmp_path / "test"),
        source=str(folder),
        modality="image",
        split="0.6:0.2:0.2",
        seed=0,
        image_size=size,
    )
    facts = read_manifest(tmp_path / "dataset", "dataset")["facts"]
    names = sorted(raw)
    train, test = read_split(tmp_path / "dataset", "train"), read_split(tmp_path / "test", "test")
    stack = np.stack([raw[names[row]] for row in train.ids])[..., None]
    own = learned_range(stack, np.arange(len(stack)))
    assert facts["image"] == {"height": 8, "width": 8, "channels": 1, "range": list(own)}
    assert train.inputs.dtype == test.inputs.dtype == np.uint8
    for split in (train, test):
        expected = to_bytes(np.stack([raw[names[row]] for row in split.ids]), own)
        assert np.array_equal(split.inputs[..., 0], expected)
    [line] = remarks(facts)
    assert line == (
        f"16 bits a pixel: the values {own[0]:,} to {own[1]:,}, which hold at least 99 % of those "
        "of the training split, became 0 to 255"
    )


def test_copies_are_copies_by_all_of_their_bits(tmp_path):
    files = {}
    for number in range(40):
        pixels = np.full((4, 4), 300, "uint16")
        pixels[0, 0] += number % 20  # Less than one of 256 levels of the whole.
        files[f"{('cat', 'dog')[number % 2]}/{number}.png"] = encoded(pixels)
    prepare(
        *(tmp_path / "dataset", tmp_path / "test"),
        source=str(write_files(tmp_path / "pets", files)),
        modality="image",
        split="0.6:0.2:0.2",
        seed=0,
    )
    facts = read_manifest(tmp_path / "dataset", "dataset")["facts"]
    assert facts["duplicates"]["groups"] == 20
