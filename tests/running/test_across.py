"""Runs compared: real bake-offs on one test split in two orders, and on another one."""

import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bakeoff
import bakeoff.cli
from bakeoff.artifacts import read_json, write_json
from bakeoff.errors import UserError
from bakeoff.evaluation.predictions import read_evaluations
from bakeoff.report.across import sentence, write_page
from bakeoff.running.across import across
from bakeoff.running.listing import listing
from bakeoff.running.runs import RunFolder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def runs(root, reviews_csv):
    """The same split in two orders, the first with two models; another split."""
    frame = pd.read_csv(reviews_csv)
    frame["part"] = np.resize(["train"] * 7 + ["validation", "test", "test"], len(frame))
    shuffled = frame.sample(frac=1, random_state=3)

    def run(data, models="nb-counts", **options):
        options |= {"models": models, "wandb": "disabled", "runs": root}
        return bakeoff.run("text", data=data, **options).run

    return [
        run(frame, "nb-counts,logreg-tfidf", split_column="part"),
        run(shuffled, split_column="part"),
        run(frame, seed=1),
    ]


def test_the_same_rows_in_another_order_are_the_same_split(runs):
    found = across(runs[:2], model="nb-counts")
    [pair] = found["pairs"]
    assert pair["paired"]
    # The same model: only if every row meets itself is there no difference anywhere.
    assert (pair["difference"], pair["low"], pair["high"], pair["p"]) == (0, 0, 0, 1)
    assert pair["verdict"] == "undecided"
    assert "All were tested on the same 120 texts: tests are paired" in sentence(found)
    assert "data" in found["settings"]
    assert "seed" not in found["settings"]
    assert not [name for name in found["settings"] if name.startswith("model.")]


def test_winners_are_compared_as_within_a_run(runs):
    """The pair of A's two models, once within A and once across A and B."""
    found = across(runs[:2])
    results = runs[0].results
    winner = results["winner"]["model"]
    assert [run["model"] for run in found["runs"]] == [winner, "nb-counts"]
    board = {row["model"]: row for row in results["leaderboard"]}
    [pair] = found["pairs"]
    assert pair["difference"] == pytest.approx(
        board[winner]["accuracy"] - board["nb-counts"]["accuracy"]
    )
    if winner != "nb-counts":
        [within] = (p for p in results["comparisons"] if p["second"] == "nb-counts")
        assert pair["p"] == pytest.approx(within["p"])
    for key in ("accuracy", "accuracy_low", "accuracy_high"):
        assert found["runs"][0][key] == pytest.approx(board[winner][key])


def test_another_split_is_said_and_not_paired(runs):
    found = across(runs, model="nb-counts")
    paired = {f"{pair['first']}{pair['second']}": pair["paired"] for pair in found["pairs"]}
    assert paired == {"AB": True, "AC": False, "BC": False}
    apart = next(pair for pair in found["pairs"] if pair["second"] == "C")
    assert apart["low"] < apart["difference"] < apart["high"]
    said = sentence(found)
    assert "Tested on other texts are A and C, B and C: their tests are not paired" in said
    assert found["settings"]["seed"] == [0, 0, 1]


def test_other_metrics_have_a_direction(runs):
    found = across(runs[:2], metric="log-loss")
    least = min(found["runs"], key=lambda run: run["log_loss"])
    assert sentence(found).startswith(f"{least['letter']} ({least['model']}) has the best test log")


def test_classes_that_differ_are_not_compared(runs, root, tmp_path):
    copy = tmp_path / "runs"
    shutil.copytree(root, copy)
    other = RunFolder(copy / runs[2].path.name)
    results = read_json(other.path / "results.json")
    results["dataset"]["modality"] = "image"
    write_json(other.path / "results.json", results)
    assert "Tested on other rows are A and B" in sentence(across([runs[0], other]))
    write_json(other.path / "results.json", results | {"classes": ["bad", "fine"]})
    found = across([runs[0], other])
    assert (found["pairs"], found["apart"]) == ([], [["A", "B"]])
    nothing = "differ: these figures say nothing of each other."
    assert sentence(found) == f"The classes of A and B {nothing}"
    among = across([*runs[:2], other], model="nb-counts")
    said = sentence(among)
    assert said.startswith("A (nb-counts) has the best test accuracy of A and B, ")
    assert "cannot be told from B. A and B were tested on the same 120 texts: tests are" in said
    assert said.endswith(f"The classes of A and C, and of B and C {nothing}")
    assert "All" not in said


@pytest.mark.parametrize(
    ("places", "options", "line"),
    [
        ([0], {}, "name two runs or more, each once"),
        ([0, 0], {}, "name two runs or more, each once"),
        ([0, 1], {"model": "logreg-tfidf"}, "unknown model of run .* 'logreg-tfidf'"),
        ([0, 1], {"metric": "acuracy"}, "did you mean 'accuracy'"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, places, options, line):
    with pytest.raises(UserError, match=line):
        across([runs[place] for place in places], **options)


def test_a_run_whose_artifacts_are_gone_is_refused(runs, tmp_path):
    copy = tmp_path / "runs"
    copy.mkdir()
    for run in runs[:2]:
        shutil.copytree(run.path, copy / run.path.name)
        facts = read_json(copy / run.path.name / "run.json")
        gone = facts | {"comparison": str(copy / ".store" / "gone")}
        write_json(copy / run.path.name / "run.json", gone)
    with pytest.raises(UserError, match=r"what run .* was made from is gone; run its command"):
        across([RunFolder(copy / run.path.name) for run in runs[:2]])


def test_a_run_that_an_earlier_version_evaluated_is_refused(runs, monkeypatch):
    def without_keys(artifacts):
        found = read_evaluations(artifacts)
        return [replace(e, test=replace(e.test, keys=np.zeros_like(e.test.keys))) for e in found]

    monkeypatch.setattr("bakeoff.running.across.read_evaluations", without_keys)
    with pytest.raises(UserError, match="of another version of bakeoff; run its command again"):
        across(runs[:2])


def test_the_page_tells_the_same(runs, tmp_path):
    found = across(runs)
    write_page(found, tmp_path / "compare.html")
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert sentence(found).partition(",")[0] in page
    assert page.count("unpaired</td>") == 2
    assert all(run.path.name in page for run in runs)
    assert "src=" not in page


@pytest.fixture
def cli(monkeypatch, capsys, root):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bakeoff", *arguments, "--runs", str(root)])
        with pytest.raises(SystemExit) as stopped:
            bakeoff.cli.main()
        assert not stopped.value.code
        return capsys.readouterr().out

    return run


def test_the_command_writes_the_page_and_prints_what_it_says(runs, root, cli):
    names = [run.path.name for run in runs]
    out = cli("compare", *names)
    assert out.rstrip().endswith((root / "compare.html").resolve().as_uri())
    assert all(name in out for name in names)
    told = json.loads(cli("compare", *names, "--json"))
    assert told["verdict"] in out
    assert [run["run"] for run in told["runs"]] == names


def test_runs_are_listed_the_newest_first(runs, root, cli):
    rows = listing(root)
    assert [row["run"] for row in rows] == [run.path.name for run in runs[::-1]]
    for row, run in zip(rows[::-1], runs, strict=True):
        best = run.results["winner"]["model"]
        board = {one["model"]: one for one in run.results["leaderboard"]}
        assert (row["status"], row["model"], row["study"]) == ("finished", best, "text")
        assert row["score"] == board[best]["accuracy"]
        assert re.fullmatch("frame [0-9a-f]{6}", row["data"])
        assert 0 <= row["age"] < 3600
        assert row["bytes"] > (run.path / "report.html").stat().st_size
    out = cli("runs")
    assert max(map(len, out.splitlines())) <= 80
    assert [line.split()[0] for line in out.splitlines()[2:]] == [row["run"] for row in rows]
    assert json.loads(cli("runs", "--json"))[0]["run"] == rows[0]["run"]


def test_runs_that_did_not_finish_or_are_damaged_are_listed_too(tmp_path):
    def made(name, content):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content)

    plan = {"study": "text", "preset": "quick", "data": "s3://here/a.csv"}
    facts = {"status": "failed", "created": "2026-05-01T12:00:00+00:00", "plan": plan}
    made("20260501-120000-text-quick", json.dumps(facts))
    made("20260502-120000-text-quick", "{")
    made("20260503-120000-old", json.dumps({"status": "finished"}))
    rows = {row["run"]: row for row in listing(tmp_path)}
    failed = rows["20260501-120000-text-quick"]
    assert (failed["status"], failed["data"], failed["score"]) == ("failed", "a.csv", None)
    assert rows["20260502-120000-text-quick"]["status"] == "damaged"
    assert len(rows) == 3
    assert listing(tmp_path / "nowhere") == []
