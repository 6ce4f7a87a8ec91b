"""The compare step: who wins, by what, and which differences are tested."""

import json

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss

from bakeoff.artifacts import new_artifact, read_json, read_manifest
from bakeoff.environment import machine
from bakeoff.errors import UserError
from bakeoff.evaluation.compare import compare
from bakeoff.tracking.identity import SUFFIX, Identity

LABELS = np.array([0, 1] * 100)


def answers(wrong):
    """Probabilities of the positive class that are wrong on the first `wrong` rows."""
    given = np.where(LABELS == 1, 0.9, 0.1)
    given[:wrong] = 1 - given[:wrong]
    return given


def compared(workshop, evaluations, pairs=(), metric="accuracy", **facts):
    arguments = {"study": "sentiment", "preset": "quick", "seed": 0, "seeds": 1, "pairs": pairs}
    comparison = workshop.root / "comparison"
    results = compare(
        evaluations,
        comparison,
        dataset=workshop.dataset(),
        facts=facts,
        metric=metric,
        **arguments,
    )
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
    assert [row["model"] for row in results["leaderboard"]] == ["lucky", "best", "largest-class"]
    reason = results["winner"]["reason"]
    assert reason.startswith("best has the best validation accuracy, 100.0\u202f%, before lucky")
    assert "on the test split it reaches 85.0\u202f%" in reason
    assert results["preprocessing_examples"] == []
    assert results["machines"] == [machine()], "that of the trainings, named once"
    assert results["versions"]["python"]
    inputs = read_manifest(bench.root / "comparison", "comparison")["inputs"]
    assert set(inputs) == {"evaluations0", "evaluations1", "dataset"}


def test_results_tell_where_in_wandb_the_leaderboard_was_recorded(bench, monkeypatch):
    monkeypatch.setenv(SUFFIX, "second")
    monkeypatch.setenv("WANDB_PROJECT", "films")
    results = compared(bench, [bench.evaluation("best", answers(30))])
    recorded = Identity(group=results["group"]).of_whole().run_id("leaderboard", None)
    assert results["wandb"] == {"project": "films", "leaderboard": recorded}
    assert recorded.endswith("-second")


def test_equals_on_validation_are_told_apart_by_what_repeats(bench):
    slow = bench.evaluation("slow", answers(10), seconds=1.0)
    fast = bench.evaluation("fast", answers(30), seconds=2.0)
    winner = compared(bench, [slow, fast])["winner"]
    assert winner["model"] == "fast", "as large, and first by name; seconds do not count"
    assert "as has slow, which has no fewer parameters" in winner["reason"]


def test_of_equals_on_validation_the_surer_one_is_chosen(bench):
    # Both right on both rows; what they say of them: log loss -ln 0.8 and -ln 0.9.
    vague = bench.evaluation("a-vague", answers(10), validation=[0.8, 0.2])
    sure = bench.evaluation("sure", answers(30), validation=[0.9, 0.1])
    winner = compared(bench, [vague, sure])["winner"]
    assert winner["model"] == "sure"
    assert (
        "as has a-vague, whose log loss there is higher, 0.2231 against 0.1054"
        in (winner["reason"])
    )


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
    assert [pair["second"] for pair in results["comparisons"]] == ["largest-class"]


def test_pairs_that_ran_and_the_winner_against_all_others(bench):
    a = bench.evaluation("a", answers(10), validation=[0.9, 0.1])
    b = bench.evaluation("b", answers(90), validation=[0.9, 0.1], seconds=2.0)
    c = bench.evaluation("c", answers(12), validation=[0.9, 0.9])
    d = bench.evaluation("d", answers(11), validation=[0.9, 0.9])
    pairs = [["c", "a"], ["a", "absent"]]
    comparisons = compared(bench, [a, b, c, d], pairs)["comparisons"]
    # In the order of validation: test chooses nothing.
    named = [(x["first"], x["second"]) for x in comparisons]
    assert named == [("c", "a"), ("a", "b"), ("a", "d"), ("a", "largest-class")]
    close, clear, _, baseline = comparisons
    assert baseline["verdict"] == "better"
    assert close["difference"] == pytest.approx(-0.01)
    assert close["verdict"] == "undecided"
    assert clear["difference"] == pytest.approx(0.4)
    assert clear["low"] < 0.4 < clear["high"]
    assert clear["holm_p"] == pytest.approx(4 * clear["p"])
    assert clear["verdict"] == "better"


def test_a_pair_is_not_tested_twice(bench):
    a = bench.evaluation("a", answers(10), validation=[0.9, 0.1])
    b = bench.evaluation("b", answers(30), validation=[0.9, 0.9])
    comparisons = compared(bench, [a, b], [["b", "a"]])["comparisons"]
    assert [(x["first"], x["second"]) for x in comparisons] == [
        ("b", "a"),
        ("a", "largest-class"),
    ]
    assert comparisons[0]["holm_p"] == comparisons[0]["p"]


def test_mcnemar_takes_the_first_seed_in_whatever_order_they_come(bench):
    second = bench.evaluation("net", answers(90), seed=1)
    first = bench.evaluation("net", answers(10), seed=0)
    other = bench.evaluation("other", answers(10), validation=[0.9, 0.9])
    comparison = compared(bench, [second, first, other])["comparisons"][0]
    assert comparison["p"] == 1


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


def test_the_baseline_names_the_largest_class_of_training_and_is_scikit_learns(workshop):
    labels = np.array([0] * 30 + [1] * 70)
    workshop.test(labels)
    counts = {"train": {"negative": 900, "positive": 100}}
    poor = workshop.evaluation("poor", np.full(100, 0.6), validation=[0.4, 0.6])
    results = compare(
        [poor],
        workshop.root / "comparison",
        dataset=workshop.dataset(class_counts=counts),
        facts={},
        study="sentiment",
        preset="quick",
        seed=0,
        seeds=1,
        pairs=[],
        metric="log-loss",
    )
    row = next(row for row in results["leaderboard"] if row["model"] == "largest-class")
    oracle = DummyClassifier(strategy="prior").fit(np.zeros((1000, 1)), [0] * 900 + [1] * 100)
    assert row["accuracy"] == oracle.score(np.zeros((100, 1)), labels) == 0.3
    expected = log_loss(labels, oracle.predict_proba(np.zeros((100, 1))))
    assert row["log_loss"] == pytest.approx(expected)
    assert row["log_loss_low"] < expected < row["log_loss_high"]
    # Of two validation rows it has one: half, and next to nothing is known.
    assert (row["validation_accuracy"], row["validation_accuracy_low"]) == (
        0.5,
        pytest.approx(0.0126, abs=1e-4),
    )
    assert (row["train_seconds"], row["winner"], row["front"]) == (0, False, False)
    assert [model["model"] for model in results["models"]] == ["poor"], "trained models alone"


def test_the_baseline_never_wins(bench):
    wrong = bench.evaluation("wrong", answers(200), validation=[0.1, 0.9])
    results = compared(bench, [wrong])
    assert results["leaderboard"][0]["model"] == "largest-class"
    assert results["winner"]["model"] == "wrong"
    assert results["comparisons"][0]["verdict"] == "worse"


# Rare finds 5 of 10 rare rows and calls 30 others rare; never says that nothing is rare.
UNEQUAL = np.array([0] * 190 + [1] * 10)
RARE = np.where(np.arange(200) < 160, 0.05, 0.6)
RARE[195:] = 0.05
NEVER = np.full(200, 0.05)


@pytest.mark.parametrize(
    ("metric", "winner"),
    [
        ("accuracy", "never"),
        ("macro-f1", "rare"),
        ("balanced-accuracy", "rare"),
        ("log-loss", "never"),
        ("auc", "rare"),
    ],
)
def test_the_metric_chooses_the_winner_and_orders_the_board(workshop, metric, winner):
    workshop.test(UNEQUAL)
    found = [
        workshop.evaluation(name, given, validation=given, labels=UNEQUAL)
        for name, given in (("rare", RARE), ("never", NEVER))
    ]
    results = compared(workshop, found, metric=metric)
    assert (results["metric"], results["winner"]["model"]) == (metric, winner)
    key = metric.replace("-", "_")
    board = [row for row in results["leaderboard"] if row["kind"] != "baseline"]
    assert board[0]["model"] == winner
    for row, record in zip(board, results["models"][:: 1 if winner == "rare" else -1], strict=True):
        for prefix, part in (("", "test"), ("validation_", "validation")):
            for end in ("", "_low", "_high"):
                expected = record[part][f"{key}{end}"]
                assert row[f"{prefix}{key}{end}"] == pytest.approx(expected)
            low, high = (row[f"{prefix}{key}_{end}"] for end in ("low", "high"))
            assert low <= row[f"{prefix}{key}"] <= high


def test_a_smaller_log_loss_is_better(bench):
    sure = bench.evaluation("sure", answers(0), validation=[0.9, 0.1])
    shy = bench.evaluation("shy", np.where(LABELS == 1, 0.6, 0.4), validation=[0.6, 0.4])
    results = compared(bench, [shy, sure], metric="log-loss")
    assert [row["model"] for row in results["leaderboard"]] == ["sure", "shy", "largest-class"]
    against = results["comparisons"][0]
    assert (against["first"], against["second"]) == ("sure", "shy")
    assert against["difference"] == pytest.approx(np.log(0.6 / 0.9))
    assert against["high"] < 0
    assert against["verdict"] == "better"


def test_a_metric_that_means_nothing_here_is_refused(workshop):
    workshop.test([1, 1, 1])
    one = workshop.evaluation("one", [0.9, 0.8, 0.4])
    with pytest.raises(UserError, match="AUC means nothing on rows of one class"):
        compared(workshop, [one], metric="auc")
    with pytest.raises(UserError, match=r"unknown metric 'acuracy'.*accuracy"):
        compared(workshop, [one], metric="acuracy")
