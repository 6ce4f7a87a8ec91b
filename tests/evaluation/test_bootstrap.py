"""Intervals against exact distributions, and what must not change them."""

import numpy as np
import pytest
from scipy.stats import binom

from bakeoff.evaluation.bootstrap import difference_interval


def right(rows, share, trainings=1, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((rows, trainings)) < share).astype(float)


@pytest.mark.parametrize("seed", range(10))
def test_neither_order_nor_repetition_changes_it(seed):
    first, second = right(301, 0.8, 3, seed=seed), right(301, 0.75, 3, seed=seed + 100)
    order = np.random.default_rng(2).permutation(301)
    assert difference_interval(first, second) == difference_interval(first, second)
    assert difference_interval(first, second) == difference_interval(first[order], second[order])


def test_an_equal_model_differs_by_nothing():
    correct = right(500, 0.8)
    assert difference_interval(correct, correct) == (0, 0)


def test_rows_that_all_differ_alike_leave_the_trainings_chance():
    """Thirds, of whose equal differences rounding leaves a variance."""
    first, second = np.ones((1000, 3)), np.ones((1000, 3))
    second[:, 2] = 0
    low, high = difference_interval(first, second)
    # Student's of three that are 1, 1 and 0: 4.30 · (1 / √3) / √3.
    assert (low, high) == pytest.approx((1 / 3 - 1.434, 1 / 3 + 1.434), abs=0.01)


def test_pairing_narrows_the_interval():
    # The second model is right wherever the first is, and on 20 rows more.
    first = np.zeros((1000, 1))
    first[:800] = 1
    second = first.copy()
    second[800:820] = 1
    low, high = difference_interval(second, first)
    exact = binom.ppf([0.025, 0.975], 1000, 0.02) / 1000
    assert (low, high) == pytest.approx(exact, abs=0.002)
    assert low > 0


def test_the_other_way_round_has_the_other_sign():
    first, second = right(400, 0.9), right(400, 0.8, seed=1)
    low, high = difference_interval(first, second)
    assert difference_interval(second, first) == pytest.approx((-high, -low), abs=0.006)


def test_trainings_that_disagree_widen_the_interval():
    # Rows alone would give about 0.05 ± 0.01; the trainings lie at 0 and 0.1, and of a mean of two
    # Student's interval is 12.7 · 0.05 on each side.
    good, bad, base = (np.zeros((10_000, 1)) for _ in range(3))
    good[:9000], bad[:8000], base[:8000] = 1, 1, 1
    low, high = difference_interval(np.hstack([good, bad]), base)
    assert (low, high) == pytest.approx((0.05 - 0.635, 0.05 + 0.635), abs=0.03)
    # Three that lie as far apart tell more: 4.3 · 0.05 / √3.
    low, high = difference_interval(np.hstack([good, bad, (good + bad) / 2]), base)
    assert high - low == pytest.approx(2 * 4.3 * 0.05 / 3**0.5, rel=0.05)


def test_trainings_that_differ_by_rows_alone_narrow_it():
    base = right(2000, 0.7)
    widths = []
    for trainings in (1, 5):
        bounds = [
            difference_interval(right(2000, 0.8, trainings, seed=seed), base)
            for seed in range(1, 30)
        ]
        widths.append(np.mean([high - low for low, high in bounds]))
    assert widths[1] < 0.9 * widths[0]


def test_values_that_all_differ_are_drawn_row_by_row():
    values = np.random.default_rng(0).normal(1.0, 2.0, (1500, 1))
    low, high = difference_interval(values, np.zeros((1500, 1)))
    half = 1.96 * values.std() / 1500**0.5
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    order = np.random.default_rng(1).permutation(1500)
    assert difference_interval(values[order], np.zeros((1500, 1))) == (low, high)


def test_it_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        first, second = right(400, 0.85, seed=seed), right(400, 0.8, seed=1000 + seed)
        low, high = difference_interval(first, second)
        hits += low <= 0.05 <= high
    # 95 % of 200 are 190, with a standard deviation of 3.
    assert 180 <= hits <= 199


def test_many_patterns_are_drawn_in_blocks(monkeypatch):
    first, second = right(300, 0.6, 6), right(300, 0.5, 6, seed=1)
    wide = difference_interval(first, second)
    monkeypatch.setattr("bakeoff.evaluation.bootstrap._BLOCK", 10_000)
    assert difference_interval(first, second) == pytest.approx(wide, abs=0.02)


def test_a_million_rows():
    low, high = difference_interval(right(1_000_000, 0.9), right(1_000_000, 0.5, seed=1))
    assert high - low == pytest.approx(2 * 1.96 * (0.09 + 0.25) ** 0.5 / 1000, rel=0.1)
