"""The width rule on figures small enough to check by hand."""

import pytest

from bakeoff.evaluation.choice import Candidate, choose_width
from bakeoff.evaluation.scores import METRICS


def candidate(width, accuracy, seed=0):
    return Candidate(
        model=f"rnn-{width}",
        width=width,
        seed=seed,
        validation_score=accuracy,
        standard_error=(accuracy * (1 - accuracy) / 400) ** 0.5,
        overfitting_gap=0.1,
        seconds=width / 10,
    )


def test_standard_error_over_seeds_by_hand():
    choice = choose_width([candidate(64, 0.88, 0), candidate(64, 0.90, 1), candidate(256, 0.9)])
    assert choice.table[0]["validation_score"] == pytest.approx(0.89)
    # stdev of (0.88, 0.90) is 0.0141421, over √2 gives 0.01.
    assert choice.table[0]["standard_error"] == pytest.approx(0.01)
    # One seed: √(0.9 · 0.1 / 400).
    assert choice.table[1]["standard_error"] == pytest.approx(0.015)


def test_the_smaller_wins_within_one_standard_error():
    # Gain 0.01; the error of the difference is √(0.01² + 0.015²) = 0.018.
    choice = choose_width([candidate(64, 0.88, 0), candidate(64, 0.90, 1), candidate(256, 0.9)])
    assert choice.width == 64
    assert choice.sentence.startswith(
        "64 units were chosen: 256 units are better by 1.00 points, which is not more than one "
        "standard error (1.80). 64 units: validation accuracy 89.0\u202f%"
    )


def test_the_larger_wins_beyond_it():
    seeds = [candidate(64, 0.880, 0), candidate(64, 0.882, 1)]
    seeds += [candidate(256, 0.890, 0), candidate(256, 0.892, 1)]
    choice = choose_width(seeds)
    assert choice.width == 256
    assert choice.sentence.startswith(
        "256 units were chosen: they are better than 64 by 1.00 points, more than one standard "
        "error (0.14)."
    )


def test_a_step_in_between_does_not_carry_to_the_best():
    # Each step of 1 point is more than an error, but 64 is within an error of the best.
    rows = [candidate(32, 0.80), candidate(64, 0.81), candidate(128, 0.82)]
    assert choose_width(rows).width == 32


def test_no_gain_is_said():
    assert (
        "no larger width is better"
        in choose_width([candidate(64, 0.9), candidate(256, 0.89)]).sentence
    )


def test_one_width_is_no_question():
    choice = choose_width([candidate(64, 0.9)])
    assert choice.width == 64
    assert "no other width took part" in choice.sentence


def test_equal_seeds_do_not_make_it_certain():
    rows = [candidate(64, 0.9, 0), candidate(64, 0.9, 1), candidate(256, 0.901)]
    assert choose_width(rows).table[0]["standard_error"] == pytest.approx(0.015)
    assert choose_width(rows).width == 64


def test_of_losses_the_smaller_is_better():
    rows = [candidate(64, 0.40), candidate(256, 0.30), candidate(512, 0.299)]
    choice = choose_width(rows, METRICS["log-loss"])
    assert choice.width == 256
    assert "512 units are better by 0.0010, which is not more than one" in choice.sentence
    assert "256 units: validation log loss 0.300" in choice.sentence
