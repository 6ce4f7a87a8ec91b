"""McNemar, Holm and the verdicts, against published and hand-made figures."""

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_ind

from bakeoff.evaluation.significance import (
    PERMUTATIONS,
    difference,
    holm,
    mcnemar,
    permutation,
    unpaired,
    verdict,
)


def disagreeing(only_first, only_second, both=5, neither=3):
    first = [1] * only_first + [0] * only_second + [1] * both + [0] * neither
    second = [0] * only_first + [1] * only_second + [1] * both + [0] * neither
    return np.array(first, bool), np.array(second, bool)


def test_the_example_of_fagerland_lydersen_and_laake():
    # Their table 1: 1 and 7 discordant pairs, exact p 0.070, mid-p 0.039.
    assert mcnemar(*disagreeing(1, 7)) == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("first", "second"), [(3, 9), (9, 3), (0, 5), (40, 61)])
def test_mid_p_is_the_exact_p_less_the_observed_probability(first, second):
    exact = binomtest(min(first, second), first + second).pvalue
    observed = binomtest(min(first, second), first + second, alternative="less").pvalue
    if min(first, second):
        fewer = binomtest(min(first, second) - 1, first + second, alternative="less").pvalue
        observed -= fewer
    assert mcnemar(*disagreeing(first, second)) == pytest.approx(exact - observed)


def test_equal_counts_and_no_disagreement_show_nothing():
    assert mcnemar(*disagreeing(4, 4)) == pytest.approx(1)
    assert mcnemar(*disagreeing(0, 0)) == 1


def test_rows_on_which_both_agree_do_not_matter():
    assert mcnemar(*disagreeing(2, 9)) == mcnemar(*disagreeing(2, 9, both=900, neither=70))


def test_holm_by_hand():
    # Sorted: 0.01 · 4 = 0.04, 0.015 · 3 = 0.045, 0.03 · 2 = 0.06, 0.04 · 1 → 0.06.
    assert holm([0.03, 0.01, 0.04, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_difference_is_of_means_over_trainings():
    first = np.array([[1, 1], [1, 0], [0, 0], [1, 1]], float)
    second = np.array([[1], [0], [0], [0]], float)
    found = difference(first, second)
    assert found["difference"] == pytest.approx(5 / 8 - 1 / 4)
    assert found["low"] <= found["difference"] <= found["high"]


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.006, 0.018, 1e-5, "better"),
        (-0.018, -0.006, 0.02, "worse"),
        (-0.006, 0.003, 0.41, "undecided"),
        # Either the interval or the corrected p alone is not enough.
        (0.001, 0.011, 0.09, "undecided"),
        (-0.001, 0.011, 0.04, "undecided"),
        (0.0, 0.0, 1.0, "undecided"),
    ],
)
def test_verdicts(low, high, p, expected):
    assert verdict(low, high, p) == expected


def test_permutations_of_three_rows_by_hand():
    # Of the eight ways to sign 1, 2 and 3 two reach a sum of 6 or more: all plus and all minus.
    p = permutation(np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert p == pytest.approx(2 / 8, abs=0.025)
    # A sum of 4 is reached by these, and by (−1, 2, 3) and (1, −2, −3).
    assert permutation(np.array([-1.0, 2.0, 3.0]), np.zeros(3)) == pytest.approx(4 / 8, abs=0.03)


def test_a_permutation_test_of_right_and_wrong_is_mcnemars():
    first, second = disagreeing(9, 20)
    exact = binomtest(9, 29).pvalue
    found = permutation(first.astype(float), second.astype(float))
    assert found == pytest.approx(exact, abs=0.01)


def test_equal_models_are_not_told_apart_and_nothing_is_impossible():
    values = np.random.default_rng(0).normal(size=50)
    assert permutation(values, values) == 1
    assert permutation(values + 5, values) == 1 / (PERMUTATIONS + 1)
    assert permutation(np.array([1.0]), np.array([0.0])) == 1


def test_a_permutation_test_is_wrong_as_often_as_it_says():
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=(200, 2, 40))
    wrong = sum(permutation(first, second) < 0.05 for first, second in pairs)
    # 5 % of 200 are 10, with a standard deviation of 3.
    assert 2 <= wrong <= 19


@pytest.mark.parametrize(("n", "m", "shift"), [(200, 150, 0.1), (40, 900, 0.0), (2, 3, 0.4)])
def test_rows_that_are_no_pairs_are_compared_by_welchs_test(n, m, shift):
    rng = np.random.default_rng(n)
    first, second = rng.normal(shift, 1, (n, 1)), rng.normal(0, 3, (m, 1))
    expected = ttest_ind(first[:, 0], second[:, 0], equal_var=False)
    found = unpaired(first, second)
    bounds = expected.confidence_interval(0.95)
    assert found["p"] == pytest.approx(expected.pvalue)
    assert (found["low"], found["high"]) == pytest.approx((bounds.low, bounds.high))
    assert found["difference"] == pytest.approx(first.mean() - second.mean())
    turned = unpaired(second, first)
    assert (turned["low"], turned["p"]) == pytest.approx((-found["high"], found["p"]))


def test_a_models_trainings_are_no_further_rows():
    rng = np.random.default_rng(0)
    first, second = rng.random((50, 1)), rng.random((60, 1))
    assert unpaired(np.repeat(first, 5, axis=1), second) == pytest.approx(unpaired(first, second))


def test_trainings_that_disagree_make_it_less_sure():
    # Of 1,000 rows each; the first model's trainings lie at 0.9 and 0.7.
    first = np.ones((1000, 2))
    first[:100, 0] = first[:300, 1] = 0
    second = np.zeros((1000, 1))
    second[:700] = 1
    one = unpaired(first.mean(axis=1, keepdims=True), second)
    found = unpaired(first, second)
    assert one["p"] < 1e-6
    assert found["p"] > 0.4
    assert found["high"] - found["low"] == pytest.approx(2 * 12.7 * 0.1, rel=0.15)


def test_equal_models_of_few_trainings_seldom_differ_on_other_rows():
    rng = np.random.default_rng(0)

    def model():
        right = rng.random((2000, 3)) < 0.8 + rng.normal(0, 0.01, 3)
        return right.astype(float)

    wrong = sum(unpaired(model(), model())["p"] < 0.05 for _ in range(200))
    # 5 % of 200 are 10, with a standard deviation of 3.
    assert wrong <= 19


def test_constant_scores_differ_or_do_not():
    ones, zeros = np.ones((9, 1)), np.zeros((7, 1))
    assert unpaired(ones, zeros) == {"difference": 1, "low": 1, "high": 1, "p": 0}
    assert unpaired(ones, np.ones((3, 2)))["p"] == 1


def test_a_single_row_tells_nothing():
    found = unpaired(np.ones((1, 1)), np.zeros((7, 1)))
    assert (found["low"], found["high"], found["p"]) == (-np.inf, np.inf, 1)
