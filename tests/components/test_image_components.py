"""The components of images from data to report, on the digits of scikit-learn."""

import base64
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kfp import dsl
from PIL import Image

from bakeoff.artifacts import read_json
from bakeoff.components.compare import compare
from bakeoff.components.evaluate import evaluate
from bakeoff.components.prepare import prepare
from bakeoff.components.report import report
from bakeoff.components.train_image_network import train_image_network
from bakeoff.lineup import changes_of
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.vision.configs import Autoencoder, ImageNetwork, Pictures

FAST = TrainingSettings(epochs=2, least_steps=0, batch_size=32, learning_rate=3e-3)
CONV = Autoencoder(encoder="conv", pictures=Pictures(size=8), training=FAST)
PROBE = ImageNetwork(
    encoder="conv", pictures=CONV.pictures, pretraining=CONV, frozen=True, training=FAST
)
SCRATCH = replace(PROBE, frozen=False, pretraining=None)
TOGETHER = {
    "group": {
        "ae-conv-frozen": PROBE,
        "ae-conv-tuned": replace(SCRATCH, pretraining=CONV),
    },
    "scratch": {"ae-conv-scratch": SCRATCH},
}

PAIRS = [["ae-conv-tuned", "ae-conv-scratch"], ["ae-conv-tuned", "ae-conv-frozen"]]


def artifact(folder, name, kind=dsl.Artifact):
    return kind(name=name, uri=str(folder / name))


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """All steps from data to report, each called as a function."""
    folder = tmp_path_factory.mktemp("chain")
    dataset, test = (artifact(folder, name, dsl.Dataset) for name in ("dataset", "test"))
    prepare.python_func(
        dataset, test, data="digits", split="0.6:0.2:0.2", seed=0, modality="image", limit=150
    )
    # Training knows nothing of test: it is not even there.
    Path(test.path).rename(folder / "hidden")
    trained = {}
    for name, together in TOGETHER.items():
        trained[name] = artifact(folder, f"models-{name}", dsl.Model)
        train_image_network.python_func(
            dataset,
            trained[name],
            model=", ".join(together),
            seed=0,
            study="autoencoder",
            preset="quick",
            settings=changes_of("autoencoder", "quick", together),
            threads=1,
        )
    (folder / "hidden").rename(test.path)
    evaluations = artifact(folder, "evaluations")
    accuracies = artifact(folder, "accuracies", dsl.Metrics)
    evaluate.python_func(test, evaluations, accuracies, networks=list(trained.values()))
    comparison = artifact(folder, "comparison")
    board = artifact(folder, "leaderboard", dsl.Metrics)
    winner = artifact(folder, "winner", dsl.ClassificationMetrics)
    compare.python_func(
        dataset,
        evaluations,
        comparison,
        board,
        winner,
        study="autoencoder",
        pairs=PAIRS,
        preset="quick",
    )
    page = artifact(folder, "page.html", dsl.HTML)
    summary = artifact(folder, "summary.md", dsl.Markdown)
    report.python_func(comparison, page, summary)
    return folder, accuracies, winner


@pytest.fixture(scope="module")
def results(chain):
    return read_json(chain[0] / "comparison" / "results.json")


def pictures(text):
    """Every data: URI of a picture, decoded."""
    for content in re.findall(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)", text):
        yield Image.open(io.BytesIO(base64.b64decode(content)))


def test_an_autoencoder_is_trained_first_and_once(chain):
    folder = chain[0]
    group = folder / "models-group"
    assert {path.name for path in group.glob("*/")} == {
        *["ae-conv-seed0", "ae-conv-frozen-seed0", "ae-conv-tuned-seed0"]
    }
    for name, config in ({"ae-conv": CONV} | TOGETHER["group"] | TOGETHER["scratch"]).items():
        [found] = folder.glob(f"models-*/{name}-seed0")
        assert read_json(found / "model.json")["config"] == to_dict(config)
        assert len(read_json(found / "training.json")["history"]) == 2


def test_classifiers_are_on_the_board_and_the_autoencoder_beside_it(results):
    classifiers = {"ae-conv-frozen", "ae-conv-tuned", "ae-conv-scratch"}
    assert {row["model"] for row in results["leaderboard"]} == classifiers | {"largest-class"}
    assert {model["model"] for model in results["models"]} == classifiers
    [autoencoder] = results["autoencoders"]
    assert (autoencoder["model"], autoencoder["seed"]) == ("ae-conv", 0)
    assert 0 < autoencoder["mse"] < 0.3
    assert results["contaminated"] == []
    tested = [(one["first"], one["second"]) for one in results["comparisons"]]
    assert tested[:2] == [tuple(pair) for pair in PAIRS]


def test_metrics_and_predictions_are_those_of_the_test_split(chain, results):
    folder, accuracies, winner = chain
    assert accuracies.metadata == {
        f"{row['model']}-seed0 accuracy": row["accuracy"]
        for row in results["leaderboard"]
        if row["kind"] != "baseline"
    }
    matrix = winner.metadata["confusionMatrix"]["rows"]
    assert sum(sum(row["row"]) for row in matrix) == 30
    ids = pd.read_parquet(folder / "test" / "test.parquet")["id"]
    pixels = np.load(folder / "test" / "test.npy")
    for path in folder.glob("evaluations/*/predictions.parquet"):
        frame = pd.read_parquet(path)
        rows = frame[frame["split"] == "test"]
        assert rows["id"].tolist() == ids.tolist()
        columns = [f"p{index}" for index in range(10)]
        assert np.allclose(rows[columns].sum(axis=1), 1, atol=1e-5)
        wrong = rows[columns].to_numpy().argmax(axis=1) != rows["label"]
        assert ((rows["exhibit"] != "") == wrong).all()
        # A mistake is shown by its own picture.
        row = int(np.flatnonzero(wrong)[0])
        [image] = pictures(rows["exhibit"].iloc[row])
        assert np.array_equal(np.asarray(image), pixels[row, ..., 0])


def test_embeddings_are_judged_of_every_network(results):
    for record in [*results["models"], *results["autoencoders"]]:
        embedding = record["embedding"]
        for name in ("knn", "centroid"):
            assert embedding[name]["low"] <= embedding[name]["accuracy"] <= embedding[name]["high"]
        assert len(embedding["maps"]["tsne"]) == len(embedding["maps"]["pca"]) == 30
    # The probe changes nothing of them.
    by_name = {record["model"]: record["embedding"] for record in results["models"]}
    assert by_name["ae-conv-frozen"] == results["autoencoders"][0]["embedding"]
    assert by_name["ae-conv-tuned"] != by_name["ae-conv-frozen"]


def test_the_report_shows_every_model_and_pictures_of_them(chain, results):
    page = (chain[0] / "page.html").read_text()
    summary = (chain[0] / "summary.md").read_text()
    for row in results["leaderboard"]:
        assert row["model"] in page
        assert row["model"] in summary
    sizes = {image.size for image in pictures(page)}
    # Digits that were taken for others, and what the autoencoder makes of some.
    assert {(8, 8), (8, 16)} <= sizes
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)


def test_a_refused_configuration_ends_the_component_with_one_line(chain, tmp_path, capsys):
    dataset = dsl.Dataset(name="dataset", uri=str(chain[0] / "dataset"))
    models = artifact(tmp_path, "models", dsl.Model)
    with pytest.raises(SystemExit) as stopped:
        train_image_network.python_func(
            dataset, models, model="resnet18", seed=0, study="resnet", settings="loss=tripelt"
        )
    assert stopped.value.code == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert "unknown loss 'tripelt': did you mean 'triplet'?" in line
    assert not list(tmp_path.iterdir())


def test_models_evaluate_alone_on_a_machine_that_never_saw_the_training(chain, tmp_path):
    """Nothing outside a model's folder is needed: not the autoencoder, not the data set."""
    models = tmp_path / "models"
    shutil.copytree(chain[0] / "models-group", models)
    shutil.rmtree(models / "ae-conv-seed0")
    evaluations = artifact(tmp_path, "evaluations")
    accuracies = artifact(tmp_path, "accuracies", dsl.Metrics)
    evaluate.python_func(
        dsl.Dataset(name="test", uri=str(chain[0] / "test")),
        evaluations,
        accuracies,
        networks=[dsl.Model(name="models", uri=str(models))],
    )
    assert len(accuracies.metadata) == 2
    assert accuracies.metadata.items() <= chain[1].metadata.items()
