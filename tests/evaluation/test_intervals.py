"""Intervals of shares: exact, monotone up to the edges, and honest about seeds and classes."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import t as student

from bakeoff.evaluation.bootstrap import difference_interval
from bakeoff.evaluation.intervals import score_interval, share_interval, standard_error
from bakeoff.evaluation.scores import ACCURACY, METRICS

BALANCED, F1, LOSS = (METRICS[name] for name in ("balanced-accuracy", "macro-f1", "log-loss"))


def right(rows, hits, trainings=1):
    values = np.zeros((rows, trainings))
    values[:hits] = 1
    return values


@pytest.mark.parametrize(("hits", "rows"), [(358, 359), (359, 359), (0, 7), (1, 2), (900, 1000)])
def test_it_is_the_exact_binomial(hits, rows):
    exact = binomtest(hits, rows).proportion_ci(method="exact")
    assert share_interval(hits / rows, rows) == pytest.approx((exact.low, exact.high))
    labels = np.zeros(rows, int)
    assert score_interval(ACCURACY, labels, right(rows, hits)) == pytest.approx(tuple(exact))


def test_without_rows_it_is_all_there_is():
    assert share_interval(0.0, 0) == (0, 1)


@pytest.mark.parametrize("rows", [1, 2, 3, 17, 359, 5000])
def test_one_more_hit_lifts_both_ends(rows):
    labels = np.zeros(rows, int)
    hits = sorted({*range(min(rows, 20) + 1), *range(max(rows - 20, 0), rows + 1)})
    bounds = [score_interval(ACCURACY, labels, right(rows, hit)) for hit in hits]
    for hit, (low, high) in zip(hits, bounds, strict=True):
        assert 0 <= low <= hit / rows <= high <= 1
        assert high > low
    for (low, high), (next_low, next_high) in pairwise(bounds):
        assert next_low > low
        assert next_high > high or high == next_high == 1


def test_it_covers_the_truth_at_the_edge():
    rng = np.random.default_rng(0)
    hits = rng.binomial(300, 0.995, 2000)
    bounds = np.array([share_interval(hit / 300, 300) for hit in hits])
    assert ((bounds[:, 0] <= 0.995) & (bounds[:, 1] >= 0.995)).mean() > 0.95


def test_seeds_that_agree_are_worth_one_and_seeds_that_differ_less():
    one = score_interval(ACCURACY, np.zeros(400, int), right(400, 396))
    same = score_interval(ACCURACY, np.zeros(400, int), right(400, 396, trainings=3))
    assert same == pytest.approx(one)
    apart = np.hstack([right(400, 396), right(400, 380), right(400, 400)])
    low, high = score_interval(ACCURACY, np.zeros(400, int), apart)
    assert low < share_interval(apart.mean(), 400)[0]
    assert high > share_interval(apart.mean(), 400)[1]


@pytest.mark.parametrize("trainings", [1, 3])
def test_seeds_make_a_perfect_model_no_less_certain_than_a_worse_one(trainings):
    labels = np.zeros(359, int)
    perfect = score_interval(ACCURACY, labels, right(359, 359, trainings))
    assert perfect == (pytest.approx(0.025 ** (1 / 359)), 1)
    rng = np.random.default_rng(0)
    for _ in range(50):
        worse = np.ones((359, trainings))
        worse[rng.integers(0, 359, rng.integers(1, 6)), rng.integers(0, trainings)] = 0
        low, high = score_interval(ACCURACY, labels, worse)
        assert low < perfect[0]
        assert high <= 1


def test_trainings_that_disagree_widen_it_by_hand():
    # Two trainings at 0.8 and 0.9 of 10,000 rows. Over rows: 1,000 of the row means are 1/2 and
    # 1,000 are 0, with a variance of 0.1025 / 9,999. Over trainings 0.1² / 2 = 0.005, less what
    # rows alone do, 10,000 · 0.09 / 2 / (9,999 · 10,000) = 4.5e-6, of two.
    values = np.hstack([right(10_000, 9000), right(10_000, 8000)])
    rows, trainings = 0.1025 / 9999, (0.005 - 450 / 9999 / 10_000) / 2
    error = standard_error(values)
    assert error == pytest.approx((rows + trainings) ** 0.5)
    # As many independent rows as have that error, by a quantile of one degree of freedom and a bit.
    freedom = (rows + trainings) ** 2 / (rows**2 / 9999 + trainings**2)
    known = student.ppf(0.975, freedom) / student.ppf(0.975, 9999)
    found = score_interval(ACCURACY, np.zeros(10_000, int), values)
    assert found == pytest.approx(share_interval(0.85, 1 + 0.1275 / (error * known) ** 2))
    assert freedom == pytest.approx(1.008, abs=0.001)


@pytest.mark.parametrize("trainings", [2, 3, 5])
@pytest.mark.parametrize("apart", [0.0, 1.0, 2.0])
def test_equal_models_are_told_apart_no_more_often_than_it_says(trainings, apart):
    """Whatever part of the chance is that of trainings: their spread over the rows' error."""
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        rows = rng.random(400)

        def model(rows=rows):
            moved = rng.normal(0, apart * 0.025 / 2**0.5, trainings)
            noise = rng.random((400, trainings))
            return (0.85 * rows[:, None] + 0.15 * noise < 0.8 + moved).astype(float)

        low, high = difference_interval(model(), model())
        missed += not low <= 0 <= high
    # 5 % of 200 are 10, with a standard deviation of 3.
    assert missed <= 20


@pytest.mark.parametrize("metric", [BALANCED, F1])
def test_few_rows_of_a_class_leave_a_perfect_score_uncertain(metric):
    labels = np.array([0] * 990 + [1] * 10)
    values = metric.rows(labels, np.eye(2)[labels])[:, None]
    low, high = score_interval(metric, labels, values)
    # Both weigh alike: as much as 4 / (1 / 990 + 1 / 10) = 39.6 rows.
    assert (low, high) == (pytest.approx(0.025 ** (1 / 39.6)), 1)


def test_a_loss_has_no_edge_at_one():
    labels = np.array([0, 1] * 200)
    sure = np.random.default_rng(0).uniform(0.01, 0.6, 400)
    probabilities = np.where(labels[:, None] == [0, 1], sure[:, None], 1 - sure[:, None])
    values = LOSS.rows(labels, probabilities)[:, None]
    low, high = score_interval(LOSS, labels, values)
    assert 1 < low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * standard_error(values), rel=0.1)
