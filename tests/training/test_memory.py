import subprocess
import sys

import pytest

SCRIPT = """
import ctypes
import numpy as np
from bakeoff.training.memory import forget_peak, peak_memory_bytes

ctypes.CDLL(None).mallopt(-4, 0)  # Free memory stays in the process, as in a training.
forget_peak()
np.ones(50_000_000)
large = peak_memory_bytes()
forget_peak()
np.ones(5_000_000)
print(large, peak_memory_bytes())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
def test_the_peak_of_a_training_is_not_that_of_those_before_it():
    told = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True).stdout
    large, small = map(int, told.split())
    assert large > 400e6
    assert 40e6 < small < large - 300e6
