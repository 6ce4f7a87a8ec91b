"""A real bake-off that was recorded offline, brought to a server that speaks W&B's protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from locally import run_here

from bakeoff.errors import UserError
from bakeoff.plans import plan
from bakeoff.running import sync as sync_module
from bakeoff.running.runs import RunFolder
from bakeoff.running.sync import report_to_wandb, sync

sys.path.append(str(Path(__file__).parents[1] / "tracking"))
from wandb_server import HISTORY, Stored, WandbServer

pytestmark = pytest.mark.slow
KEY = "5ec4e7" * 6 + "abcd"


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path) -> RunFolder:
    """Two networks of two epochs that the study asks about, and a classical model."""
    chosen = plan(
        "sentiment",
        "quick",
        models=["nb-counts", "lstm-1", "bilstm"],
        changes=["training.epochs=2", "training.least_steps=0", "max_tokens=16"],
        data=str(reviews_csv),
        input_column="review",
        label_column="stars",
    )
    return run_here(replace(chosen, threads=1), tmp_path_factory.mktemp("runs"), wandb="offline")


@pytest.fixture
def copied(offline: RunFolder, tmp_path: Path) -> RunFolder:
    """The same run in a folder of its own, as if it had been moved."""
    shutil.copytree(offline.path.parent, tmp_path / "runs")
    return RunFolder(tmp_path / "runs" / offline.path.name)


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with WandbServer() as running:
        yield running


def start(
    run: RunFolder, *words: str, server: WandbServer, **variables: str
) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if "WANDB" not in name}
    return subprocess.Popen(
        [
            *[sys.executable, "-c", "from bakeoff.cli import main; main()"],
            *[*words, "--runs", str(run.path.parent)],
        ],
        env={**inherited, "WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY, **variables},
        cwd=run.path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def bakeoff(
    run: RunFolder, *words: str, server: WandbServer, **variables: str
) -> tuple[int, list[str], str]:
    """Exit code, printed lines and stderr of a command."""
    process = start(run, *words, server=server, **variables)
    out, err = process.communicate(timeout=300)
    return process.returncode, out.splitlines(), err


def trainings(run: RunFolder, server: WandbServer) -> dict[str, Stored]:
    entries = run.results["models"]
    return {entry["model"]: server.runs[entry["wandb"]["id"]] for entry in entries}


def whole(run: RunFolder, server: WandbServer) -> None:
    """Everything is there, once."""
    assert not server.unknown
    results = run.results
    for entry in results["models"]:
        stored = server.runs[entry["wandb"]["id"]]
        steps = [row["_step"] for row in stored.history]
        assert steps == list(range(1, len(entry["history"]) + 2)), entry["model"]
        curve = [(e["epoch"], e["train_loss"]) for e in entry["history"]]
        assert stored.curve("train/loss") == curve
        assert stored.summary["test/accuracy"] == entry["test"]["accuracy"]
        assert stored.facts["groupName"] == results["group"]
        assert stored.facts["displayName"] == f"{entry['model']}-seed0"
        data, model = sorted(set(stored.used), key=lambda name: name == stored.id)
        assert data.startswith("reviews.csv-")
        assert model == stored.id
    kinds = [artifact["artifactTypeName"] for artifact in server.artifacts.values()]
    assert [kinds.count(kind) for kind in ("dataset", "model", "evaluation")] == [1, 3, 3]
    (board,) = [r for r in server.runs.values() if r.facts["displayName"] == "leaderboard"]
    assert board.summary["winner"] == results["winner"]["model"]
    assert [row for row in board.history if {"leaderboard", "comparisons"} <= set(row)]


def sections(view: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Heading → blocks below it, of a saved report."""
    found: dict[str, list[dict[str, Any]]] = {}
    for block in json.loads(view["spec"])["blocks"]:
        if block["type"] == "heading":
            below = found.setdefault(block["children"][0]["text"], [])
        elif found:
            below.append(block)
    return found


def bound(block: dict[str, Any]) -> set[str]:
    """The ids of the runs that a panel grid shows."""
    (runs,) = block["metadata"]["runSets"]
    (condition,) = runs["filters"]["filters"]
    assert (condition["key"], condition["op"]) == ({"section": "run", "name": "name"}, "IN")
    return set(condition["value"])


def test_a_run_is_uploaded_once_and_reported(copied: RunFolder, server: WandbServer) -> None:
    code, out, err = bakeoff(copied, "sync", server=server)
    assert (code, err) == (0, "")
    whole(copied, server)
    stored = trainings(copied, server)
    assert all(run.lines["wandb-events.jsonl"] for run in stored.values()), "system metrics"
    assert [line.split("\t")[0] for line in out[:-1]] == [
        *(entry["folder"].rpartition("/")[2] for entry in copied.results["models"]),
        "leaderboard",
    ]
    (view,) = server.views.values()
    assert out[-1].startswith(f"{server.url}/somebody/bakeoff/reports/")
    found = sections(view)
    text, grid = [b for b in found["Is bilstm better than lstm-1?"] if b["type"] != "paragraph"]
    assert text["content"].startswith("bilstm is ")
    assert "McNemar p " in text["content"]
    assert bound(grid) == {stored["bilstm"].id, stored["lstm-1"].id}
    assert {"Leaderboard", "What is worth its cost?", "How do they learn?"} <= set(found)
    code, out, err = bakeoff(copied, "sync", server=server)
    assert (code, err) == (0, "")
    whole(copied, server)
    assert len(server.views) == 1, "the report takes the place of the earlier one"
    assert not (copied.path.parent / "wandb").exists(), "nothing is left where it was called"
    said = json.dumps([server.views, [vars(run) for run in server.runs.values()]], default=str)
    assert KEY not in said


def test_it_goes_on_where_it_was_cut_off(copied: RunFolder, server: WandbServer) -> None:
    process = start(copied, "sync", server=server)
    deadline = time.monotonic() + 120
    while not any(run.used for run in server.runs.values()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None
    process.kill()
    process.communicate()
    for stored in server.runs.values():
        stored.lines[HISTORY] = stored.lines.get(HISTORY, [])[:1]
    assert bakeoff(copied, "sync", server=server)[0] == 0
    whole(copied, server)


@pytest.fixture
def hasty(server: WandbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads from this process, which waits for seconds only."""
    for name, value in (("BASE_URL", server.url), ("API_KEY", KEY), ("SILENT", "true")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setattr(sync_module, "GRACE_SECONDS", 2.0)
    monkeypatch.setattr(sync_module, "BYTES_PER_SECOND", 1e9)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("trouble", ["hang", "500", "drop"])
def test_a_server_that_fails_for_ever_is_given_up(
    trouble: str, copied: RunFolder, server: WandbServer
) -> None:
    first = copied.results["models"][0]
    started = {"ServerFeaturesQuery", "Viewer", "Run", "RunResumeStatus", "UpsertBucket"}
    server.trouble = lambda name: "" if name in started else trouble
    watched: list[tuple[str, str]] = []
    with pytest.raises(UserError) as refused:
        sync(copied, watch=lambda *seen: watched.append(seen))
    name = first["folder"].rpartition("/")[2]
    assert watched == [(name, "")]
    address = server.url.removeprefix("http://")
    assert f"W&B at {address} did not take {name} within 2 s" in str(refused.value)
    assert "the same command goes on" in str(refused.value)
    server.trouble = lambda _: trouble
    with pytest.raises(UserError, match="did not take the report within 2 s"):
        report_to_wandb(copied)
    assert "wandb" not in copied.facts


@pytest.mark.usefixtures("hasty")
def test_it_goes_on_once_a_server_that_hung_is_back(
    copied: RunFolder, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [entry["folder"].rpartition("/")[2] for entry in copied.results["models"]]
    second = copied.results["models"][1]["wandb"]["id"]
    there: dict[str, str] = {}
    # One upload has as long as it needs; then it hangs.
    monkeypatch.setattr(sync_module, "GRACE_SECONDS", 120.0)
    server.trouble = lambda _: "hang" if second in server.runs else ""

    def watch(name: str, url: str) -> None:
        there[name] = url
        if name == names[1]:
            monkeypatch.setattr(sync_module, "GRACE_SECONDS", 2.0)

    with pytest.raises(UserError, match=f"did not take {names[1]} within 2 s"):
        sync(copied, watch=watch)
    assert [bool(there.get(name)) for name in names] == [True, False, False]
    server.trouble = lambda _: ""
    assert bakeoff(copied, "sync", server=server)[0] == 0
    whole(copied, server)


def test_what_was_deleted_is_said_and_a_suffix_makes_new_runs(
    copied: RunFolder, server: WandbServer
) -> None:
    first = copied.results["models"][0]["wandb"]["id"]
    server.deleted.add(first)
    code, _, err = bakeoff(copied, "sync", server=server)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "was deleted" in err
    assert "--wandb-suffix NAME" in err
    code, _, err = bakeoff(copied, "sync", "--wandb-suffix", "again", server=server)
    assert (code, err) == (0, "")
    assert f"{first}-again" in server.runs
    # What follows is of the runs that are there.
    code, _, err = bakeoff(copied, "report", "--wandb", server=server)
    assert (code, err, len(server.views)) == (0, "", 1)
    (view,) = server.views.values()
    shown = bound(sections(view)["Leaderboard"][-1])
    boards = {r.id for r in server.runs.values() if r.facts["displayName"] == "leaderboard"}
    assert shown == boards
    assert bakeoff(copied, "sync", server=server)[0] == 0
    assert {r.id for r in server.runs.values() if r.facts["displayName"] == "leaderboard"} == boards


def test_a_run_stays_in_the_project_it_was_brought_to(
    copied: RunFolder, server: WandbServer
) -> None:
    assert bakeoff(copied, "sync", server=server, WANDB_PROJECT="films")[0] == 0
    code, out, _ = bakeoff(copied, "report", "--wandb", server=server)
    assert code == 0
    assert "/somebody/films/reports/" in out[0]
    assert list(server.views) == ["V0"], "in place of the first"
    code, _, err = bakeoff(copied, "report", "--wandb", server=server, WANDB_PROJECT="books")
    assert (code, len(server.views)) == (2, 1)
    assert "is not in the W&B project books: upload it with bakeoff sync" in err


def test_a_sync_that_only_began_a_run_uploads_everything(
    copied: RunFolder, server: WandbServer
) -> None:
    process = start(copied, "sync", server=server)
    while not server.runs and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    first = copied.results["models"][0]["wandb"]["id"]
    server.runs[first].lines.clear()
    assert bakeoff(copied, "sync", server=server)[0] == 0
    whole(copied, server)
    assert all(run.lines["wandb-events.jsonl"] for run in trainings(copied, server).values())


def test_a_report_needs_runs_in_wandb(copied: RunFolder, server: WandbServer) -> None:
    code, _, err = bakeoff(copied, "report", "--wandb", server=server)
    assert code == 2
    assert "upload it with bakeoff sync" in err
    assert not server.views


def test_trials_that_were_recorded_offline_are_uploaded_once(
    tmp_path: Path, reviews_csv: Path, server: WandbServer
) -> None:
    chosen = plan(
        "sentiment",
        "quick",
        models=["nb-counts"],
        data=str(reviews_csv),
        input_column="review",
        label_column="stars",
        tune="2",
    )
    run = run_here(replace(chosen, threads=1), tmp_path, wandb="offline")
    for _ in range(2):
        code, out, err = bakeoff(run, "sync", server=server)
        assert (code, err) == (0, "")
        assert [line.split("\t")[0] for line in out[:-1]] == [
            *("nb-counts-seed0", "nb-counts-trial0-seed0", "nb-counts-trial1-seed0", "leaderboard"),
        ]
        trials = {
            stored.facts["displayName"]: stored
            for stored in server.runs.values()
            if stored.facts["jobType"] == "trial"
        }
        assert set(trials) == {"nb-counts-trial0-seed0", "nb-counts-trial1-seed0"}
        for number, stored in enumerate(trials[name] for name in sorted(trials)):
            assert stored.facts["groupName"] == run.results["group"]
            assert stored.config["trial"]["value"] == number
