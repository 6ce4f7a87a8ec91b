"""The evaluate step on models whose probabilities are given."""

import json

import numpy as np
import pandas as pd
import pytest

from bakeoff.artifacts import read_json, read_manifest
from bakeoff.errors import UserError
from bakeoff.evaluation.evaluate import MISTAKES, evaluate


def test_what_it_writes(workshop):
    test = workshop.test([1, 0, 1, 0], ids=[10, 11, 12, 13])
    models = workshop.model("m", [0.9, 0.2, 0.3, 0.6], seconds=2.5)
    target = workshop.root / "evaluations"
    assert evaluate([models], test, target, load=workshop.load) == {"m-seed0": 0.5}

    record = read_json(target / "m-seed0" / "evaluation.json")
    json.dumps(record, allow_nan=False)
    assert (record["model"], record["seed"], record["seconds"]) == ("m", 0, 2.5)
    assert record["parameters"] == 7
    assert record["classes"] == ["negative", "positive"]
    assert record["folder"] == str(models / "m-seed0")
    assert record["size_bytes"] > 1000
    assert record["predictions_per_second"] > 0
    assert record["test"]["confusion"] == [[1, 1], [1, 1]]
    assert record["validation"]["accuracy"] == 1
    # Surest first: 0.7 for negative, then 0.6 for positive.
    assert [(m["id"], m["label"], m["predicted"]) for m in record["mistakes"]] == [
        (12, "positive", "negative"),
        (13, "negative", "positive"),
    ]
    assert record["mistakes"][0]["probability"] == pytest.approx(0.7)

    frame = pd.read_parquet(target / "m-seed0" / "predictions.parquet")
    assert frame.groupby("split").size().to_dict() == {"test": 4, "validation": 2}
    rows = frame[frame["split"] == "test"].set_index("id")
    assert rows["p1"].tolist() == pytest.approx([0.9, 0.2, 0.3, 0.6])
    assert rows["extent"].tolist() == [2, 2, 2, 2]
    # Texts of right predictions stay in the test split.
    assert rows["exhibit"].tolist() == ["", "", "text 2", "text 3"]
    assert read_manifest(target, "evaluations")["inputs"].keys() == {"models0", "test"}


def test_mistakes_are_few_and_short(workshop):
    rows = MISTAKES + 5
    test = workshop.test([1] * rows, texts=["long " * 1000] * rows)
    given = np.linspace(0.01, 0.4, rows)
    models = workshop.model("m", given)
    evaluate([models], test, workshop.root / "e", load=workshop.load)
    mistakes = read_json(workshop.root / "e" / "m-seed0" / "evaluation.json")["mistakes"]
    assert [m["id"] for m in mistakes] == list(range(MISTAKES))
    assert all(len(m["text"]) == 2001 and m["text"].endswith("…") for m in mistakes)


def test_figures_are_those_of_the_saved_predictions(workshop):
    # 0.5 + 1e-9 is above one half in double precision, but not in what is saved.
    workshop.test([1, 0])
    folder = workshop.evaluation("m", [0.5 + 1e-9, 0.2]) / "m-seed0"
    frame = pd.read_parquet(folder / "predictions.parquet").query("split == 'test'")
    saved = frame[["p0", "p1"]].to_numpy().argmax(axis=1)
    accuracy = read_json(folder / "evaluation.json")["test"]["accuracy"]
    assert accuracy == (saved == frame["label"]).mean()


def test_other_classes_are_refused(workshop):
    models = workshop.model("m", [0.9])
    other = workshop.beside("other", ["bad", "good"]).test([1])
    with pytest.raises(UserError, match=r"m-seed0 knows the classes \['negative', 'positive'\]"):
        evaluate([models], other, workshop.root / "e", load=workshop.load)
    assert not (workshop.root / "e").exists()


def test_a_diverged_model_is_refused(workshop):
    test = workshop.test([1, 0])
    models = workshop.model("m", [float("nan"), 0.5])
    with pytest.raises(UserError, match="m-seed0 predicts probabilities that are no numbers"):
        evaluate([models], test, workshop.root / "e", load=workshop.load)


def test_no_models_are_refused(workshop):
    test = workshop.test([1, 0])
    with pytest.raises(UserError, match="holds no trained model"):
        evaluate([workshop.root / "nothing"], test, workshop.root / "e", load=workshop.load)
