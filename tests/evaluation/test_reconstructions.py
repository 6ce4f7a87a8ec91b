"""The error of reconstructions and their examples, counted by hand."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from bakeoff.data.splits import Split
from bakeoff.evaluation.reconstructions import EXAMPLES, Reconstructor, reconstruction_facts

SIDE = 8


class Darkener:
    """Gives back each picture darker by a number of its own."""

    def __init__(self, inputs, by):
        self._inputs, self._by = inputs, by

    def embeddings(self, inputs):
        return inputs.reshape(len(inputs), -1).astype("float32")

    def reference(self, folder):
        return self.embeddings(self._inputs), np.arange(len(self._inputs)) % 2

    def reconstructions(self, inputs):
        assert inputs is self._inputs
        return inputs, (inputs - self._by[:, None, None, None]).astype(np.uint8)


def described(by, channels=3):
    by = np.array(by)
    inputs = np.random.default_rng(0).integers(200, 256, (len(by), SIDE, SIDE, channels), np.uint8)
    split = Split(np.arange(len(by)), inputs, np.arange(len(by)) % 2, ["a", "b"], "image")
    model = Darkener(inputs, by)
    assert isinstance(model, Reconstructor)
    facts = reconstruction_facts(model, "folder", split)
    json.dumps(facts, allow_nan=False)
    return inputs, facts


def pixels(uri):
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))).astype(int)


def darker_by(uri):
    """What the reconstruction below a picture lacks."""
    image = pixels(uri)
    assert image.shape[:2] == (2 * SIDE, SIDE)
    [by] = np.unique(image[:SIDE] - image[SIDE:])
    return by


def test_the_error_is_that_of_values_from_0_to_1():
    _, facts = described([51, 102, 0, 51])
    # Squares of 0.2, 0.4, 0 and 0.2.
    assert facts["mse"] == pytest.approx((0.04 + 0.16 + 0 + 0.04) / 4)


def test_best_median_and_worst_come_in_order():
    by = np.random.default_rng(1).permutation(np.arange(40) * 2)
    _, facts = described(by)
    examples = {name: [darker_by(uri) for uri in uris] for name, uris in facts["examples"].items()}
    assert list(examples) == ["best", "median", "worst"]
    assert examples["best"] == [0, 2, 4, 6, 8, 10]
    # The six in the middle of forty: of rank 17 to 22.
    assert examples["median"] == [34, 36, 38, 40, 42, 44]
    assert examples["worst"] == [78, 76, 74, 72, 70, 68]


@pytest.mark.parametrize("rows", [3, 4, 7])
def test_few_pictures_are_shown_more_than_once(rows):
    _, facts = described(np.arange(rows) * 3)
    for uris in facts["examples"].values():
        assert len(uris) == min(rows, EXAMPLES)
    assert darker_by(facts["examples"]["best"][0]) == 0
    assert darker_by(facts["examples"]["worst"][0]) == 3 * (rows - 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_stands_above_what_became_of_it(channels):
    inputs, facts = described([9, 5, 7], channels)
    best = pixels(facts["examples"]["best"][0]).reshape(2 * SIDE, SIDE, channels)
    assert np.array_equal(best[:SIDE], inputs[1])
    assert np.array_equal(best[SIDE:], inputs[1].astype(int) - 5)


def test_its_embeddings_are_judged_too():
    _, facts = described([1, 2, 3, 4])
    assert facts["embedding"]["knn"].keys() == {"accuracy", "low", "high"}
