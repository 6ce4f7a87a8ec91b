"""Intervals against exact distributions, and what must not change them."""

import numpy as np
import pytest
from scipy.stats import binom

from bakeoff.evaluation.bootstrap import accuracy_interval, difference_interval


def right(rows, share, trainings=1, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((rows, trainings)) < share).astype(float)


@pytest.mark.parametrize(("rows", "share"), [(50, 0.8), (1000, 0.9), (10_000, 0.5)])
def test_one_training_is_a_binomial(rows, share):
    correct = np.zeros((rows, 1))
    correct[: round(rows * share)] = 1
    exact = binom.ppf([0.025, 0.975], rows, share) / rows
    assert accuracy_interval(correct) == pytest.approx(exact, abs=0.1 * (exact[1] - exact[0]))


def test_one_row_in_two_by_hand():
    # Two rows, one right: 0, 1 or 2 right ones are drawn with chances 1/4, 1/2, 1/4.
    assert accuracy_interval(np.array([[1.0], [0.0]])) == (0, 1)


@pytest.mark.parametrize(
    ("rows", "bound"),
    # The accuracy p of which all n rows are right with a chance of 2.5 %: p^n = 0.025.
    [(1, 0.025), (2, 0.158114), (20, 0.831566), (1000, 0.996318)],
)
@pytest.mark.parametrize("trainings", [1, 3])
def test_all_right_or_all_wrong_is_bounded_by_the_binomial(rows, bound, trainings):
    assert accuracy_interval(np.ones((rows, trainings))) == (pytest.approx(bound, abs=1e-6), 1)
    wrong = accuracy_interval(np.zeros((rows, trainings)))
    assert wrong == (0, pytest.approx(1 - bound, abs=1e-6))


def test_neither_order_nor_repetition_changes_it():
    first, second = right(300, 0.8, 2), right(300, 0.75, 3, seed=1)
    order = np.random.default_rng(2).permutation(300)
    assert difference_interval(first, second) == difference_interval(first, second)
    assert difference_interval(first, second) == difference_interval(first[order], second[order])


def test_an_equal_model_differs_by_nothing():
    correct = right(500, 0.8)
    assert difference_interval(correct, correct) == (0, 0)


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
    # Rows alone would give about 0.85 ± 0.007; the trainings lie at 0.8 and 0.9.
    good, bad = np.zeros((10_000, 1)), np.zeros((10_000, 1))
    good[:9000], bad[:8000] = 1, 1
    low, high = accuracy_interval(np.hstack([good, bad]))
    assert low == pytest.approx(0.8, abs=0.01)
    assert high == pytest.approx(0.9, abs=0.01)


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
    low, high = accuracy_interval(right(1_000_000, 0.9))
    assert high - low == pytest.approx(2 * 1.96 * 0.3 / 1000, rel=0.1)
