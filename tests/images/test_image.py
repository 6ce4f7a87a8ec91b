"""The CPU image, built by a real engine: no root, no network at start, locked versions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bakeoff
from bakeoff.container import IMAGE
from bakeoff.running.predict import predict
from bakeoff.running.runs import find_run

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run(command: str, *options: str) -> str:
    """Output of a Python program in a container that has no network."""
    return docker("run", "--rm", "--network", "none", *options, IMAGE, "python3", "-c", command)


@pytest.fixture(scope="module")
def config() -> dict:
    """The image's configuration, after `make images`."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"]).returncode:
        pytest.skip("no Docker engine answers")
    built = subprocess.run(["make", "images"], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return json.loads(docker("image", "inspect", IMAGE))[0]["Config"]


def test_user_is_a_number_other_than_root(config: dict) -> None:
    user, group = config["User"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert run("import os; print(os.getuid(), os.getgid())") == f"{user} {group}"


def test_labels_name_version_and_commit(config: dict) -> None:
    assert config["Labels"]["org.opencontainers.image.version"] == bakeoff.__version__
    assert re.fullmatch(
        r"[0-9a-f]{40}(-dirty)?|unknown", config["Labels"]["org.opencontainers.image.revision"]
    )


@pytest.mark.usefixtures("config")
def test_everything_is_inside_under_the_rights_of_a_restricted_pod() -> None:
    restricted = (
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
    )
    program = """
import gensim, kfp, ray, sklearn, torch, wandb
import bakeoff.components, bakeoff.pipelines
print(torch.ones(2, 2).matmul(torch.ones(2, 2)).sum().item(), bakeoff.__version__)"""
    assert run(program, *restricted) == f"8.0 {bakeoff.__version__}"


@pytest.mark.usefixtures("config")
def test_kuberay_finds_what_it_calls_in_the_image() -> None:
    """bash, `ray start`, and the dashboard's job submission; no wget, as Ray's version is told."""
    options = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--entrypoint=/bin/bash")
    command = "ulimit -n; ray --version; python -c 'import ray.dashboard.modules.job.job_head'"
    said = docker("run", "--rm", "--network", "none", *options, IMAGE, "-c", command)
    assert "ray, version" in said


@pytest.mark.usefixtures("config")
def test_a_change_of_bakeoff_is_a_small_layer() -> None:
    sizes = docker("history", "--human=false", "--format={{.Size}}", IMAGE).split()
    newest, before, *_ = [int(size) for size in sizes if int(size)]
    assert newest < 20e6 < before


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("user", ["", "12345:0", f"{os.getuid()}:{os.getgid()}"])
def test_home_is_writable_for_any_user(user: str) -> None:
    program = """
import getpass, pathlib
(pathlib.Path.home() / "probe").write_text(getpass.getuser())
print((pathlib.Path.home() / "probe").read_text())"""
    options = ["--user", user] if user else []
    assert run(program, *options) == "bakeoff"


@pytest.mark.usefixtures("config")
def test_versions_are_the_locked_ones() -> None:
    locked = set((ROOT / "constraints.txt").read_text().lower().replace("-", "_").split("\n"))
    program = """
import importlib.metadata as m
for d in m.distributions(): print(d.metadata["Name"], d.version.split("+")[0], sep="==")"""
    installed = set(run(program).lower().replace("-", "_").split("\n"))
    unlocked = {name.split("==")[0] for name in installed - locked}
    # What torch brings along where it comes with CUDA it pins itself.
    unlocked -= {name for name in unlocked if name.startswith(("nvidia_", "cuda_", "triton"))}
    assert unlocked <= {"pip", "setuptools", "wheel", "bakeoff"}


@pytest.mark.usefixtures("config")
def test_command_line_answers() -> None:
    assert "Usage" in docker("run", "--rm", "--network", "none", IMAGE)


def bakeoff_in_containers(reviews: Path, runs: Path, *options: str) -> subprocess.CompletedProcess:
    command = "run sentiment --runner docker --text-column review --label-column stars"
    return subprocess.run(
        [
            *[sys.executable, "-c", "from bakeoff.cli import main; main()", *command.split()],
            *["--data", str(reviews), "--runs", str(runs), "--wandb", "disabled", *options],
        ],
        capture_output=True,
        text=True,
    )


@pytest.mark.usefixtures("config")
def test_a_bake_off_runs_in_containers(reviews_csv: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    lineup = ("--models", "nb-counts,fasttext,ensemble")
    done = bakeoff_in_containers(reviews_csv, runs, *lineup)
    assert done.returncode == 0, done.stderr
    found = find_run(runs, "latest")
    assert {row["model"] for row in found.results["leaderboard"]} == {
        *lineup[1].split(","),
        "largest-class",
    }
    assert found.report.read_text().startswith("<!doctype html>")
    assert predict(found, ["a wonderful film"], "nb-counts")[0]["label"] == "good"
    assert not docker("ps", "--all", "--quiet", f"--filter=label=bakeoff.run={found.path.name}")
    again = bakeoff_in_containers(reviews_csv, runs, *lineup)
    assert "reused from earlier runs" in again.stdout


@pytest.mark.usefixtures("config")
def test_a_failing_container_is_one_line(tmp_path: Path) -> None:
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("review,stars\nfine,good\n")
    done = bakeoff_in_containers(reviews, tmp_path / "runs", "--models", "nb-counts")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "single class 'good'" in done.stderr


@pytest.mark.usefixtures("config")
def test_an_image_that_is_not_there_is_one_line(reviews_csv: Path, tmp_path: Path) -> None:
    done = bakeoff_in_containers(reviews_csv, tmp_path / "runs", "--image", "no-such:1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no image no-such:1: build it with `make images`")
