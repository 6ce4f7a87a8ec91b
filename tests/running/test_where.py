"""Where networks train, and how many workers share a training: what of it decides results."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from locally import run_here

from bakeoff.artifacts import read_json
from bakeoff.errors import UserError
from bakeoff.plans import plan
from bakeoff.running import local
from bakeoff.running.runs import find_run
from bakeoff.running.store import store
from bakeoff.training.settings import CHECKPOINTS, WHERE


@pytest.fixture
def begun(monkeypatch, tmp_path, reviews_csv):
    """A run that is stopped before its first step: its pipeline, the environment of its steps, and
    what containers would be given besides.
    """

    def begun(where="inline", workers=1):
        seen = []

        def stop(folder, environment, *_, **__):
            mounts = read_json(folder / "job.json")["mounts"]
            seen.extend([(folder / "pipeline.yaml").read_text(), environment, mounts])
            raise UserError("stopped")

        monkeypatch.setattr(local, "_execute", stop)
        chosen = plan(
            "sentiment", "quick", models=["rnn-64"], data=str(reviews_csv), workers=workers
        )
        with pytest.raises(UserError, match="stopped"):
            run_here(chosen, tmp_path, where=where)
        return seen

    return begun


@pytest.fixture
def compiled(begun):
    """The pipeline, which is all that tells steps apart for the cache; where it would have trained;
    and its workers.
    """

    def compiled(where, workers):
        pipeline, environment, _ = begun(where, workers)
        components = next(iter(yaml.safe_load_all(pipeline)))["components"].values()
        tasks = {
            name: t for c in components for name, t in c.get("dag", {"tasks": {}})["tasks"].items()
        }
        parameters = tasks["train-text-network"]["inputs"]["parameters"]
        return pipeline, environment[WHERE], parameters["workers"]["runtimeValue"]["constant"]

    return compiled


def test_a_training_is_known_by_its_workers_and_not_by_where_they_are(compiled):
    inline, where, workers = compiled("inline", 1)
    assert (where, workers) == ("inline", 1)
    assert compiled("ray", 1) == (inline, "ray", 1)
    pipeline, where, workers = compiled("ray", 2)
    assert (where, workers) == ("ray", 2)
    assert pipeline != inline


def test_containers_are_given_the_folder_of_the_checkpoints(begun, tmp_path, monkeypatch):
    monkeypatch.delenv(CHECKPOINTS, raising=False)
    _, environment, usual = begun()
    assert environment[CHECKPOINTS] == str(store(tmp_path) / "checkpoints")
    assert [str(store(tmp_path)), True] in usual
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CHECKPOINTS, "kept/here")
    _, environment, mounts = begun()
    kept = tmp_path / "kept" / "here"
    assert environment[CHECKPOINTS] == str(kept)
    assert kept.is_dir(), "engines mount no folder that is not there"
    assert mounts[-1] == [str(kept), True]
    assert len(mounts) == len(usual) + 1
    monkeypatch.setenv(CHECKPOINTS, "s3://bucket/kept")
    _, environment, mounts = begun()
    assert environment[CHECKPOINTS] == "s3://bucket/kept"
    assert len(mounts) == len(usual)


TOLD = """
from bakeoff.cli import main
from bakeoff.running.progress import Progress
def see(self, event):
    figures = [event[name] for name in ("train_loss", "validation_loss", "validation_accuracy")]
    print("epoch", event["epoch"], *figures)
Progress._see_epoch = see
main()
"""
"""`bakeoff` that prints what it hears of each epoch."""


def ran(data, root, *where):
    """What a bake-off printed, and the run."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", TOLD, "run", "sentiment", "--data", str(data)),
            *("--models", "rnn-64", "--set", "training.epochs=3", "--threads", "1"),
            *("--runs", str(root), "--wandb", "disabled", *where),
        ],
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, find_run(root, "latest")


def weights(root):
    return {
        f"{file.parent.name}/{file.name}": file.read_bytes()
        for file in store(root).rglob("*.safetensors")
    }


def figures(run):
    """What a run says of its model, but for what it cost."""
    [model] = run.results["models"]
    epochs = [{k: v for k, v in r.items() if k != "seconds"} for r in model["history"]]
    return model["test"], model["validation"], epochs


@pytest.mark.slow
def test_one_worker_on_ray_trains_and_tells_what_the_step_itself_does(tmp_path, reviews_csv):
    said, inline = ran(reviews_csv, tmp_path / "inline")
    told, on_ray = ran(reviews_csv, tmp_path / "workers", "--where", "ray", "--workers", "1")
    assert figures(on_ray) == figures(inline)
    assert weights(tmp_path / "inline")
    assert weights(tmp_path / "workers") == weights(tmp_path / "inline")
    epochs = [line for line in said.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1", "2", "3"]
    assert [line for line in told.splitlines() if line.startswith("epoch ")] == epochs
    log = (on_ray.path / "log.txt").read_text()
    assert not re.findall(r"(?i).*\b(?:ray|raylet|gcs)\b.*", told + log)
    again, reusing = ran(reviews_csv, tmp_path / "workers")
    assert "epoch " not in again
    assert len(reusing.facts["reused"]) == 7
