"""Two processes that share a training."""

import pytest
from together import Together


@pytest.fixture(scope="module")
def together():
    pair = Together()
    yield pair
    pair.close()
