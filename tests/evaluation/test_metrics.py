"""Metrics: a case counted by hand, scikit-learn as the oracle, and the odd cases."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from bakeoff.evaluation.metrics import CONFUSED, ROC_POINTS, classification_metrics

NAMES = [f"class-{i}" for i in range(8)]


def random_case(k, n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), labels] += 1
    probabilities = np.exp(logits)
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def measured(labels, probabilities):
    probabilities = np.asarray(probabilities, float)
    found = classification_metrics(
        np.asarray(labels), probabilities, NAMES[: probabilities.shape[1]]
    )
    json.dumps(found, allow_nan=False)
    return found


def test_five_rows_by_hand():
    found = measured([1, 1, 1, 0, 0], [[0.1, 0.9], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.3, 0.7]])
    assert found["confusion"] == [[1, 1], [1, 2]]
    assert found["accuracy"] == pytest.approx(3 / 5)
    # Of three called positive two are, of three positives two are found.
    assert (found["precision"], found["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert found["average"] == "binary: class-1"
    assert found["per_class"][0] == {
        "label": "class-0",
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "support": 2,
        "accuracy": 0.5,
        # The p of which at least one of two is right with a chance of 2.5 %: 1 − (1 − p)² = 0.025.
        "accuracy_low": pytest.approx(1 - math.sqrt(0.975)),
        "accuracy_high": pytest.approx(math.sqrt(0.975)),
    }
    assert found["macro"]["f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["weighted"]["f1"] == pytest.approx((3 * 2 / 3 + 2 * 1 / 2) / 5)
    assert found["log_loss"] == pytest.approx(-math.log(0.9 * 0.8 * 0.4 * 0.7 * 0.3) / 5)
    # Of the positive class alone.
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.36 + 0.09 + 0.49) / 5)
    # Of the six pairs of a positive and a negative only 0.4 and 0.7 are in the wrong order.
    assert found["auc"] == pytest.approx(5 / 6)


def test_calibration_by_hand():
    # Confidences 0.65 and 0.65 with one right of two, 0.95 with one right of one.
    found = measured([1, 0, 1], [[0.35, 0.65], [0.35, 0.65], [0.05, 0.95]])
    bins = found["calibration"]
    assert [(b["n"], b["accuracy"]) for b in bins if b["n"]] == [(2, 0.5), (1, 1.0)]
    assert [(b["low"], b["high"]) for b in bins if b["n"]] == [
        pytest.approx((0.6, 0.7)),
        pytest.approx((0.9, 1.0)),
    ]
    assert found["ece"] == pytest.approx((2 * 0.15 + 1 * 0.05) / 3)


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_scikit_learn(k, seed):
    labels, probabilities = random_case(k, seed=seed)
    predicted = probabilities.argmax(axis=1)
    found = measured(labels, probabilities)
    scores = ("precision", "recall", "f1")
    for average in ("macro", "weighted"):
        expected = oracle.precision_recall_fscore_support(labels, predicted, average=average)[:3]
        assert [found[average][name] for name in scores] == pytest.approx(list(expected))
    average = "binary" if k == 2 else "macro"
    expected = oracle.precision_recall_fscore_support(labels, predicted, average=average)[:3]
    assert [found[name] for name in scores] == pytest.approx(list(expected))
    each = oracle.precision_recall_fscore_support(labels, predicted)
    for name, values in zip((*scores, "support"), each, strict=True):
        assert [row[name] for row in found["per_class"]] == pytest.approx(values.tolist())
    assert found["confusion"] == oracle.confusion_matrix(labels, predicted).tolist()
    assert found["log_loss"] == pytest.approx(oracle.log_loss(labels, probabilities))
    assert found["brier"] == pytest.approx(
        oracle.brier_score_loss(labels, probabilities, scale_by_half=k == 2)
    )
    assert found["balanced_accuracy"] == pytest.approx(
        oracle.balanced_accuracy_score(labels, predicted)
    )
    assert found["macro_f1"] == pytest.approx(found["macro"]["f1"])
    for key in ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "auc"):
        assert found[f"{key}_low"] < found[key] < found[f"{key}_high"]
    if k == 2:
        assert found["auc"] == pytest.approx(oracle.roc_auc_score(labels, probabilities[:, 1]))
    else:
        expected = oracle.roc_auc_score(labels, probabilities, multi_class="ovr")
        assert found["auc"] == pytest.approx(expected)
        assert found["roc"] is None


def test_roc_goes_from_corner_to_corner_in_few_points():
    labels, probabilities = random_case(2, n=3000)
    found = measured(labels, probabilities)
    roc = found["roc"]
    assert len(roc["fpr"]) == len(roc["tpr"]) == len(roc["thresholds"]) <= ROC_POINTS
    assert (roc["fpr"][0], roc["tpr"][0], roc["fpr"][-1], roc["tpr"][-1]) == (0, 0, 1, 1)
    assert (np.diff(roc["fpr"]) >= 0).all()
    assert (np.diff(roc["thresholds"]) <= 0).all()
    # Thinned, it still holds the same area.
    assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(found["auc"], abs=2e-3)


def test_equal_scores_are_one_point_of_the_roc():
    found = measured([1, 0, 1, 0], [[0.5, 0.5]] * 4)
    assert found["auc"] == 0.5
    assert found["roc"]["fpr"] == [0, 1]


def test_a_perfect_predictor():
    labels = np.array([0, 1, 1, 0])
    found = measured(labels, np.eye(2)[labels])
    for name in ("accuracy", "precision", "recall", "f1", "auc", "accuracy_high"):
        assert found[name] == 1
    assert found["accuracy_low"] == pytest.approx(0.025 ** (1 / 4))
    assert (found["brier"], found["ece"]) == (0, 0)
    assert str(found["log_loss"]) == "0.0"


def test_a_predictor_that_is_wrong_and_certain_has_a_finite_loss():
    found = measured([0, 1], [[0, 1], [1, 0]])
    assert found["accuracy"] == found["f1"] == found["auc"] == 0
    assert found["log_loss"] == pytest.approx(-math.log(1e-15))


def test_a_constant_predictor_scores_zero_on_the_class_it_never_names():
    found = measured([0, 0, 0, 1], [[0.8, 0.2]] * 4)
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)
    assert found["per_class"][0]["recall"] == 1
    assert found["accuracy"] == 0.75


def test_classes_without_rows():
    found = measured([0, 0, 1], [[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.1, 0.8, 0.1]])
    assert [row["support"] for row in found["per_class"]] == [2, 1, 0]
    assert found["per_class"][2]["f1"] == 0
    one_sided = measured([1, 1], [[0.4, 0.6], [0.6, 0.4]])
    assert one_sided["roc"] is None
    assert [one_sided[f"auc{end}"] for end in ("", "_low", "_high", "_error")] == [None] * 4


def test_top5_where_there_are_more_than_five_classes():
    assert "top5_accuracy" not in measured(*random_case(5))
    labels, probabilities = random_case(8)
    expected = oracle.top_k_accuracy_score(labels, probabilities, k=5)
    found = measured(labels, probabilities)
    assert found["top5_accuracy"] == pytest.approx(expected)
    assert found["top5_low"] < expected < found["top5_high"]


def test_a_class_without_cases_may_have_any_accuracy():
    rows = measured([0, 0], [[0.9, 0.1], [0.8, 0.2]])["per_class"]
    assert rows[0]["accuracy"] == 1 > rows[0]["accuracy_low"] > 0
    assert (rows[1]["accuracy_low"], rows[1]["accuracy_high"]) == (0, 1)


def test_the_order_of_rows_changes_nothing():
    labels, probabilities = random_case(3)
    order = np.random.default_rng(1).permutation(len(labels))
    one, other = measured(labels, probabilities), measured(labels[order], probabilities[order])
    for name in ("accuracy_low", "accuracy_high", "confusion", "confused"):
        assert one[name] == other[name]
    for name in ("log_loss", "brier", "ece"):
        assert one[name] == pytest.approx(other[name])


def test_the_commonest_errors_come_first():
    given = np.eye(3)[[1, 1, 2, 0, 1, 2]] * 0.8 + 0.1
    found = measured([0, 0, 0, 1, 1, 2], given / given.sum(axis=1, keepdims=True))
    assert found["confused"] == [
        {"label": "class-0", "predicted": "class-1", "n": 2},
        {"label": "class-0", "predicted": "class-2", "n": 1},
        {"label": "class-1", "predicted": "class-0", "n": 1},
    ]


def test_more_than_a_thousand_classes_take_room_for_each_and_not_for_each_pair():
    k, n = 1200, 3000
    labels, probabilities = random_case(k, n=n)
    found = classification_metrics(labels, probabilities, [f"c{i}" for i in range(k)])
    assert found["confusion"] is None
    assert len(found["per_class"]) == k
    assert len(found["confused"]) == CONFUSED
    assert found["accuracy"] == oracle.accuracy_score(labels, probabilities.argmax(axis=1))
    assert len(json.dumps(found)) < 400 * k
