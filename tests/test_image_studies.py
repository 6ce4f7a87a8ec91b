"""The image studies as `make run` holds them, whole bake-offs on the embedded digits, but for the
pixels: digits have 8 a side, and more of them take time alone.
"""

import pytest
from locally import run_here

from bakeoff.plans import plan
from bakeoff.studies import STUDIES

pytestmark = pytest.mark.slow
CHANGES = {
    "autoencoder": ["pictures.size=32", "pretraining.pictures.size=32"],
    "resnet": ["pictures.size=16"],
}


@pytest.fixture(scope="module", params=["autoencoder", "resnet"])
def study(request, tmp_path_factory):
    """Name, results and report of a study."""
    chosen = plan(request.param, "quick", changes=CHANGES[request.param])
    folder = run_here(chosen, tmp_path_factory.mktemp("runs"))
    return request.param, folder.results, folder.report.read_text()


def test_every_model_takes_part_and_learns(study):
    name, results, _ = study
    reached = {row["model"]: row["accuracy"] for row in results["leaderboard"]}
    assert reached.pop("largest-class") < 0.12
    assert set(reached) == set(STUDIES[name].lineups["all"])
    # Four epochs of an autoencoder leave its embeddings less to be told apart by a line.
    least = {"ae-linear-frozen": 0.4, "ae-conv-frozen": 0.8, "resnet18-triplet": 0.92}
    assert {model for model in reached if reached[model] < least.get(model, 0.95)} == set()
    for run in results["models"]:
        assert run["test"]["top5_accuracy"] >= run["test"]["accuracy"]
        assert run["embedding"]["knn"]["accuracy"] > 0.8


def test_the_pairs_of_the_study_and_the_winner_are_compared(study):
    name, results, _ = study
    compared = [frozenset((pair["first"], pair["second"])) for pair in results["comparisons"]]
    ran = {row["model"] for row in results["leaderboard"]}
    known = {frozenset(pair) for pair in STUDIES[name].pairs}
    assert {pair for pair in known if pair <= ran} <= set(compared)
    winner = results["winner"]["model"]
    others = ran - {winner}
    assert {frozenset((winner, other)) for other in others} <= set(compared)
    assert len(compared) == len(set(compared))


def test_the_report_has_every_part(study):
    name, results, page = study
    parts = ["leaderboard", "comparisons", "cost", "curves", "errors", "embeddings", "data"]
    if name == "autoencoder":
        parts.append("autoencoders")
        assert [record["model"] for record in results["autoencoders"]] == ["ae-conv", "ae-linear"]
    for part in parts:
        assert f'id="{part}"' in page
