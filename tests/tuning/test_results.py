import numpy as np
import pytest

from bakeoff.evaluation.scores import ACCURACY, METRICS
from bakeoff.tuning.results import LEAST_FOR_IMPORTANCE, best_of, gained, importance, summarised
from bakeoff.tuning.spaces import Choice, LogUniform, Uniform

SPACE = {"dropout": Uniform(0, 1), "hidden": Choice((32, 64))}


def rows(right, n=200):
    return np.arange(n) < right


def test_the_best_is_a_trial_that_came_to_its_end_and_of_equals_the_first(record):
    trials = [record(0, rows(120)), record(1, rows(150)), record(2, rows(150)), record(3)]
    assert best_of([*trials, record(4, stopped=0.99)]).number == 1
    assert best_of([trials[3]]) is None


def test_the_gain_is_paired_and_what_is_expected_of_it_allows_for_the_choice(record):
    gain = gained([record(0, rows(120)), record(1, rows(150))], ACCURACY)
    assert gain["difference"] == pytest.approx(0.15)
    assert 0.10 <= gain["low"] < 0.15 < gain["high"] < 0.21
    # Every choice is the same one, so that there is nothing to allow for.
    assert gain["expected"] == pytest.approx(0.15, abs=0.01)


def test_the_best_of_many_that_are_alike_gains_nothing_that_is_to_be_expected(record):
    gains = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        trials = [record(number, rng.random(300) < 0.7) for number in range(1, 20)]
        gains.append(gained([record(0, rows(210, 300)), *trials], ACCURACY))
    measured, expected = (
        np.mean([gain[key] for gain in gains]) for key in ("difference", "expected")
    )
    assert measured > 0.04
    assert abs(expected) < 0.015
    assert all(gain["expected_low"] < 0 < gain["expected_high"] for gain in gains)


def test_a_gain_is_greater_the_better_also_where_less_is_better(record):
    loss = METRICS["log-loss"]
    trials = [record(0, rows(150)), record(1, rows(120))]
    for trial in trials:
        trial.reports[-1]["merit"] = -trial.reports[-1]["merit"]
    assert best_of(trials).number == 1
    assert gained(trials, loss)["difference"] == pytest.approx(0.15)
    told = summarised("rnn", loss, {}, trials)
    assert [trial["score"] for trial in told["trials"]] == [0.75, 0.6]


def test_without_the_first_trial_no_gain_is_known(record):
    assert gained([record(0), record(1, rows(150))], ACCURACY) is None


def test_the_setting_that_decides_is_the_one_that_mattered(record):
    rng = np.random.default_rng(1)
    settings = [
        {"dropout": d, "hidden": int(h)}
        for d, h in zip(rng.random(30), rng.choice([32, 64], 30), strict=True)
    ]
    trials = [record(n, rows(int(100 + 90 * s["dropout"])), **s) for n, s in enumerate(settings)]
    shares = importance(trials, SPACE)
    assert list(shares) == ["dropout", "hidden"]
    assert shares["dropout"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert importance(trials, SPACE) == shares
    assert importance(trials[: LEAST_FOR_IMPORTANCE - 1], SPACE) == {}
    alike = [record(n, rows(100), **s) for n, s in enumerate(settings)]
    assert importance(alike, SPACE) == {}


def test_a_summary_says_what_became_of_every_trial(record):
    setting = {"training.learning_rate": 0.01}
    trials = [
        record(0, rows(120), **setting),
        record(1, stopped=0.5, **setting),
        record(2, error="the loss is no number", **setting),
    ]
    told = summarised("rnn", ACCURACY, {"training.learning_rate": LogUniform(1e-3, 1)}, trials)
    assert [trial["state"] for trial in told["trials"]] == ["finished", "stopped", "failed"]
    assert [trial["score"] for trial in told["trials"]] == [0.6, 0.5, None]
    assert [trial["epochs"] for trial in told["trials"]] == [2, 1, 0]
    assert told["best"] == 0
    assert told["gain"]["difference"] == 0
    assert told["seconds"] == 6
