import json
import re
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bakeoff.data.splits import Split
from bakeoff.errors import UserError
from bakeoff.text.classical.linear import calibrate, calibrated, softmax
from bakeoff.text.classical.models import load_linear, load_tree, train_classical
from bakeoff.text.configs import LinearText, TreeText
from bakeoff.training.settings import to_dict

NAIVE_BAYES = LinearText(method="naive-bayes", weighting="counts", ngrams=1, min_count=1)
LINEUP = {
    "nb-counts": replace(NAIVE_BAYES, weighting="binary", ngrams=2),
    "nb-tfidf": LinearText(method="naive-bayes", weighting="tfidf", strength=0.1, ngrams=3),
    "logreg": LinearText(method="logistic-regression", weighting="tfidf", strength=10.0),
    "svm": LinearText(method="svm", weighting="tfidf", strength=0.6, preprocessing="report"),
    "nbsvm": LinearText(method="nbsvm", weighting="binary", strength=0.03),
    "tree": TreeText(min_samples_leaf=5, max_features=500),
}


def split(texts, labels, classes=("negative", "positive")):
    return Split(np.arange(len(texts)), list(texts), np.array(labels), list(classes))


@pytest.fixture(scope="module")
def reviews(reviews_csv):
    frame = pd.read_csv(reviews_csv).sample(frac=1, random_state=0)
    labels = (frame["stars"] == "good").astype(int).tolist()
    texts = frame["review"].tolist()
    return split(texts[:450], labels[:450]), split(texts[450:], labels[450:])


@pytest.fixture(scope="module")
def genres():
    words = {"war": "tank army", "love": "kiss heart", "space": "alien ship", "west": "horse gun"}
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 240)
    texts = [
        " ".join(rng.choice([*list(words.values())[label].split(), "film", "story"], 6))
        for label in labels
    ]
    return split(texts[:200], labels[:200], words), split(texts[200:], labels[200:], words)


def train(configs, training, validation, seed=0):
    return {model.name: model for model in train_classical(configs, training, validation, seed)}


def loaded(trained, folder, classes):
    folder.mkdir()
    trained.save(folder)
    load = load_tree if trained.kind == "tree" else load_linear
    return load(folder, {"classes": classes, "config": trained.config})


def accuracy(trained, validation):
    return (trained.validation_probabilities.argmax(axis=1) == validation.labels).mean()


def assert_same(probabilities, model, name):
    """To the last bit; SVMs judge the rows they are calibrated on by calibration on the others."""
    held_out = model.validation_probabilities
    if name in ("svm", "nbsvm"):
        assert (probabilities.argmax(axis=1) == held_out.argmax(axis=1)).mean() > 0.95
        assert not (probabilities == held_out).all()
    else:
        assert (probabilities == held_out).all(), name


def test_naive_bayes_by_hand():
    # good: 2 positive, 1 negative; bad: 2 negative. Smoothing 1, two words.
    # P(good|+) = (2+1)/(2+2), P(good|-) = (1+1)/(3+2), P(+) = 1/3
    training = split(["good good", "good bad", "bad"], [1, 0, 0])
    validation = split(["good", "bad bad", "", "unseen"], [1, 0, 0, 0])
    model = train({"nb": NAIVE_BAYES}, training, validation)["nb"]
    positive = np.array([1 / 3 * 3 / 4, 1 / 3 * (1 / 4) ** 2, 1 / 3, 1 / 3])
    negative = np.array([2 / 3 * 2 / 5, 2 / 3 * (3 / 5) ** 2, 2 / 3, 2 / 3])
    expected = positive / (positive + negative)
    assert model.validation_probabilities[:, 1] == pytest.approx(expected, abs=1e-6)
    drivers = {(d["class"], d["ngram"]): d["weight"] for d in model.facts["drivers"]}
    assert drivers["positive", "good"] == pytest.approx(np.log(3 / 4) - np.log(2 / 5))
    assert drivers["negative", "good"] == -drivers["positive", "good"]


def test_every_model_learns_and_gives_probabilities(reviews):
    models = train(LINEUP, *reviews)
    assert sorted(models) == sorted(LINEUP)
    for name, model in models.items():
        probabilities = model.validation_probabilities
        assert probabilities.shape == (150, 2)
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(150))
        assert probabilities.min() >= 0
        assert accuracy(model, reviews[1]) > (0.55 if name == "tree" else 0.7), name
        assert model.seconds > 0
        assert model.config == to_dict(LINEUP[name])
        json.dumps(model.facts, allow_nan=False)


def test_shared_features_change_nothing(reviews):
    together = train(LINEUP, *reviews)
    for name, config in LINEUP.items():
        alone = train({name: config}, *reviews)[name]
        assert alone.facts["vocabulary"] == together[name].facts["vocabulary"]
        same = alone.validation_probabilities == together[name].validation_probabilities
        assert same.all(), name


def test_loaded_models_predict_the_same(reviews, tmp_path):
    training, validation = reviews
    for name, model in train(LINEUP, training, validation).items():
        predictor = loaded(model, tmp_path / name, training.classes)
        assert predictor.classes == training.classes
        probabilities = predictor.probabilities(validation.inputs)
        assert probabilities.dtype == np.float64
        assert_same(probabilities, model, name)


@pytest.mark.parametrize("name", LINEUP)
def test_many_classes(genres, tmp_path, name):
    training, validation = genres
    model = train({name: LINEUP[name]}, training, validation)[name]
    assert model.validation_probabilities.shape == (40, 4)
    assert model.validation_probabilities.sum(axis=1) == pytest.approx(np.ones(40))
    assert accuracy(model, validation) > 0.9
    predictor = loaded(model, tmp_path / name, training.classes)
    assert_same(predictor.probabilities(validation.inputs), model, name)
    if model.kind == "linear":
        best = {d["class"]: d["ngram"] for d in reversed(model.facts["drivers"])}
        assert set(best["space"].split()) <= {"alien", "ship"}


def test_order_of_texts_does_not_matter_to_naive_bayes(reviews):
    training, validation = reviews
    backwards = split(training.inputs[::-1], training.labels[::-1])
    for name in ("nb-counts", "nb-tfidf"):
        first = train({name: LINEUP[name]}, training, validation)[name]
        second = train({name: LINEUP[name]}, backwards, validation)[name]
        assert first.validation_probabilities == pytest.approx(
            second.validation_probabilities, abs=1e-6
        )


def test_empty_text_gets_the_prior_of_naive_bayes():
    training = split(["good", "bad", "bad bad"], [1, 0, 0])
    validation = split(["", "<br />"], [0, 1])
    model = train({"nb": replace(NAIVE_BAYES, weighting="tfidf")}, training, validation)["nb"]
    assert model.validation_probabilities == pytest.approx(np.array([[2 / 3, 1 / 3]] * 2))


def test_training_again_gives_the_same(reviews):
    first, second = train(LINEUP, *reviews), train(LINEUP, *reviews)
    for name in LINEUP:
        same = first[name].validation_probabilities == second[name].validation_probabilities
        assert same.all(), name


def test_only_calibration_looks_at_validation_labels(reviews):
    training, validation = reviews
    flipped = replace(validation, labels=1 - validation.labels)
    honest, misled = train(LINEUP, training, validation), train(LINEUP, training, flipped)
    for name in LINEUP:
        same = honest[name].validation_probabilities == misled[name].validation_probabilities
        assert same.all() == (name not in ("svm", "nbsvm"))


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 1.0), (3.0, -0.5)])
def test_calibration_finds_scale_and_shift(scale, shift):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 1))
    labels = (rng.random(20_000) < softmax(scale * scores + shift)[:, 1]).astype(int)
    fitted_scale, fitted_shift = calibrate(scores, labels)
    assert fitted_scale == pytest.approx(scale, rel=0.1)
    assert fitted_shift == pytest.approx(shift, abs=0.1)


def test_a_row_does_not_calibrate_itself():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    scores = rng.normal(size=(60, 1)) + labels[:, None]
    before = calibrated(scores, labels)
    labels[7] = 1 - labels[7]
    after = calibrated(scores, labels)
    same_fold = np.arange(60) % 5 == 7 % 5
    assert (before[same_fold] == after[same_fold]).all()
    assert (before[~same_fold] != after[~same_fold]).any()


def test_calibration_of_perfect_scores_stays_finite():
    scale, shift = calibrate(np.array([[-1.0], [-2.0], [1.0], [2.0]]), np.array([0, 0, 1, 1]))
    assert 0 < scale < 10
    assert np.isfinite(shift).all()


def test_tree_shows_what_it_splits_on(reviews):
    model = train({"tree": LINEUP["tree"]}, *reviews)["tree"]
    assert model.facts["vocabulary"] == 500
    weights = [driver["weight"] for driver in model.facts["drivers"]]
    assert weights == sorted(weights, reverse=True)
    assert 0 < sum(weights) <= 1 + 1e-9


def test_class_without_training_text_is_explained():
    training = split(["good", "good"], [1, 1])
    with pytest.raises(UserError, match="no text of class 'negative'"):
        train({"nb": NAIVE_BAYES}, training, training)


CHINESE = {"good": "很好 满意 喜欢 干净 舒服", "bad": "很差 失望 讨厌 肮脏 吵闹"}
THAI = {"good": "ดีมาก ชอบ สะอาด", "bad": "แย่ เกลียด สกปรก"}
JAPANESE = {"good": "すばらしい 好き きれい", "bad": "ひどい 嫌い きたない"}


@pytest.mark.parametrize("words", [CHINESE, THAI, JAPANESE])
def test_texts_without_spaces_are_told_apart(words):
    rng = np.random.default_rng(0)
    neutral = "房间早餐前台今天我们"
    labels = rng.integers(0, 2, 400)
    texts = []
    for label in labels:
        said = rng.choice(words[("bad", "good")[label]].split(), 2)
        parts = [*rng.choice(list(neutral), 6), *said]
        texts.append("".join(rng.permutation(parts)))
    parts = split(texts[:300], labels[:300]), split(texts[300:], labels[300:])
    for name in ("logreg", "nbsvm"):
        trained = train({name: LINEUP[name]}, *parts)[name]
        right = trained.validation_probabilities.argmax(axis=1) == labels[300:]
        assert right.mean() >= 0.95
        assert trained.facts["emptied_texts"] == 0


def test_a_preprocessing_that_leaves_nothing_is_refused():
    texts = split(["很好", "很差", "a good film", "fine"] * 5, [0, 1] * 10)
    with pytest.raises(UserError, match="leaves no word of 10 of 20 training texts; choose"):
        train({"svm": LINEUP["svm"]}, texts, texts)


def test_training_time_holds_no_imports():
    script = """
        import sys
        import numpy as np
        from bakeoff.data.splits import Split
        from bakeoff.text.classical import models
        from bakeoff.text.configs import LinearText, TreeText
        from bakeoff.text.registry import MODELS

        ready, before = models._import_libraries, set()
        models._import_libraries = lambda: (ready(), before.update(sys.modules))
        texts = [f"{'good' if n % 2 else 'bad'} film number {n}" for n in range(40)]
        split = Split(np.arange(40), texts, np.arange(40) % 2, ["bad", "good"], "text")
        chosen = ("nb-counts", "logreg-tfidf", "svm-tfidf", "nbsvm", "tree-tfidf")
        list(models.train_classical({name: MODELS[name] for name in chosen}, split, split, 0))
        assert before
        print(*(set(sys.modules) - before))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert not re.findall(r"\b(?:scipy|sklearn)\.\S*", done.stdout)
