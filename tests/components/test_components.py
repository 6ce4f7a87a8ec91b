"""Every component as a function on folders, and the small ones as KFP tasks."""

from pathlib import Path
from typing import List  # noqa: UP035 (KFP knows no other)

import pandas as pd
import pytest
from kfp import dsl

from bakeoff.artifacts import read_json, read_manifest
from bakeoff.components.audit import audit
from bakeoff.components.choose_width import choose_width
from bakeoff.components.compare import compare
from bakeoff.components.evaluate import evaluate
from bakeoff.components.prepare import prepare
from bakeoff.components.report import report
from bakeoff.components.train_ensemble import train_ensemble
from bakeoff.components.train_text_classical import train_text_classical
from bakeoff.components.train_text_network import train_text_network
from bakeoff.dotted import changed
from bakeoff.predictors import load
from bakeoff.studies import STUDIES
from bakeoff.training.settings import to_dict

SMALL = "embedding_dim=8, max_tokens=24, training.epochs=1, training.least_steps=0"
RNNS = {"rnn-64": 8, "rnn-256": 16}
"""Name → width, less than the name says."""


def artifact(folder, name, kind=dsl.Artifact):
    return kind(name=name, uri=str(folder / name))


def prepared(data, folder, **rest):
    dataset, test = (artifact(folder, name, dsl.Dataset) for name in ("dataset", "test"))
    arguments = {"split": "0.6:0.2:0.2", "input_column": "review", "label_column": "stars"}
    prepare.python_func(dataset, test, data=str(data), seed=0, **{**arguments, **rest})
    return dataset, test


def trained_rnn(dataset, folder, width, name):
    models = artifact(folder, name, dsl.Model)
    settings = f"{SMALL}, hidden={width}"
    given = {"seed": 0, "study": "sentiment", "settings": settings, "threads": 1}
    train_text_network.python_func(dataset, models, name, **given)
    return models


@pytest.fixture(scope="module")
def chain(tmp_path_factory, reviews_csv):
    """All steps from data to report, each called as a function."""
    folder = tmp_path_factory.mktemp("chain")
    dataset, test = prepared(reviews_csv, folder)
    trained = {"classical": artifact(folder, "classical", dsl.Model)}
    train_text_classical.python_func(
        dataset,
        trained["classical"],
        items=[{"model": "nb-counts", "settings": "ngrams=1"}],
        seed=0,
        study="sentiment",
    )
    networks = [trained_rnn(dataset, folder, width, name) for name, width in RNNS.items()]
    trained["networks"] = networks
    ensemble = artifact(folder, "ensemble", dsl.Model)
    train_ensemble.python_func(ensemble, "ensemble", seed=0, study="sentiment", **trained)
    trained["ensemble"] = ensemble
    evaluations = artifact(folder, "evaluations")
    accuracies = artifact(folder, "accuracies", dsl.Metrics)
    evaluate.python_func(test, evaluations, accuracies, **trained)
    comparison = artifact(folder, "comparison")
    leaderboard = artifact(folder, "leaderboard", dsl.Metrics)
    winner = artifact(folder, "winner_on_test", dsl.ClassificationMetrics)
    compare.python_func(
        dataset, evaluations, comparison, leaderboard, winner, study="sentiment", preset="quick"
    )
    page = artifact(folder, "page.html", dsl.HTML)
    summary = artifact(folder, "summary.md", dsl.Markdown)
    report.python_func(comparison, page, summary)
    made = [dataset, test, ensemble, evaluations, accuracies, comparison, leaderboard, winner]
    return {**{a.name: a for a in [*made, page, summary]}, "networks": networks}


def test_prepare_keeps_test_apart_and_loses_no_row(chain):
    dataset, test = Path(chain["dataset"].path), Path(chain["test"].path)
    assert sorted(p.name for p in dataset.glob("*.parquet")) == [
        "train.parquet",
        "validation.parquet",
    ]
    assert [p.name for p in test.glob("*.parquet")] == ["test.parquet"]
    parts = [*dataset.glob("*.parquet"), *test.glob("*.parquet")]
    ids = pd.concat(pd.read_parquet(path) for path in parts)["id"]
    assert sorted(ids) == list(range(600))


def test_a_refused_input_ends_a_component_with_one_line_and_code_2(tmp_path, reviews_csv, capsys):
    with pytest.raises(SystemExit) as stopped:
        prepared(reviews_csv, tmp_path, input_column="body")
    assert stopped.value.code == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert "body" in line
    assert not list(tmp_path.rglob("manifest.json"))


def test_audit_finds_swapped_labels_and_drops_them_from_train_alone(tmp_path, reviews_csv):
    frame = pd.read_csv(reviews_csv)
    swapped = frame.index[::20]
    frame.loc[swapped, "stars"] = frame.loc[swapped, "stars"].map({"good": "bad", "bad": "good"})
    frame.to_csv(tmp_path / "swapped.csv", index=False)
    dataset, _ = prepared(tmp_path / "swapped.csv", tmp_path)
    audited = artifact(tmp_path, "audited", dsl.Dataset)
    audit.python_func(dataset, audited, seed=0, drop=True)
    before, after = Path(dataset.path), Path(audited.path)
    facts = read_manifest(after, "dataset")["facts"]
    suspects = pd.read_parquet(after / "suspects.parquet")["id"]
    train = pd.read_parquet(before / "train.parquet")["id"]
    in_train = set(train) & set(swapped)
    assert len(in_train & set(suspects)) / len(in_train) > len(suspects) / len(train)
    kept = pd.read_parquet(after / "train.parquet")["id"]
    assert list(kept) == [row for row in train if row not in set(suspects)]
    assert facts["sizes"]["train"] == len(kept)
    validation = "validation.parquet"
    assert (after / validation).read_bytes() == (before / validation).read_bytes()


def test_a_network_component_trains_the_configuration_it_is_given(chain):
    for models, (name, width) in zip(chain["networks"], RNNS.items(), strict=True):
        [folder] = Path(models.path).glob("*/")
        assert folder.name == f"{name}-seed0"
        asked = changed(
            STUDIES["sentiment"].models[name],
            {
                "hidden": width,
                "embedding_dim": 8,
                "max_tokens": 24,
                "training.epochs": 1,
                "training.least_steps": 0,
            },
        )
        assert read_json(folder / "model.json")["config"] == to_dict(asked)
        assert len(read_json(folder / "training.json")["history"]) == 1


def test_an_ensemble_is_the_weighted_mean_of_its_members_and_holds_them(chain):
    [folder] = Path(chain["ensemble"].path).glob("*/")
    assert folder.name == "ensemble-seed0"
    weights = read_json(folder / "weights.json")
    assert set(weights) <= {"nb-counts-seed0", "rnn-64-seed0", "rnn-256-seed0"}
    assert sum(weights.values()) == pytest.approx(1)
    texts = ["a wonderful film", "awful and boring"]
    mean = sum(w * load(folder / "members" / n).probabilities(texts) for n, w in weights.items())
    assert load(folder).probabilities(texts) == pytest.approx(mean)


def test_choose_width_writes_the_better_rnn_into_every_item(chain):
    def accuracy(models):
        [training] = Path(models.path).glob("*/training.json")
        return read_json(training)["history"][0]["validation_accuracy"]

    narrow, wide = chain["networks"]
    later = [
        {"model": "bilstm", "seed": seed, "settings": f"layers=2, hidden={old}", "fingerprint": "f"}
        for seed, old in ((0.0, 99), (1.0, 98))
    ]
    items = choose_width.python_func([narrow, wide], later)
    [chosen] = {int(item["settings"].removeprefix("layers=2, hidden=")) for item in items}
    assert chosen == 8 or (chosen == 16 and accuracy(wide) > accuracy(narrow))
    assert [item["seed"] for item in items] == [0, 1]
    rest = {"model": "bilstm", "fingerprint": "f"}
    assert all({name: item[name] for name in rest} == rest for item in items)


def test_kfp_metrics_are_those_of_the_evaluation_and_the_leaderboard(chain):
    results = read_json(Path(chain["comparison"].path) / "results.json")
    board = {row["model"]: row["accuracy"] for row in results["leaderboard"]}
    assert set(board) == {"nb-counts", *RNNS, "ensemble", "largest-class"}
    found = {
        record["model"]: record["test"]["accuracy"]
        for record in map(read_json, Path(chain["evaluations"].path).glob("*/evaluation.json"))
    }
    said = {f"{name}-seed0 accuracy": accuracy for name, accuracy in found.items()}
    assert chain["accuracies"].metadata == said
    for name, accuracy in found.items():
        assert board[name] == accuracy == chain["leaderboard"].metadata[f"{name} accuracy"]
    matrix = chain["winner_on_test"].metadata["confusionMatrix"]["rows"]
    assert sum(sum(row["row"]) for row in matrix) == 120


def test_report_shows_every_model(chain):
    page, summary = (
        Path(chain["page.html"].path).read_text(),
        Path(chain["summary.md"].path).read_text(),
    )
    assert page.lower().startswith("<!doctype html>")
    for name in ("nb-counts", *RNNS, "ensemble"):
        assert name in page
        assert name in summary


def test_small_components_run_as_kfp_tasks(chain, reviews_csv, tmp_path, monkeypatch):
    """prepare → audit, two imported models → choose_width, an imported comparison → report."""
    from kfp import local

    later = [{"model": "bilstm", "seed": 0, "settings": "", "fingerprint": ""}]
    folders = [models.path for models in chain["networks"]]
    comparison = chain["comparison"].path

    @dsl.pipeline
    def small(data: str, folders: List[str]) -> list:  # noqa: UP006
        ready = prepare(
            data=data, split="0.6:0.2:0.2", seed=0, input_column="review", label_column="stars"
        )
        audit(dataset=ready.outputs["dataset"], seed=0)
        with dsl.ParallelFor(folders) as folder:
            model = dsl.importer(artifact_uri=folder, artifact_class=dsl.Model)
        results = dsl.importer(artifact_uri=comparison, artifact_class=dsl.Artifact)
        report(comparison=results.output)
        return choose_width(models=dsl.Collected(model.output), later=later).output

    monkeypatch.setattr(local.config.LocalExecutionConfig, "instance", None)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path))
    task = small(data=str(reviews_csv), folders=folders)
    assert task.output == choose_width.python_func(chain["networks"], later)
    made = {p.parent.name: p for p in tmp_path.glob("*/*/*/manifest.json")}
    assert set(made) == {"dataset", "test", "audited"}
    by_hand = read_manifest(chain["dataset"].path)
    assert read_manifest(made["dataset"].parent)["files"] == by_hand["files"]
    [page] = tmp_path.glob("*/report/page")
    assert page.read_text() == Path(chain["page.html"].path).read_text()


def test_prepare_takes_images_too(tmp_path, capsys):
    settings = {"modality": "image", "split": "200:50:50", "image_size": 10}
    dataset, _ = prepared("digits", tmp_path, **settings)
    facts = read_manifest(dataset.path)["facts"]
    assert facts["sizes"] == {"train": 200, "validation": 50, "test": 50}
    assert facts["image"] == {"height": 10, "width": 10, "channels": 1}
    with pytest.raises(SystemExit, match="2"):
        prepared("imdb-25k", tmp_path / "texts", modality="image")
    assert "imdb-25k holds texts, and images are needed here" in capsys.readouterr().err
