"""What predictions cost, measured more than once, and who is worth it."""

import time

import numpy as np

from bakeoff.data.splits import Split
from bakeoff.evaluation.cost import LEAST_ROWS, REPEATS, front, predictions_per_second
from bakeoff.evaluation.scores import ACCURACY, METRICS


def split(rows):
    texts = [f"text {row}" for row in range(rows)]
    return Split(np.arange(rows), texts, np.zeros(rows, int), ["a", "b"])


def test_one_slow_moment_does_not_move_the_median():
    asked = []

    def predict(inputs):
        asked.append(len(inputs))
        time.sleep(0.2 if len(asked) == 2 else 0.005)

    found = predictions_per_second(predict, split(100), first_seconds=0.01)
    assert asked == [100] * REPEATS
    assert found["low"] < 100 / 0.2 < found["median"] <= found["high"]
    assert (found["repeats"], found["rows"]) == (REPEATS, 100)


def test_slow_models_are_timed_on_a_part_of_the_rows():
    asked = []
    predictions_per_second(lambda inputs: asked.append(inputs[-1]), split(1000), 1000.0)
    assert asked == [f"text {LEAST_ROWS - 1}"] * REPEATS


def right(hits, rows=1000, trainings=1):
    values = np.zeros((rows, trainings))
    values[:hits] = 1
    return values


def worth(costs, metric=ACCURACY, comparisons=(), **values):
    board = [{"model": name, "train_seconds": seconds} for name, seconds in costs.items()]
    return front(board, values, metric, comparisons)


def test_a_better_model_may_cost_more_and_a_worse_one_may_not():
    costs = {"fast": 2, "mid": 9, "slow": 60, "beaten": 30}
    found = worth(costs, fast=right(800), mid=right(850), slow=right(900), beaten=right(820))
    assert found == {"fast", "mid", "slow"}


def test_a_lead_inside_the_noise_is_not_worth_thirty_times_the_time():
    # The second is right on 2 rows more of 1,000: as likely luck.
    assert worth({"fast": 2, "slow": 60}, fast=right(890), slow=right(892)) == {"fast"}


def test_equal_times_and_equal_scores_are_told_apart_by_nothing():
    assert worth({"a": 10, "b": 12}, a=right(890), b=right(892)) == {"a", "b"}
    # Much better in a time that may as well be the same.
    assert worth({"a": 10, "b": 12}, a=right(800), b=right(890)) == {"b"}


def test_of_losses_the_smaller_is_better():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0.3, 0.1, (1000, 1)), rng.normal(0.5, 0.1, (1000, 1))
    assert worth({"a": 10, "b": 10}, METRICS["log-loss"], a=low, b=high) == {"a"}


def test_it_says_no_more_than_the_verdicts():
    pair = {"first": "slow", "second": "fast", "verdict": "undecided"}
    scores = {"fast": right(800), "slow": right(850)}
    assert worth({"fast": 2, "slow": 60}, **scores) == {"fast", "slow"}
    assert worth({"fast": 2, "slow": 60}, comparisons=[pair], **scores) == {"fast"}
