"""What arrives at a server that speaks W&B's protocol, from the real client."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bakeoff_steps import EPOCHS, IDENTITY
from wandb_server import Stored, WandbServer

from bakeoff.tracking.identity import SUFFIX

KEY = "5ec4e7" * 6 + "abcd"
ID = IDENTITY.run_id("rnn-64", 0)
WANDB = shutil.which("wandb") or str(Path(sys.executable).parent / "wandb")


def command(*parts: str, server: WandbServer, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    return subprocess.run(
        parts,
        env={
            **inherited,
            "WANDB_MODE": "online",
            "WANDB_BASE_URL": server.url,
            "WANDB_API_KEY": KEY,
            "WANDB_ERROR_REPORTING": "false",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def steps(
    folder: Path, *jobs: str, server: WandbServer, **variables: str
) -> subprocess.CompletedProcess[str]:
    script = str(Path(__file__).parent / "bakeoff_steps.py")
    done = command(sys.executable, script, str(folder), *jobs, server=server, **variables)
    assert done.returncode == 0, done.stderr
    return done


def offline_folders(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.glob("wandb/offline-run-*"))]


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with WandbServer() as running:
        yield running


def whole(stored: Stored) -> None:
    """A run of training and evaluation, however it came here."""
    assert stored.curve("train/loss") == [(e, 1 / e) for e in range(1, EPOCHS + 1)]
    assert [x for x, _ in stored.curve("train/loss", "examples")] == [70, 140, 210, 280, 350]
    assert [x for x, _ in stored.curve("train/loss", "seconds")] == [1.5, 3.0, 4.5, 6.0, 7.5]
    steps = [row["_step"] for row in stored.history]
    assert steps == sorted(set(steps)), "no step comes twice"
    (charts,) = [row for row in stored.history if "evaluation/step" in row]
    for name in ("mistakes", "classes", "calibration", "confusion_matrix", "roc", "pr"):
        assert any(key.startswith(f"evaluation/{name}") for key in charts), name
    assert stored.summary["test/accuracy"] == 0.5
    assert stored.summary["held_out/accuracy"] == 0.75
    assert stored.summary["parameters"] == 1234
    assert stored.summary["validation/accuracy"] == {"max": 0.55}
    assert stored.summary["train/loss"] == {"min": 0.2}
    assert stored.facts["groupName"] == "a-group"
    assert stored.facts["displayName"] == "rnn-64-seed0"


def directions(stored: Stored) -> dict[str, str]:
    """Figure → which way is better, as `define_metric` said; numbers are the protocol's."""
    told = {1: "min", 2: "max"}
    return {
        definition["1"]: told[number]
        for definition in stored.definitions
        for number in definition.get("7", [])
        if "1" in definition and number in told
    }


def test_training_goes_on_and_evaluation_joins_it(server: WandbServer, tmp_path: Path) -> None:
    done = steps(
        tmp_path, "train:1:3", f"train:1:{EPOCHS}", "evaluate", "leaderboard", server=server
    )
    assert done.stderr == ""
    assert not server.unknown
    assert set(server.runs) == {ID, IDENTITY.of_whole().run_id("leaderboard", None)}
    stored = server.runs[ID]
    whole(stored)
    assert stored.config["dropout"] == {"value": 0.3}
    assert stored.config["data_hash"] == {"value": "d0c5"}
    assert stored.facts["commit"] == "c0ffee"
    better = directions(stored)
    assert (better["test/accuracy"], better["held_out/log_loss"]) == ("max", "min")
    assert stored.lines["wandb-events.jsonl"], "system metrics"
    names = {artifact["artifactCollectionName"]: artifact for artifact in server.artifacts.values()}
    kinds = {name: artifact["artifactTypeName"] for name, artifact in names.items()}
    assert kinds["reviews.csv-d0c5d0c5"] == "dataset"
    assert kinds[ID] == "model"
    assert kinds[f"{ID}-evaluation"] == "evaluation"
    assert names[ID]["files"] == ["model.json"]
    assert stored.used[-1] == ID, "the evaluation comes from the model"
    assert "reviews.csv-d0c5d0c5" in stored.used
    (board,) = [run for run in server.runs.values() if run.facts["jobType"] == "leaderboard"]
    assert board.facts["displayName"] == "leaderboard"
    assert board.facts["groupName"] == "a-group"
    assert {"leaderboard", "comparisons"} <= set(board.history[0])
    assert board.summary["winner"] == "rnn-64"
    assert KEY not in str([vars(run) for run in server.runs.values()])


def test_curves_come_also_where_only_the_evaluation_is_there(
    server: WandbServer, tmp_path: Path
) -> None:
    steps(tmp_path, "evaluate", f"train:1:{EPOCHS}", f"train:1:{EPOCHS}", server=server)
    whole(server.runs[ID])


def test_two_folders_of_one_run_are_uploaded_in_order(server: WandbServer, tmp_path: Path) -> None:
    steps(tmp_path, f"train:1:{EPOCHS}", "evaluate", server=server, WANDB_MODE="offline")
    assert not server.asked
    folders = offline_folders(tmp_path)
    assert len(folders) == 2
    command(WANDB, "sync", *reversed(folders), server=server)
    assert not server.unknown
    assert set(server.runs) == {ID}
    whole(server.runs[ID])
    assert server.runs[ID].lines["wandb-events.jsonl"], "system metrics"


def test_an_id_that_was_deleted_is_said_and_a_suffix_makes_another(
    server: WandbServer, tmp_path: Path
) -> None:
    server.deleted.add(ID)
    done = steps(tmp_path, f"train:1:{EPOCHS}", server=server, BAKEOFF_EVENTS=str(tmp_path))
    (line,) = done.stderr.splitlines()
    assert "was deleted" in line
    assert "--wandb-suffix" in line
    assert len(offline_folders(tmp_path)) == 1, "nothing is lost"
    steps(tmp_path, "leaderboard", server=server, BAKEOFF_EVENTS=str(tmp_path))
    (board,) = server.runs.values()
    assert board.facts["jobType"] == "leaderboard", "other runs are recorded online all the same"
    done = steps(tmp_path, f"train:1:{EPOCHS}", server=server, **{SUFFIX: "again"})
    assert done.stderr == ""
    assert set(server.runs) == {f"{ID}-again", board.id}


@pytest.mark.parametrize("trouble", ["hang", "500", "drop"])
def test_a_server_that_fails_in_the_middle_is_said_once_in_a_bake_off(
    trouble: str, server: WandbServer, tmp_path: Path
) -> None:
    started = {"RunResumeStatus", "UpsertBucket"}
    server.trouble = lambda name: "" if name in started else trouble
    events = tmp_path / "events"
    events.mkdir()
    limits = {"BAKEOFF_EVENTS": str(events), "WANDB_HTTP_TIMEOUT": "2"}
    training, compared = (
        steps(tmp_path, "limits:4:30:2", job, server=server, **limits)
        for job in (f"train:1:{EPOCHS}", "leaderboard")
    )
    _, seconds = map(float, training.stdout.split())
    assert seconds < 25, "the end of a training waits for a bounded time"
    (line,) = training.stderr.splitlines()
    assert line.endswith("did not take everything in time; `bakeoff sync` uploads what is missing")
    assert compared.stderr == "", "who comes later neither waits nor says it again"
    (board,) = offline_folders(tmp_path)
    assert "leaderboard" in board
