"""Whole bake-offs on real reviews, run by kfp.local as a user runs them."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from locally import run_here
from rich.console import Console

import bakeoff
from bakeoff.artifacts import read_json
from bakeoff.errors import UserError
from bakeoff.plans import plan
from bakeoff.running.predict import predict
from bakeoff.running.progress import Progress
from bakeoff.running.runs import RunFolder, find_run
from bakeoff.running.store import clean, store
from bakeoff.s3 import Folder
from bakeoff.training.settings import CHECKPOINTS

SECRETS = ("WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "KFP_TOKEN", "KFP_STORE_SECRET_KEY")


def small_plan(data, **settings):
    return plan(
        "sentiment",
        "quick",
        **{
            "models": ["nb-counts"],
            "data": str(data),
            "input_column": "review",
            "label_column": "stars",
            **settings,
        },
    )


def run(chosen, root, watch=lambda _: None, **settings):
    return run_here(chosen, root, watch, **settings)


def command(data, root, models):
    """The command line of a run of `small_plan`."""
    return [
        *[sys.executable, "-c", "from bakeoff.cli import main; main()", "run", "sentiment"],
        *["--data", str(data), "--text-column", "review", "--label-column", "stars"],
        *["--models", models, "--runs", str(root), "--wandb", "disabled", "--image", "python"],
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, reviews_csv):
    """One run with a classical model and a network of two epochs."""
    root = tmp_path_factory.mktemp("runs")
    chosen = small_plan(reviews_csv, models=["nb-counts", "rnn-64"])
    network = chosen.models["rnn-64"]
    short = replace(
        network, max_tokens=32, training=replace(network.training, epochs=2, least_steps=0)
    )
    chosen = replace(chosen, models={**chosen.models, "rnn-64": short})
    events = []
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.setenv(name, f"hush-hush-{name}")
        return run(chosen, root, events.append), chosen, root, events


def test_no_secret_stands_in_what_a_run_leaves(finished):
    files = [path for path in finished[2].rglob("*") if path.is_file()]
    assert {"report.html", "results.json", "log.txt", "manifest.json"} <= {f.name for f in files}
    assert not [file for file in files if b"hush-hush" in file.read_bytes()]


def test_a_run_leaves_a_report_and_results(finished):
    folder = finished[0]
    assert {p.name for p in folder.path.iterdir()} == {
        "run.json",
        "results.json",
        "report.html",
        "pipeline.yaml",
        "log.txt",
    }
    board = folder.results["leaderboard"]
    assert {row["model"] for row in board} == {"nb-counts", "rnn-64", "largest-class"}
    for row in board:
        assert 0 <= row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] <= 1
    by_name = {row["model"]: row for row in board}
    assert by_name["nb-counts"]["accuracy"] > 0.65
    assert "nb-counts" in folder.report.read_text()


def test_epochs_are_told_while_it_runs(finished):
    events = finished[3]
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [1, 2]
    names = [e["task"] for e in events if e["event"] == "task" and e["state"] == "finished"]
    assert sorted(names) == [
        *["audit", "compare", "evaluate", "plan", "prepare", "report", "train", "train"]
    ]


def test_the_group_of_a_run_is_in_all_it_leaves(finished):
    results = finished[0].results
    assert results["group"].startswith("sentiment-quick-")
    assert finished[0].facts["group"] == results["group"]
    recorded = [model["wandb"] for model in results["models"]]
    assert {one["group"] for one in recorded} == {results["group"]}
    assert len({one["id"] for one in recorded}) == 2
    assert not {event["event"] for event in finished[3]} & {"error", "crash"}


def test_every_model_predicts(finished):
    folder = finished[0]
    for model in ("", "nb-counts", "rnn-64"):
        rows = predict(folder, ["a wonderful film, simply great", "awful, boring, bad"], model)
        assert [set(row["probabilities"]) for row in rows] == [{"bad", "good"}] * 2
    with pytest.raises(UserError, match="did you mean 'nb-counts'"):
        predict(folder, ["x"], "nb-count")


def test_nothing_changed_reuses_everything_and_says_so(finished):
    _, chosen, root, _ = finished
    console = Console(file=io.StringIO(), width=100)
    with Progress(chosen, console) as progress:
        # An image is not what these steps run in.
        again = run(chosen, root, progress.see, image="registry.example/other:1")
    progress.show(again)
    assert len(again.facts["reused"]) == 8
    assert again.results["leaderboard"] == finished[0].results["leaderboard"]
    said = " ".join(console.file.getvalue().split())
    assert "1/8 plan reused" in said
    assert "train-text-network rnn-64 seed 0 reused" in said
    assert "8/8 report reused" in said
    tasks = (
        "plan, prepare, audit, train-text-classical, train-text-network, evaluate, compare, report"
    )
    [listed] = re.findall(r"reused from earlier runs: (.*) \(of 8 steps\)", said)
    assert sorted(listed.split(", ")) == sorted(tasks.split(", "))


def test_runs_of_the_same_second_have_folders_of_their_own(finished):
    _, chosen, root, _ = finished
    now = datetime.now(UTC)
    for seconds in range(5):
        moment = now + timedelta(seconds=seconds)
        (root / f"{moment:%Y%m%d-%H%M%S}-sentiment-quick").mkdir(exist_ok=True)
    again = run(chosen, root)
    assert again.path.name.endswith("-sentiment-quick-2")
    assert find_run(root, "latest").results == again.results


_ALL_BUT_REPORT = "audit, compare, evaluate, plan, prepare, train-text-classical"


@pytest.mark.parametrize(
    ("modules", "change", "reused"),
    [
        ("report/page.py", "changed = 1", _ALL_BUT_REPORT),
        ("text/classical/ngrams.py", "changed = 1", "plan, prepare"),
        (
            "**/*.py",
            "# Changed.",
            "audit, compare, evaluate, plan, prepare, report, train-text-classical",
        ),
        (
            # Of another model.
            "text/registry.py",
            'MODELS["nb-tfidf"] = MODELS["svm-tfidf"]',
            "audit, compare, evaluate, prepare, report, train-text-classical",
        ),
        (
            "vision/*.py",
            "changed = 1",
            "audit, compare, evaluate, plan, prepare, report, train-text-classical",
        ),
    ],
)
def test_changed_code_runs_its_step_and_what_follows_again(
    finished, tmp_path, reviews_csv, modules, change, reused
):
    """A copy of the code goes on from what the unchanged code left, as far as that goes."""
    run(small_plan(reviews_csv), finished[2])
    code = tmp_path / "code" / "bakeoff"
    installed = Path(bakeoff.__file__).parent
    unseen = shutil.ignore_patterns("__pycache__")
    shutil.copytree(installed, code, ignore=unseen)
    for room in ("components", "pipelines"):
        source = Path(import_module(f"bakeoff.{room}").__file__).parent
        shutil.copytree(source, code / room, ignore=unseen, dirs_exist_ok=True)
    for module in code.glob(modules):
        source = module.read_text()
        # The source of a component is in the task itself, and so is a comment in its body.
        source = re.sub(r"(?m)^    from pathlib import Path$", rf"    {change}\n\g<0>", source)
        module.write_text(f"{source}\n{change}\n")
    done = subprocess.run(
        command(reviews_csv, finished[2], "nb-counts"),
        env={**os.environ, "PYTHONPATH": str(code.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    [listed] = re.findall(r"reused from earlier runs: (.*) \(of 7 steps\)", said)
    assert ", ".join(sorted(listed.split(", "))) == reused
    latest = find_run(finished[2], "latest")
    assert latest.results["run"]["id"] == latest.path.name
    assert latest.results["run"]["command"].startswith("bakeoff run sentiment --data ")
    assert f"run {latest.path.name}</a>" in latest.report.read_text(encoding="utf-8")


def test_changed_data_is_noticed(finished, tmp_path, reviews_csv):
    _, _, root, _ = finished
    copy = tmp_path / "reviews.csv"
    copy.write_text(reviews_csv.read_text())
    chosen = small_plan(copy)
    run(chosen, root)
    copy.write_text(reviews_csv.read_text() + "One more film that was good,good\n")
    again = run(chosen, root)
    assert again.facts["reused"] == []
    assert again.results["dataset"]["source"]["rows"] == 601


def test_latest_and_unknown_runs(finished):
    root = finished[2]
    assert find_run(root, "latest").results
    with pytest.raises(UserError, match="unknown run 'lates': did you mean 'latest'"):
        find_run(root, "lates")
    with pytest.raises(UserError, match="no finished run"):
        find_run(root / "empty", "latest")


def test_refused_data_is_one_line_and_leaves_no_run(tmp_path, reviews_csv):
    with pytest.raises(UserError, match="review, stars"):
        run(small_plan(reviews_csv, input_column="body"), tmp_path)
    assert not list(tmp_path.glob("2*"))
    assert not list(store(tmp_path).glob("2*"))


def steps(root):
    """The steps whose artifacts are in the store."""
    return {path.parents[1].name for path in store(root).rglob("manifest.json")}


def test_a_run_whose_page_was_not_drawn_has_not_finished(tmp_path, reviews_csv, monkeypatch):
    def full(_, path):
        raise UserError(f"cannot write {path}: no space left")

    monkeypatch.setattr("bakeoff.report.write_report", full)
    chosen = small_plan(reviews_csv, models=["nb-counts"])
    with pytest.raises(UserError, match="no space left"):
        run(chosen, tmp_path)
    [left] = tmp_path.glob("2*")
    assert RunFolder(left).status == "failed"
    with pytest.raises(UserError, match="no finished run"):
        find_run(tmp_path, "latest")
    monkeypatch.undo()
    again = run(chosen, tmp_path)
    assert find_run(tmp_path, "latest") == again
    assert len(again.facts["reused"]) >= 4, "what had finished"


def test_a_moved_run_keeps_its_models_and_goes_on(finished, tmp_path):
    """Copied, as to another machine; what it was made from is gone from where it was made."""
    first, chosen, root, _ = finished
    board, moved = first.results["leaderboard"], tmp_path / "moved"
    shutil.copytree(root, moved)
    for folder in moved.glob("2*"):
        if folder.name != first.path.name:
            shutil.rmtree(folder)
    hidden = root.rename(tmp_path / "hidden")
    try:
        before = steps(moved)
        removed = clean(moved)
        assert store(moved) / first.path.name not in removed
        assert before - steps(moved) == set()
        copy = RunFolder(moved / first.path.name)
        for model in ("nb-counts", "rnn-64"):
            assert predict(copy, ["fine"], model)[0]["probabilities"]
        again = run(chosen, moved)
        assert len(again.facts["reused"]) == 7
        assert again.results["leaderboard"] == board
        shutil.rmtree(copy.path)
        assert clean(moved)
        assert predict(again, ["fine"], "rnn-64")
    finally:
        hidden.rename(root)


def test_clean_removes_all_when_no_run_is_left(tmp_path, reviews_csv):
    run(small_plan(reviews_csv), tmp_path)
    for folder in tmp_path.glob("2*"):
        shutil.rmtree(folder)
    assert clean(tmp_path)
    assert steps(tmp_path) == set()
    assert not list((store(tmp_path) / ".kfp_cache").glob("*"))


def test_a_killed_run_holds_the_store_until_its_steps_have_ended_too(tmp_path, reviews_csv):
    process = subprocess.Popen(
        command(reviews_csv, tmp_path, "nb-counts"), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while "prepare" not in steps(tmp_path):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    [child] = subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()
    process.kill()
    process.wait()
    folder = RunFolder(next(tmp_path.glob("2*")))
    assert folder.status == "running"
    with pytest.raises(UserError, match="a bake-off is running in"):
        clean(tmp_path)
    os.killpg(int(child), signal.SIGKILL)
    while folder.status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert folder.status == "interrupted"
    clean(tmp_path)
    assert "prepare" in steps(tmp_path)


@pytest.mark.parametrize("in_s3", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_interrupted_then_resumed(tmp_path, reviews_csv, s3_server, monkeypatch, in_s3):
    """Ctrl-C in the middle of a training: one line, code 2, nobody left; then it goes on."""
    if in_s3:
        monkeypatch.setenv(CHECKPOINTS, f"{s3_server}/kept")

    def kept():
        here = list(store(tmp_path).glob("checkpoints/*/*"))
        return Folder(f"{s3_server}/kept").names() if in_s3 else here

    arguments = command(reviews_csv, tmp_path, "rnn-64")
    process = subprocess.Popen(
        arguments,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # Whoever runs the tests in the background may have Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 300
    while not kept():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.strip().splitlines()[-1].startswith("error: interrupted; run the same command")
    assert "Traceback" not in errors
    folder = next(tmp_path.glob("2*"))
    assert read_json(folder / "run.json")["status"] == "interrupted"
    left = subprocess.run(
        ["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert [p for p in left.stdout.split() if int(p) != os.getpid()] == []

    resumed = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert "reused from earlier runs: plan, prepare" in resumed.stdout
    assert not kept()
