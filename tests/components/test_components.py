"""Every component as a function on folders, and the small ones as KFP tasks."""

import json
from dataclasses import replace
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
from bakeoff.predictors import load
from bakeoff.text.configs import LinearText, TextNetwork
from bakeoff.training.settings import Ensemble, TrainingSettings, to_dict

CLASSICAL = {"nb": LinearText(method="naive-bayes", weighting="counts", ngrams=1)}
RNN = TextNetwork(
    encoder="rnn",
    hidden=8,
    embedding_dim=8,
    max_tokens=24,
    width_role="decides",
    training=TrainingSettings(epochs=1, least_steps=0),
)
SETTINGS = {"study": "sentiment", "preset": "quick", "seed": 0, "seeds": 1, "pairs": []}


def artifact(folder, name, kind=dsl.Artifact):
    return kind(name=name, uri=str(folder / name))


def prepared(data, folder, **rest):
    dataset, test = (artifact(folder, name, dsl.Dataset) for name in ("dataset", "test"))
    arguments = {"split": "0.6:0.2:0.2", "input_column": "review", "label_column": "stars"}
    prepare.python_func(dataset, test, data=str(data), seed=0, **{**arguments, **rest})
    return dataset, test


def trained_rnn(dataset, folder, width, name):
    models = artifact(folder, name, dsl.Model)
    configs = json.dumps({name: to_dict(replace(RNN, hidden=width))})
    train_text_network.python_func(dataset, models, name, seed=0, configs=configs, threads=1)
    return models


def evaluated(models, test, folder):
    evaluations = artifact(folder, f"{models.name}-evaluations")
    metrics = artifact(folder, f"{models.name}-metrics", dsl.Metrics)
    evaluate.python_func(models, test, evaluations, metrics)
    return evaluations, metrics


@pytest.fixture(scope="module")
def chain(tmp_path_factory, reviews_csv):
    """All steps from data to report, each called as a function."""
    folder = tmp_path_factory.mktemp("chain")
    dataset, test = prepared(reviews_csv, folder)
    classical = artifact(folder, "classical", dsl.Model)
    configs = json.dumps({name: to_dict(config) for name, config in CLASSICAL.items()})
    train_text_classical.python_func(dataset, classical, configs=configs, seed=0)
    networks = [trained_rnn(dataset, folder, width, f"rnn-{width}") for width in (8, 16)]
    trained = [classical, *networks]
    ensemble = artifact(folder, "ensemble", dsl.Model)
    config = json.dumps(to_dict(Ensemble()))
    train_ensemble.python_func(
        ensemble, "mix", config=config, seed=0, seeds=1, classical=classical, networks=networks
    )
    trained = [*trained, ensemble]
    evaluations = {models.name: evaluated(models, test, folder) for models in trained}
    comparison = artifact(folder, "comparison")
    metrics = artifact(folder, "metrics", dsl.Metrics)
    classification = artifact(folder, "classification", dsl.ClassificationMetrics)
    compare.python_func(
        dataset,
        comparison,
        metrics,
        classification,
        settings=json.dumps(SETTINGS),
        classical=evaluations["classical"][0],
        networks=[evaluations[models.name][0] for models in networks],
        ensemble=evaluations["ensemble"][0],
    )
    page = artifact(folder, "page.html", dsl.HTML)
    summary = artifact(folder, "summary.md", dsl.Markdown)
    report.python_func(comparison, page, summary)
    made = [dataset, test, ensemble, comparison, metrics, classification, page, summary]
    return {**{a.name: a for a in made}, "networks": networks, "evaluations": evaluations}


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
    for models, width in zip(chain["networks"], (8, 16), strict=True):
        [folder] = Path(models.path).glob("*/")
        assert folder.name == f"rnn-{width}-seed0"
        assert read_json(folder / "model.json")["config"] == to_dict(replace(RNN, hidden=width))
        assert len(read_json(folder / "training.json")["history"]) == 1


def test_an_ensemble_is_the_weighted_mean_of_its_members_and_holds_them(chain):
    [folder] = Path(chain["ensemble"].path).glob("*/")
    assert folder.name == "mix-seed0"
    weights = read_json(folder / "weights.json")
    assert set(weights) <= {"nb-seed0", "rnn-8-seed0", "rnn-16-seed0"}
    assert sum(weights.values()) == pytest.approx(1)
    texts = ["a wonderful film", "awful and boring"]
    mean = sum(w * load(folder / "members" / n).probabilities(texts) for n, w in weights.items())
    assert load(folder).probabilities(texts) == pytest.approx(mean)


def test_choose_width_writes_the_better_rnn_into_every_item(chain):
    def accuracy(models):
        [training] = Path(models.path).glob("*/training.json")
        return read_json(training)["history"][0]["validation_accuracy"]

    narrow, wide = chain["networks"]
    bilstm = to_dict(replace(RNN, encoder="lstm", hidden=99))
    configs = json.dumps({"bilstm": bilstm})
    later = [{"model": "bilstm", "seed": seed, "configs": configs} for seed in (0.0, 1.0)]
    items = choose_width.python_func([narrow, wide], later)
    chosen = json.loads(items[0]["configs"])["bilstm"]["hidden"]
    assert chosen == 8 or (chosen == 16 and accuracy(wide) > accuracy(narrow))
    assert [item["seed"] for item in items] == [0, 1]
    for item in items:
        assert json.loads(item["configs"]) == {"bilstm": {**bilstm, "hidden": chosen}}


def test_kfp_metrics_are_those_of_the_evaluation_and_the_leaderboard(chain):
    results = read_json(Path(chain["comparison"].path) / "results.json")
    board = {row["model"]: row["accuracy"] for row in results["leaderboard"]}
    assert set(board) == {"nb", "rnn-8", "rnn-16", "mix", "largest-class"}
    for evaluations, metrics in chain["evaluations"].values():
        [file] = Path(evaluations.path).glob("*/evaluation.json")
        record = read_json(file)
        name, accuracy = record["model"], record["test"]["accuracy"]
        assert metrics.metadata == {f"{name}-seed0 accuracy": accuracy}
        assert board[name] == accuracy == chain["metrics"].metadata[f"{name} accuracy"]
    matrix = chain["classification"].metadata["confusionMatrix"]["rows"]
    assert sum(sum(row["row"]) for row in matrix) == 120


def test_report_shows_every_model(chain):
    page, summary = (
        Path(chain["page.html"].path).read_text(),
        Path(chain["summary.md"].path).read_text(),
    )
    assert page.lower().startswith("<!doctype html>")
    for name in ("nb", "rnn-8", "rnn-16", "mix"):
        assert name in page
        assert name in summary


def test_small_components_run_as_kfp_tasks(chain, reviews_csv, tmp_path, monkeypatch):
    """prepare → audit, two imported models → choose_width, an imported comparison → report."""
    from kfp import local

    later = [{"model": "bilstm", "seed": 0, "configs": json.dumps({"bilstm": to_dict(RNN)})}]
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
