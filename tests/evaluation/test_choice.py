"""The width rule on figures small enough to check by hand."""

import pytest

from bakeoff.evaluation.choice import Candidate, choose_width


def candidate(width, accuracy, seed=0):
    return Candidate(
        model=f"rnn-{width}",
        width=width,
        seed=seed,
        validation_accuracy=accuracy,
        validation_rows=400,
        overfitting_gap=0.1,
        seconds=width / 10,
    )


def test_standard_error_over_seeds_by_hand():
    choice = choose_width([candidate(64, 0.88, 0), candidate(64, 0.90, 1), candidate(256, 0.9)])
    assert choice.table[0]["validation_accuracy"] == pytest.approx(0.89)
    # stdev of (0.88, 0.90) is 0.0141421, over √2 gives 0.01.
    assert choice.table[0]["standard_error"] == pytest.approx(0.01)
    # One seed: √(0.9 · 0.1 / 400).
    assert choice.table[1]["standard_error"] == pytest.approx(0.015)


def test_the_smaller_wins_within_one_standard_error():
    # Gain 0.01; the error of the difference is √(0.01² + 0.015²) = 0.018.
    choice = choose_width([candidate(64, 0.88, 0), candidate(64, 0.90, 1), candidate(256, 0.9)])
    assert choice.width == 64
    assert "256 units are not better than 64" in choice.sentence
    assert "+1.00 points, standard error 1.80" in choice.sentence


def test_the_larger_wins_beyond_it():
    seeds = [candidate(64, 0.880, 0), candidate(64, 0.882, 1)]
    seeds += [candidate(256, 0.890, 0), candidate(256, 0.892, 1)]
    choice = choose_width(seeds)
    assert choice.width == 256
    assert choice.sentence.startswith("256 units were chosen")


def test_one_width_is_no_question():
    assert choose_width([candidate(64, 0.9)]).width == 64
