import base64
import io

import numpy as np
import pytest
from noise_images import noise
from PIL import Image

from bakeoff.data.exhibits import exhibit, extent


def shown(uri):
    head, _, content = uri.partition(";base64,")
    return head, np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_a_text_is_shown_up_to_2000_characters():
    texts = ["short", "x" * 2000, "y" * 2001]
    assert [exhibit(texts, row) for row in range(3)] == ["short", "x" * 2000, "y" * 2000 + "…"]
    assert extent([*texts, "two words", ""]).tolist() == [1, 1, 1, 2, 0]
    assert extent(texts).dtype == np.int64


@pytest.mark.parametrize("grey", [True, False])
def test_a_small_image_is_shown_pixel_by_pixel(grey):
    pixels = noise(3, (32, 20), grey)
    inputs = np.stack([np.zeros_like(pixels), pixels]).reshape(2, 20, 32, -1)
    head, found = shown(exhibit(inputs, 1))
    assert head == "data:image/png"
    assert np.array_equal(found, pixels)
    assert extent(inputs).tolist() == [0, 0]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_larger_image_is_shown_nearly(channels):
    inputs = np.full((1, 33, 20, channels), 77, "uint8")
    head, found = shown(exhibit(inputs, 0))
    assert head == "data:image/jpeg"
    assert found.shape[:2] == (33, 20)
    assert np.abs(found.astype(int) - 77).max() < 3
