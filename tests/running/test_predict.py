import shutil
import unicodedata

import numpy as np
import pytest

from bakeoff.artifacts import RESULTS_FORMAT, write_json
from bakeoff.data.splits import Split
from bakeoff.errors import UserError
from bakeoff.running.predict import predict
from bakeoff.running.runs import RunFolder
from bakeoff.text.classical.models import train_classical
from bakeoff.text.configs import LinearText
from bakeoff.training.trained import write_trained

BAYES = LinearText(method="naive-bayes", weighting="counts", ngrams=1, min_count=1, strength=1.0)
TEXTS = {"modality": "text"}


def train(folder, texts, classes, name="nb", seed=0):
    """Naive Bayes on one text a class; returns its entry in results.json."""
    split = Split(np.arange(len(texts)), texts, np.arange(len(texts)), classes)
    [trained] = train_classical({name: BAYES}, split, split, seed=seed)
    target = folder / f"{name}-seed{seed}"
    write_trained(trained, target, classes, split)
    return {"model": name, "seed": seed, "folder": str(target)}


def finished(folder, entries, winner, dataset=TEXTS):
    write_json(folder / "run.json", {"status": "finished"})
    names = dict.fromkeys(entry["model"] for entry in entries)
    board = [{"model": name} for name in names]
    results = {"models": entries, "leaderboard": board, "winner": winner, "dataset": dataset}
    write_json(folder / "results.json", {"format": RESULTS_FORMAT, **results})
    return RunFolder(folder)


@pytest.fixture
def run(tmp_path):
    """A winner that knows reviews, and a loser that has learned the opposite."""
    reviews = ["fine film", "dull film"]
    entries = [
        train(tmp_path, reviews, ["bad", "good"], "contrary"),
        train(tmp_path, reviews, ["good", "bad"], "nb"),
    ]
    return finished(tmp_path, entries, {"model": "nb", "seed": 0})


def test_label_and_probability_by_hand(run):
    fine, film, dull = predict(run, ["fine", "film", "dull dull"])
    # Three words, strength 1: P(fine | good) = 2/5, P(fine | bad) = 1/5.
    assert fine["probabilities"] == pytest.approx({"good": 2 / 3, "bad": 1 / 3})
    assert (fine["text"], fine["label"]) == ("fine", "good")
    assert fine["probability"] == fine["probabilities"]["good"]
    assert film["probability"] == pytest.approx(1 / 2)
    assert dull["label"] == "bad"
    assert dull["probability"] == pytest.approx(4 / 5)


def test_another_model_answers_by_its_name(run):
    [record] = predict(run, ["fine"], "contrary")
    assert record["label"] == "bad"
    with pytest.raises(UserError, match="unknown model 'contrari': did you mean 'contrary'"):
        predict(run, ["fine"], "contrari")


def test_a_text_is_labelled_the_same_alone_and_in_company(run):
    texts = ["dull", "", "fine fine", "unknown words", "FINE!"]
    together = predict(run, texts)
    assert [record["text"] for record in together] == texts
    assert together == [predict(run, [text])[0] for text in texts]
    assert predict(run, texts[::-1])[::-1] == together
    assert predict(run, []) == []


def test_the_winner_is_the_seed_that_validation_chose(tmp_path):
    reviews = ["fine film", "dull film"]
    entries = [
        train(tmp_path, reviews, ["bad", "good"], seed=0),
        train(tmp_path, reviews, ["good", "bad"], seed=1),
    ]
    run = finished(tmp_path, entries, {"model": "nb", "seed": 1})
    for model in ("", "nb"):
        assert predict(run, ["fine"], model)[0]["label"] == "good"


def test_any_number_of_classes(tmp_path):
    entry = train(tmp_path, ["tank", "kiss", "alien"], ["war", "love", "space"])
    run = finished(tmp_path, [entry], {"model": "nb", "seed": 0})
    records = predict(run, ["alien", "tank", "kiss"])
    assert [record["label"] for record in records] == ["space", "war", "love"]
    # P(word | its class) = 2/4, P(word | another) = 1/4.
    assert records[0]["probabilities"] == pytest.approx({"war": 0.25, "love": 0.25, "space": 0.5})


def test_a_model_that_is_gone_is_one_line(run, tmp_path):
    shutil.rmtree(tmp_path / "nb-seed0")
    with pytest.raises(UserError, match=f"the model nb is gone from {tmp_path}, or not whole; rem"):
        predict(run, ["fine"])
    assert predict(run, ["fine"], "contrary")


def test_a_run_that_has_not_finished_predicts_nothing(tmp_path):
    write_json(tmp_path / "run.json", {"status": "interrupted"})
    with pytest.raises(UserError, match="is interrupted and has no results"):
        predict(RunFolder(tmp_path), ["fine"])


def test_the_folder_of_all_runs_may_be_moved(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    entry = train(before / ".store" / "a", ["fine film", "dull film"], ["good", "bad"])
    (before / "one").mkdir()
    finished(before / "one", [entry], {"model": "nb", "seed": 0})
    before.rename(after)
    assert predict(RunFolder(after / "one"), ["fine"])[0]["label"] == "good"


def test_a_text_has_one_label_however_its_accents_are_written(tmp_path):
    entry = train(tmp_path, ["caf\u00e9 \u00e9t\u00e9", "bar bar"], ["cafe", "bar"])
    run = finished(tmp_path, [entry], {"model": "nb", "seed": 0})
    composed, decomposed = (
        predict(run, [unicodedata.normalize(form, "caf\u00e9")])[0] for form in ("NFC", "NFD")
    )
    assert composed["probabilities"] == decomposed["probabilities"]
    assert decomposed["label"] == "cafe"
    assert decomposed["text"] == unicodedata.normalize("NFD", "caf\u00e9")
