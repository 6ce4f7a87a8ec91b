"""What a KFP page shows of results."""

import numpy as np
import pytest

from bakeoff.report.kfp import POINTS, _along


@pytest.mark.parametrize("points", [2, 3, POINTS, POINTS + 1, 200, 5000])
def test_a_curve_keeps_its_ends_and_its_area_in_few_points(points):
    x = np.linspace(0, 1, points) ** 3
    y = x**0.2
    chosen = _along(list(x), list(y))
    assert len(chosen) <= POINTS
    assert (chosen[0], chosen[-1]) == (0, points - 1)
    assert chosen == sorted(set(chosen))
    assert np.trapezoid(y[chosen], x[chosen]) == pytest.approx(np.trapezoid(y, x), abs=0.005)


def test_a_curve_of_steps_keeps_both_sides_of_its_corner():
    x = [0.0] * 300 + list(np.linspace(0, 1, 300))
    y = list(np.linspace(0, 1, 300)) + [1.0] * 300
    chosen = _along(x, y)
    assert 40 <= len(chosen) <= POINTS
    assert 20 <= sum(i < 300 for i in chosen) <= 30
