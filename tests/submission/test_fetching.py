"""What a cluster left in S3 becomes a run like those of this machine."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from fake_kfp import node, resolved, workflow
from fake_kubernetes import CORE, FakeKubernetes

from bakeoff.artifacts import read_json, write_json
from bakeoff.cli import main
from bakeoff.errors import UserError
from bakeoff.running.across import across
from bakeoff.running.listing import listing
from bakeoff.running.runs import find_run
from bakeoff.running.store import clean
from bakeoff.submission.api import Pipelines
from bakeoff.submission.fetching import fetch

ROOT = {
    "inputDefinitions": {
        "parameters": {
            "split": {"parameterType": "STRING", "defaultValue": "0.7:0.1:0.2"},
            "limit": {"parameterType": "NUMBER_INTEGER", "defaultValue": 4000.0},
            "seed": {"parameterType": "NUMBER_INTEGER", "defaultValue": 0.0},
            "text_column": {"parameterType": "STRING", "defaultValue": "text"},
        }
    }
}
"""Of a compiled pipeline, what its form has."""
SEEN = "/minio/mlpipeline/v2/artifacts/sentiment/r1"


@pytest.fixture(scope="module")
def at_home(tmp_path_factory):
    """A finished run of this machine."""
    folder = tmp_path_factory.mktemp("home")
    rows = [f"{('bad', 'good')[row % 2]} film {row % 7} {row},{row % 2}" for row in range(80)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    arguments = f"run sentiment --data {folder}/reviews.csv --models nb-counts,logreg-tfidf"
    split = f"--split 0.6:0.2:0.2 --limit 0 --wandb disabled --runs {folder}/runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bakeoff", *arguments.split(), *split.split()])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    return find_run(folder / "runs", "latest")


@pytest.fixture(scope="module")
def comparison(at_home, s3, tmp_path_factory):
    """Its artifacts as KFP's steps on a cluster leave them in S3; the address of the comparison."""
    store = at_home.path.parent / ".store" / at_home.path.name
    copy = tmp_path_factory.mktemp("copy") / "r1"
    shutil.copytree(store, copy)
    for file in copy.rglob("*.json"):
        file.write_text(file.read_text().replace(str(store), SEEN))
    s3.put(f"{copy}/", SEEN.removeprefix("/minio/"), recursive=True)
    return at_home.facts["comparison"].replace(str(store), SEEN.replace("/minio/", "minio://"))


@pytest.fixture
def cluster(kfp, comparison):
    kfp.run_facts = {
        "created_at": "2026-11-27T07:33:39Z",
        "finished_at": "2026-11-27T07:43:02Z",
        "display_name": "mine",
        "pipeline_spec": {"pipeline_spec": {"root": ROOT}, "platform_spec": {"platforms": {}}},
        "runtime_config": {"parameters": {"split": "0.6:0.2:0.2", "limit": 0}},
    }
    driver = node("compare-driver", "Succeeded", **resolved(comparison=comparison))
    kfp.looks = [("SUCCEEDED", workflow(driver, node("compare(0).executor", "Succeeded")))]
    return kfp


def test_report_and_prediction_work_on_what_was_fetched(cluster, at_home, tmp_path):
    found = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs")
    again = find_run(tmp_path / "runs", "latest")
    assert (found, found.path.name) == (again, "20261127-073339-kfp-r1")
    assert found.results["leaderboard"] == at_home.results["leaderboard"]
    assert found.report.read_text().startswith("<!doctype html>")
    assert found.facts["kfp"] == {
        "run_id": "r1",
        "name": "mine",
        "page": f"{cluster.url}/#/runs/details/r1",
    }
    assert found.facts["seconds"] == 9 * 60 + 23
    from bakeoff.running.predict import predict

    texts = ["good film", "bad film"]
    assert predict(found, texts) == predict(at_home, texts)
    loser = next(
        m["model"]
        for m in found.results["leaderboard"]
        if not m["winner"] and m["kind"] != "constant"
    )
    with pytest.raises(UserError, match="bakeoff fetch r1 --models"):
        predict(found, texts, loser)


def test_compare_works_on_what_was_fetched(cluster, at_home, tmp_path):
    runs = tmp_path / "runs"
    found = fetch(Pipelines(cluster.url), "r1", runs, models=["none"])
    told = across([at_home, found])
    [pair] = told["pairs"]
    assert pair["paired"]
    assert (pair["difference"], pair["low"], pair["high"]) == (0, 0, 0)
    same = {"preset", "split", "limit", "seed", "input_column", "models", "content of the data"}
    assert not same & set(told["settings"])
    [row] = listing(runs)
    assert (row["status"], row["model"]) == ("finished", found.results["winner"]["model"])
    assert found.facts["plan"]["limit"] == 0


def test_a_run_whose_evaluations_are_not_there_is_fetched_again(cluster, at_home, tmp_path):
    found = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs", models=["none"])
    for file in (tmp_path / "runs").rglob("evaluation.json"):
        file.unlink()
    with pytest.raises(
        UserError, match=r"what run \S+-kfp-r1 was made from is gone; fetch it again$"
    ):
        across([at_home, found])


def test_a_run_that_reused_everything_is_fetched_by_what_its_report_was_drawn_of(
    cluster, comparison, tmp_path
):
    reused = node("compare-driver", "Succeeded", **resolved(cached=True))
    drawn = node("report-driver", "Succeeded", **resolved(takes={"comparison": comparison}))
    cluster.looks = [
        ("SUCCEEDED", workflow(reused, drawn, node("report(0).executor", "Succeeded")))
    ]
    assert fetch(Pipelines(cluster.url), "r1", tmp_path / "runs").results["leaderboard"]


def test_all_models_can_be_had_later_in_the_same_folder(cluster, tmp_path):
    runs = tmp_path / "runs"
    first = fetch(Pipelines(cluster.url), "r1", runs, models=["none"])
    assert not list(runs.rglob("model.json"))
    assert fetch(Pipelines(cluster.url), "r1", runs, models=["all"]) == first
    assert len(list(runs.rglob("model.json"))) == len(first.results["models"])


def test_evaluate_works_with_the_data(cluster, tmp_path):
    from bakeoff.running.transfer import transfer

    found = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs", data=True)
    other = tmp_path / "other.csv"
    other.write_text("text,label\nnever seen good,1\nnever seen bad,0\n")
    winner = found.results["winner"]["model"]
    columns = {"input_column": "text", "label_column": "label", "skip_bad": False}
    entry = transfer(
        found, str(other), models=[winner], limit=0, class_level=0, watch=lambda *_: None, **columns
    )
    assert entry["rows"] == 2
    # What was done with a run stays when more of it is fetched.
    place = {"project": "films", "suffix": "second", "reports": {}}
    write_json(found.path / "run.json", found.facts | {"wandb": place})
    again = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs", models=["all"])
    assert again.results["transfer"] == [entry]
    assert "other.csv" in again.report.read_text()
    assert again.facts["wandb"] == place


def test_evaluate_without_the_data_says_how_to_fetch_it(cluster, tmp_path):
    from bakeoff.running.transfer import transfer

    found = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs")
    (tmp_path / "other.csv").write_text("text,label\nnever seen good,1\nnever seen bad,0\n")
    winner = found.results["winner"]["model"]
    with pytest.raises(UserError, match=r"trained on was not fetched: bakeoff fetch r1 --data$"):
        transfer(found, str(tmp_path / "other.csv"), models=[winner])


def test_a_model_of_which_a_part_is_gone_is_fetched_again(cluster, tmp_path):
    from bakeoff.running.predict import predict

    found = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs")
    winner = found.results["winner"]
    entries = [(e["model"], e["seed"], e["folder"]) for e in found.results["models"]]
    [folder] = [f for name, seed, f in entries if (name, seed) == (winner["model"], winner["seed"])]
    before = predict(found, ["good film"])
    (Path(folder) / "weights.safetensors").unlink()
    with pytest.raises(UserError, match=f"bakeoff fetch r1 --models {winner['model']}$"):
        predict(found, ["good film"])
    fetch(Pipelines(cluster.url), "r1", tmp_path / "runs")
    assert predict(found, ["good film"]) == before


def test_clean_keeps_what_was_fetched(cluster, tmp_path):
    runs = tmp_path / "runs"
    fetch(Pipelines(cluster.url), "r1", runs, models=["all"])
    before = set(runs.rglob("model.json"))
    clean(runs)
    assert set(runs.rglob("model.json")) == before
    shutil.rmtree(find_run(runs, "latest").path)
    clean(runs)
    assert not list(runs.rglob("model.json"))


def test_no_path_of_the_cluster_is_left(cluster, tmp_path):
    found = fetch(Pipelines(cluster.url), "r1", tmp_path / "runs", models=["all"])
    text = json.dumps(found.results)
    assert "/minio/" not in text
    for entry in found.results["models"]:
        assert (Path(entry["folder"]) / "model.json").exists()
    assert read_json(found.path / "run.json")["status"] == "finished"


def refused(cluster, runs, run="r1", **wanted):
    with pytest.raises(UserError) as caught:
        fetch(Pipelines(cluster.url), run, runs, **wanted)
    assert "\n" not in str(caught.value)
    assert not list(runs.glob("*/run.json"))
    assert not list(runs.rglob("*.parquet"))
    return str(caught.value)


def test_a_run_that_has_not_ended_or_failed_has_no_results(cluster, tmp_path):
    done = cluster.looks[0][1]
    cluster.looks = [("RUNNING", done)]
    assert "wait for its end: bakeoff follow r1" in refused(cluster, tmp_path)
    cluster.looks = [("FAILED", done)]
    assert "run r1 is failed" in refused(cluster, tmp_path)
    assert "no run r2" in refused(cluster, tmp_path, "r2")


def test_of_a_run_whose_workflow_was_deleted_no_end_is_promised(cluster, tmp_path, monkeypatch):
    kubernetes = FakeKubernetes()
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig(tmp_path)))
    cluster.looks = [("RUNNING", cluster.looks[0][1])]
    doubtful = refused(cluster, tmp_path)
    kubernetes.objects[f"{CORE}/services/ml-pipeline:8888/proxy/apis/v2beta1/runs/r1"] = {}
    certain = refused(cluster, tmp_path)
    kubernetes.close()
    assert "; the kubeconfig's cluster has no workflow wf" in doubtful
    assert "; somebody deleted its workflow wf" in certain
    assert certain.endswith("submit it again")


def test_what_is_no_bake_off_is_refused(cluster, tmp_path, s3):
    cluster.looks = [("SUCCEEDED", workflow())]
    assert "no comparison of run r1" in refused(cluster, tmp_path)
    s3.pipe("mlpipeline/other/file", b"x")
    driver = node("compare-driver", "Succeeded", **resolved(comparison="minio://mlpipeline/other"))
    other = workflow(driver, node("compare(0).executor", "Succeeded"))
    cluster.looks = [("SUCCEEDED", other)]
    assert "holds no results.json" in refused(cluster, tmp_path)


def test_artifacts_that_are_gone_are_told_with_the_way_to_the_store(cluster, tmp_path, comparison):
    gone = comparison.replace("mlpipeline", "nowhere")
    driver = node("compare-driver", "Succeeded", **resolved(comparison=gone))
    cluster.looks = [("SUCCEEDED", workflow(driver, node("compare(0).executor", "Succeeded")))]
    assert "minio://nowhere/" in refused(cluster, tmp_path)


def test_a_store_of_the_cluster_is_not_looked_for_at_amazon(cluster, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr("bakeoff.remote.KFP_ENDPOINT", "http://localhost:1")
    message = refused(cluster, tmp_path)
    assert "AWS_ENDPOINT_URL" in message
    assert "port-forward service/seaweedfs" in message


def test_a_model_nobody_knows_is_refused(cluster, tmp_path):
    message = refused(cluster, tmp_path, models=["nb-count"])
    assert "did you mean 'nb-counts'" in message


def test_another_version_is_refused(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("bakeoff.submission.fetching.RESULTS_FORMAT", 10**6)
    assert "another version of bakeoff" in refused(cluster, tmp_path)
