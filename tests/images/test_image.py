"""The CPU image, built by a real engine: no root, no network at start, locked versions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from bakeoff.components.image import IMAGE

import bakeoff

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def docker(*arguments: str) -> str:
    return subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def run(command: str, *options: str) -> str:
    """Output of a Python program in a container that has no network."""
    return docker("run", "--rm", "--network", "none", *options, IMAGE, "python3", "-c", command)


@pytest.fixture(scope="module")
def config() -> dict:
    """The image's configuration, after `make images`."""
    try:
        docker("version")
    except (FileNotFoundError, subprocess.CalledProcessError):
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
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[\[=<>!~ ]", name)[0] for name in project["dependencies"]]
    program = f"""
import importlib.metadata, kfp, ray, sklearn, torch
from bakeoff import components, pipelines
for name in {names}: importlib.metadata.version(name)
assert torch.ones(2, 2).matmul(torch.ones(2, 2)).sum() == 8
import bakeoff; print(bakeoff.__version__)"""
    assert run(program, *restricted).splitlines()[-1] == bakeoff.__version__


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
    assert unlocked <= {"pip", "setuptools", "wheel", "bakeoff"}


@pytest.mark.usefixtures("config")
def test_command_line_answers() -> None:
    assert "Usage" in docker("run", "--rm", "--network", "none", IMAGE)
