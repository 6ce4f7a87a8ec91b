"""The compare step: who wins, by what, and which differences are tested."""

import json

import numpy as np
import pytest

from bakeoff.artifacts import new_artifact, read_json, read_manifest
from bakeoff.environment import machine
from bakeoff.errors import UserError
from bakeoff.evaluation.compare import compare

LABELS = np.array([0, 1] * 100)


def answers(wrong):
    """Probabilities of the positive class that are wrong on the first `wrong` rows."""
    given = np.where(LABELS == 1, 0.9, 0.1)
    given[:wrong] = 1 - given[:wrong]
    return given


def compared(workshop, evaluations, pairs=(), **facts):
    arguments = {"study": "sentiment", "preset": "quick", "seed": 0, "seeds": 1, "pairs": pairs}
    comparison = workshop.root / "comparison"
    results = compare(evaluations, comparison, dataset=workshop.dataset(), facts=facts, **arguments)
    assert json.loads(json.dumps(results, allow_nan=False)) == read_json(
        comparison / "results.json"
    )
    return results


@pytest.fixture
def bench(workshop):
    workshop.test(LABELS)
    return workshop


def test_validation_names_the_winner_and_test_orders_the_board(bench):
    lucky = bench.evaluation("lucky", answers(10), validation=[0.9, 0.9])
    best = bench.evaluation("best", answers(30), validation=[0.9, 0.1])
    results = compared(bench, [lucky, best], preprocessing_examples=[])
    assert results["winner"]["model"] == "best"
    assert [row["model"] for row in results["leaderboard"]] == ["lucky", "best"]
    reason = results["winner"]["reason"]
    assert reason.startswith("best has the best validation accuracy, 100.0\u202f%, before lucky")
    assert "on the test split it reaches 85.0\u202f%" in reason
    assert results["preprocessing_examples"] == []
    assert results["machines"] == [machine()], "that of the trainings, named once"
    assert results["versions"]["python"]
    inputs = read_manifest(bench.root / "comparison", "comparison")["inputs"]
    assert set(inputs) == {"evaluations0", "evaluations1", "dataset"}


def test_equals_on_validation_are_told_apart_by_what_repeats(bench):
    slow = bench.evaluation("slow", answers(10), seconds=1.0)
    fast = bench.evaluation("fast", answers(30), seconds=2.0)
    winner = compared(bench, [slow, fast])["winner"]
    assert winner["model"] == "fast", "as large, and first by name; seconds do not count"
    assert "as has slow, which has no fewer parameters" in winner["reason"]


def test_the_board_has_means_over_seeds(bench):
    network = [
        bench.evaluation("net", answers(wrong), seed=seed, seconds=seconds, validation=validation)
        for seed, wrong, seconds, validation in [
            (0, 40, 10.0, [0.9, 0.9]),
            (1, 20, 20.0, [0.9, 0.1]),
        ]
    ]
    other = bench.evaluation("other", answers(80), validation=[0.1, 0.9])
    results = compared(bench, [*network, other])
    row = results["leaderboard"][0]
    assert (row["model"], row["seeds"]) == ("net", 2)
    assert row["accuracy"] == pytest.approx(0.85)
    assert row["validation_accuracy"] == 0.75
    assert row["train_seconds"] == 15
    # The interval knows of seeds: it is wider than that of 200 rows alone (0.80 to 0.90).
    assert row["accuracy_low"] < 0.785
    assert results["winner"] == {**results["winner"], "model": "net", "seed": 1}
    assert len(results["models"]) == 3


def test_one_training_has_one_interval(bench):
    order = np.random.default_rng(0).permutation(200)
    bench.test(LABELS[order], ids=order)
    only = bench.evaluation("only", answers(31)[order])
    results = compared(bench, [only])
    row, test = results["leaderboard"][0], results["models"][0]["test"]
    for name in ("accuracy", "accuracy_low", "accuracy_high"):
        assert row[name] == test[name]
    assert results["comparisons"] == []


def test_pairs_that_ran_and_the_winner_against_all_others(bench):
    a = bench.evaluation("a", answers(10), validation=[0.9, 0.1])
    b = bench.evaluation("b", answers(90), validation=[0.9, 0.1], seconds=2.0)
    c = bench.evaluation("c", answers(12), validation=[0.9, 0.9])
    d = bench.evaluation("d", answers(11), validation=[0.9, 0.9])
    pairs = [["c", "a"], ["a", "absent"]]
    comparisons = compared(bench, [a, b, c, d], pairs)["comparisons"]
    # In the order of validation: test chooses nothing.
    named = [(x["first"], x["second"]) for x in comparisons]
    assert named == [("c", "a"), ("a", "b"), ("a", "d")]
    close, clear, _ = comparisons
    assert close["difference"] == pytest.approx(-0.01)
    assert close["verdict"] == "undecided"
    assert clear["difference"] == pytest.approx(0.4)
    assert clear["low"] < 0.4 < clear["high"]
    assert clear["holm_p"] == pytest.approx(3 * clear["mcnemar_p"])
    assert clear["verdict"] == "better"


def test_a_pair_is_not_tested_twice(bench):
    a = bench.evaluation("a", answers(10), validation=[0.9, 0.1])
    b = bench.evaluation("b", answers(30), validation=[0.9, 0.9])
    comparisons = compared(bench, [a, b], [["b", "a"]])["comparisons"]
    assert [(x["first"], x["second"]) for x in comparisons] == [("b", "a")]
    assert comparisons[0]["holm_p"] == comparisons[0]["mcnemar_p"]


def test_mcnemar_takes_the_first_seed_in_whatever_order_they_come(bench):
    second = bench.evaluation("net", answers(90), seed=1)
    first = bench.evaluation("net", answers(10), seed=0)
    other = bench.evaluation("other", answers(10), validation=[0.9, 0.9])
    comparison = compared(bench, [second, first, other])["comparisons"][0]
    assert comparison["mcnemar_p"] == 1


def test_other_test_rows_are_refused(bench):
    one = bench.evaluation("one", answers(10))
    bench.test(LABELS, ids=np.arange(200) + 1)
    other = bench.evaluation("other", answers(10))
    with pytest.raises(UserError, match="different test splits"):
        compared(bench, [one, other])


def test_nothing_to_compare_is_said(bench):
    with new_artifact(bench.root / "empty", "evaluations", settings={}):
        pass
    with pytest.raises(UserError, match="no evaluated model"):
        compared(bench, [bench.root / "empty"])
