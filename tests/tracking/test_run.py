"""Runs of the real W&B client, offline or against a server that never answers."""

import doctest
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.tracking import Identity, open_run, records
from bakeoff.tracking import run as run_module
from bakeoff.training.trained import Trained

IDENTITY = Identity(
    group="a-group",
    key="a-key",
    about={"study": "sentiment", "data_hash": "d0c5", "rows": {"train": 70, "test": 20}},
)
KEY = "5ec4e7" * 6 + "abcd"
CONFIG = {
    "hidden": 64,
    "training": {"learning_rate": 0.002},
    "data": "s3://me:hunter2@host/reviews.csv?X-Amz-Signature=hunter4",
    "aws_secret": "hunter3",
}


def record(epoch: int) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "train_loss": 1 / epoch,
        "train_accuracy": 0.5,
        "validation_loss": 0.7,
        "validation_accuracy": 0.6,
        "learning_rate": 0.002,
        "seconds": 1.5,
    }


def training() -> dict[str, Any]:
    """What training.json says, as far as it is recorded."""
    return {
        "history": [record(epoch) for epoch in (1, 2, 3)],
        "layers": [{"name": "embedding", "type": "Embedding", "output_shape": "(B, T, 8)"}],
        "parameters": 1234,
        "seconds": 5.5,
        "threads": 2,
        "facts": {"vocabulary": 900},
    }


def evaluation() -> dict[str, Any]:
    row = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "accuracy": 0.5}
    metrics = {
        "n": 4,
        "accuracy": 0.5,
        "per_class": [{"label": name, **row} for name in ("negative", "positive")],
        "calibration": [
            {"low": 0.5, "high": 0.6, "mean_probability": 0.55, "accuracy": 0.5, "n": 4},
            {"low": 0.6, "high": 0.7, "mean_probability": 0.0, "accuracy": 0.0, "n": 0},
        ],
    }
    mistake = {
        "id": 7,
        "text": "Not <b>bad</b>!",
        "label": "positive",
        "predicted": "negative",
        "probability": 0.99,
    }
    return {
        "classes": ["negative", "positive"],
        "test": metrics,
        "validation": {**metrics, "accuracy": 0.75},
        "mistakes": [mistake],
        "size_bytes": 1002,
        "kind": "text-network",
        **training(),
    }


def trained() -> Trained:
    return Trained(
        name="rnn-64",
        seed=0,
        kind="text-network",
        config=CONFIG | {"dropout": 0.3},
        validation_probabilities=np.zeros((1, 2)),
        save=lambda _: None,
        **training(),
    )


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "a-project")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(run_module, "FINISH_SECONDS", {"online": 30.0, "offline": 60.0})


def read_back(folder: Path) -> dict[str, Any]:
    """The one run in a folder: its own record, config, summary, history, artifacts and files."""
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    wandb = shutil.which("wandb") or str(Path(sys.executable).parent / "wandb")
    lines = subprocess.run(
        [wandb, "leet", "inspect", str(path), "--json"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    read: dict[str, Any] = {"config": {}, "summary": {}, "history": [], "artifacts": []}
    for line in map(json.loads, lines):
        content = line.get(line["type"], {})
        if line["type"] == "run":
            read["run"] = content
            read["config"] |= content["config"]["update"]
        elif line["type"] == "config":
            read["config"] |= content["update"]
        elif line["type"] == "summary":
            read["summary"] |= content["update"]
        elif line["type"] == "history":
            read["history"].append(content["item"])
        elif line["type"] == "artifact":
            read["artifacts"].append(content)
    read["files"] = [str(p.relative_to(path.parent / "files")) for p in path.parent.rglob("*.json")]
    return read


def test_doctests() -> None:
    assert doctest.testmod(records) == (0, 2)


@pytest.mark.usefixtures("offline")
def test_training_is_recorded(tmp_path: Path, capfd: Any) -> None:
    with open_run("rnn-64", 0, CONFIG, tmp_path, job="train", identity=IDENTITY) as run:
        run.start(steps=10, costs=[1] * 3)
        run.step(epoch=1, step=5, steps=10, loss=0.6)
        for epoch in (1, 2, 3):
            run.epoch(record(epoch))
        run.log_training(trained())
    read = read_back(tmp_path)
    assert read["run"]["run_id"] == IDENTITY.run_id("rnn-64", 0)
    assert (read["run"]["project"], read["run"]["run_group"]) == ("a-project", "a-group")
    assert (read["run"]["display_name"], read["run"]["job_type"]) == ("rnn-64-seed0", "train")
    assert read["config"]["hidden"] == 64
    assert (read["config"]["study"], read["config"]["data_hash"]) == ("sentiment", "d0c5")
    assert read["config"]["rows"] == {"train": 70, "test": 20}
    assert read["config"]["steps_per_epoch"] == 10
    assert read["config"]["dropout"] == 0.3, "settings that training filled in"
    curve = {row["epoch"]: row["train/loss"] for row in read["history"] if "train/loss" in row}
    assert curve == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3)}
    over = {row["examples"]: row["seconds"] for row in read["history"] if "examples" in row}
    assert over == {70: 1.5, 140: 3.0, 210: 4.5}
    assert read["summary"]["parameters"] == 1234
    assert read["summary"]["facts/vocabulary"] == 900
    assert [name for name in read["files"] if "layers" in name]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("offline")
def test_evaluation_adds_no_point_to_the_curves(tmp_path: Path) -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    model = tmp_path / "rnn-64-seed0"
    model.mkdir()
    (model / "model.json").write_text("{}")
    (model / "weights.safetensors").write_bytes(b"0" * 1000)
    with open_run("rnn-64", 0, CONFIG, tmp_path, job="evaluate", identity=IDENTITY) as run:
        run.log_evaluation(evaluation(), model, np.array([0, 1, 0, 1]), probabilities)
    read = read_back(tmp_path)
    assert read["run"]["run_id"] == IDENTITY.run_id("rnn-64", 0), "continues the training's run"
    assert read["summary"]["test/accuracy"] == 0.5
    assert read["summary"]["held_out/accuracy"] == 0.75
    assert read["summary"]["parameters"] == 1234, "the second of two folders replaces the first"
    points = [key for row in read["history"] for key in row if not key.startswith("_")]
    assert points
    assert all(key.startswith("evaluation/") for key in points)
    for name in ("mistakes", "classes", "calibration", "confusion_matrix", "roc", "pr"):
        assert [file for file in read["files"] if f"evaluation/{name}" in file], name
    (artifact,) = [a for a in read["artifacts"] if a["type"] == "model"]
    paths = {entry["path"]: entry["local_path"] for entry in artifact["manifest"]["contents"]}
    assert paths == {p.name: str(p) for p in model.iterdir()}, "a later sync finds the files"


@pytest.mark.usefixtures("offline")
def test_secrets_stay_out(tmp_path: Path) -> None:
    with open_run("rnn-64", 0, CONFIG, tmp_path, job="train", identity=IDENTITY) as run:
        run.epoch(record(1))
    config = read_back(tmp_path)["config"]
    assert config["data"] == "s3://host/reviews.csv"
    assert "aws_secret" not in config
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (KEY, "hunter2", "hunter3", "hunter4"):
        assert secret.encode() not in written


@pytest.mark.parametrize("mode", ["", "disabled"])
def test_disabled_does_nothing(mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    threads = threading.active_count()
    with open_run("rnn-64", 0, CONFIG, tmp_path, job="train", identity=IDENTITY) as run:
        run.start(steps=1, costs=[1] * 1)
        run.epoch(record(1))
        assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("offline")
def test_a_failing_client_is_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with open_run("rnn-64", 0, CONFIG, tmp_path, job="train", identity=IDENTITY) as run:
        for epoch in range(1, 10):
            run.epoch(record(epoch))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: Weights & Biases cannot record this run (")
    assert line.endswith("training goes on without it")


@pytest.mark.usefixtures("offline")
def test_a_refused_record_does_not_stop_the_others(tmp_path: Path, capsys: Any) -> None:
    with open_run("rnn-64", 0, CONFIG, tmp_path, job="train", identity=IDENTITY) as run:
        run.submit(lambda *_: 1 / 0)
        run.epoch(record(1))
    assert read_back(tmp_path)["history"][0]["train/loss"] == 1.0
    assert "refused a record (division by zero)" in capsys.readouterr().err


@pytest.mark.usefixtures("offline")
def test_a_full_queue_drops_and_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setattr(run_module, "QUEUE_LENGTH", 5)
    monkeypatch.setitem(run_module.FINISH_SECONDS, "offline", 0.3)
    blocked = threading.Event()
    run = open_run("rnn-64", 0, CONFIG, tmp_path, job="train", identity=IDENTITY)
    run.submit(lambda *_: blocked.wait(30))
    started = time.monotonic()
    for epoch in range(1, 100):
        run.epoch(record(epoch))
    run.finish()
    assert time.monotonic() - started < 1
    blocked.set()
    (line,) = capsys.readouterr().err.splitlines()
    assert "too slow; some records are dropped" in line


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept())
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_a_server_that_never_answers_costs_training_nothing(
    silent_server: str, tmp_path: Path
) -> None:
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from bakeoff.tracking import Identity, open_run, run as module

        IDENTITY = Identity(group="a-group", key="a-key")
        module.INIT_SECONDS = 2
        calls = 0.0
        for seed in (0, 1):
            which = {"job": "train", "identity": IDENTITY}
            with open_run("rnn-64", seed, {}, Path(sys.argv[1]), **which) as run:
                started = time.monotonic()
                run.start(steps=10, costs=[1] * 3)
                for epoch in range(1, 200):
                    run.epoch({"epoch": epoch, "train_loss": 0.1, "seconds": 1.0})
                calls += time.monotonic() - started
                finish = time.monotonic()
        print(calls, time.monotonic() - finish, flush=True)
        """
    )
    inherited = {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"}
    environment = {
        **inherited,
        "WANDB_MODE": "online",
        "WANDB_BASE_URL": silent_server,
        "WANDB_API_KEY": KEY,
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0
    calls, second_finish = map(float, done.stdout.split())
    assert calls < 1, "400 records are handed over at once"
    assert second_finish < 8, "the second run does not wait for the server again"
    (line,) = done.stderr.splitlines()
    assert "does not answer (" in line
    assert line.endswith(": check the network and WANDB_BASE_URL; recording offline")
    offline = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert len(offline) == 2, "nothing is lost: both can be synced"


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Takes no key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"errors": [{"message": "user is not logged in"}], "data": null}'
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("key", [KEY, "too-short"])
def test_a_rejected_key_is_said_to_whoever_watches(key: str, tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = textwrap.dedent(
        """
        import json, sys
        from pathlib import Path
        from bakeoff import events
        from bakeoff.tracking import Identity, open_run

        identity = Identity(group="a-group", key="a-key")
        with events.heard(lambda event: print(json.dumps(event))):
            with open_run(
                "rnn-64", 0, {}, Path(sys.argv[1]), job="train", identity=identity
            ) as run:
                run.epoch({"epoch": 1, "train_loss": 0.1, "seconds": 1.0})
        """
    )
    inherited = {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={
            **inherited,
            "WANDB_MODE": "online",
            "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "WANDB_API_KEY": key,
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    server.shutdown()
    server.server_close()
    warning = json.loads(done.stdout)
    assert warning["event"] == "warning"
    assert warning["message"].startswith("Weights & Biases rejected the key, from WANDB_API_KEY")
    assert warning["message"].endswith("recording offline")
    assert "rnn-64" not in warning["message"], "all runs say the same"
    assert key not in done.stdout + done.stderr
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb")), "nothing is lost"
