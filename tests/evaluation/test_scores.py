"""The figures that may choose, against scikit-learn and against their own bootstrap."""

from typing import get_args, get_type_hints

import numpy as np
import pytest
from sklearn import metrics as oracle

from bakeoff.cli.options import Metric as MetricOption
from bakeoff.errors import UserError
from bakeoff.evaluation.intervals import standard_error
from bakeoff.evaluation.scores import METRICS, get_metric
from bakeoff.training.settings import TrainingSettings


def random_case(k, n=300, seed=0, rare=1.0):
    rng = np.random.default_rng(seed)
    shares = np.array([1.0] * (k - 1) + [rare])
    labels = rng.choice(k, n, p=shares / shares.sum())
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), labels] += 1
    probabilities = np.exp(logits)
    # In steps, so that there are ties.
    probabilities = np.round(probabilities / probabilities.sum(axis=1, keepdims=True), 2) + 0.001
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("rare", [1.0, 0.1])
def test_values_are_scikit_learns(k, rare):
    labels, probabilities = random_case(k, rare=rare)
    predicted = probabilities.argmax(axis=1)
    auc = (
        oracle.roc_auc_score(labels, probabilities[:, 1])
        if k == 2
        else oracle.roc_auc_score(labels, probabilities, multi_class="ovr")
    )
    expected = {
        "accuracy": oracle.accuracy_score(labels, predicted),
        "macro-f1": oracle.f1_score(labels, predicted, average="macro"),
        "balanced-accuracy": oracle.balanced_accuracy_score(labels, predicted),
        "log-loss": oracle.log_loss(labels, probabilities),
        "auc": auc,
    }
    found = {name: metric.of(labels, probabilities) for name, metric in METRICS.items()}
    assert found == {name: pytest.approx(value) for name, value in expected.items()}


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("steepness", [1, 20])
def test_certain_models_are_ranked_by_what_they_leave_to_the_others(k, steepness):
    """As naive Bayes is of long texts: float32 rounds its probabilities to 1, and not those near 0,
    by which half of the area would be lost in ties.
    """
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, k, 300), rng.normal(size=(300, k))
    logits[np.arange(300), labels] += 1
    logits *= steepness
    logits -= logits.max(axis=1, keepdims=True)
    sharp = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    kept = sharp.astype("float32").astype("float64")
    assert (kept == 1).any(axis=1).mean() > 0.4 or steepness == 1
    areas = []
    for index in [1] if k == 2 else range(k):
        others = np.delete(logits, index, axis=1)
        odds = logits[:, index] - np.logaddexp.reduce(others, axis=1)
        areas.append(oracle.roc_auc_score(labels == index, odds))
    assert METRICS["auc"].of(labels, kept) == pytest.approx(np.mean(areas), abs=2e-4)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("k", [2, 3])
def test_what_rows_add_has_the_spread_of_the_figure(name, k):
    metric = METRICS[name]
    labels, probabilities = random_case(k, n=600, rare=0.4)
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 600, 600) for _ in range(400)]
    figures = [metric.of(labels[rows], probabilities[rows]) for rows in drawn]
    # The error of a standard deviation from 400 draws is 3.5 %.
    error = standard_error(metric.rows(labels, probabilities)[:, None])
    assert error == pytest.approx(np.std(figures), rel=0.12)


@pytest.mark.parametrize("name", METRICS)
def test_order_changes_nothing_and_better_models_have_more_merit(name):
    metric = METRICS[name]
    labels, probabilities = random_case(3)
    order = np.random.default_rng(0).permutation(300)
    value = metric.of(labels, probabilities)
    assert metric.of(labels[order], probabilities[order]) == pytest.approx(value)
    perfect = np.eye(3)[labels]
    best = metric.of(labels, perfect)
    assert metric.merit(best) > metric.merit(value)
    assert best == pytest.approx(1.0 if metric.share else 0.0)
    mixed = 0.5 * probabilities + 0.5 * perfect
    assert metric.merit(metric.of(labels, mixed)) > metric.merit(value)


def test_a_class_that_does_not_occur_does_not_count():
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0]])
    assert METRICS["balanced-accuracy"].of(labels, probabilities) == pytest.approx(3 / 4)
    # F1 of both: 2 · 1 / (2 + 1) and 2 · 1 / (1 + 2).
    assert METRICS["macro-f1"].of(labels, probabilities) == pytest.approx(2 / 3)
    # 0.9 and 0.2 against 0.1; 0.9 against 0.1 and 0.8.
    assert METRICS["auc"].of(labels, probabilities) == 1
    assert METRICS["auc"].of(labels[:2], probabilities[:2]) is None


def test_how_they_are_written():
    assert get_metric("accuracy").show(0.9) == "90.0\u202f%"
    assert get_metric("macro-f1").show(0.9) == "0.900"
    assert get_metric("auc").show_interval(0.8, 0.95) == "0.800 to 0.950"
    assert get_metric("log-loss").show_difference(-0.1234) == "\u22120.123"
    assert get_metric("balanced-accuracy").show_difference(0.012) == "+1.2"
    with pytest.raises(UserError, match="unknown metric 'f1'"):
        get_metric("f1")


def test_the_option_and_the_setting_take_every_metric_and_no_other():
    assert [option.value for option in MetricOption] == list(METRICS)
    assert list(get_args(get_type_hints(TrainingSettings)["metric"])) == list(METRICS)
