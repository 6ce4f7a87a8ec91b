"""k8s/kind.sh with stand-ins for what it calls: says what is missing, and may be run again."""

import os
import subprocess
import time
from pathlib import Path
from socket import create_server

import pytest

SCRIPT = Path(__file__).parents[2] / "k8s" / "kind.sh"
RUN = "c4abbb22-680d-4f65-b3a6-c32a8f78bc39"
SYSTEM = ["bash", "dirname", "grep", "cat", "sh", "seq", "sleep", "sed", "mktemp", "tee", "base64"]
SYSTEM += ["tail", "rm"]
STAND_INS = {
    "docker": 'case "$1" in info) echo ${MEMORY:-8589934592};; version) [ -z "$NO_ENGINE" ];; '
    'image) [ -z "$NO_IMAGE" ] && echo ${ID:-sha256:0123456789abcdef};; esac',
    "kind": 'echo "kind $*" >>"$CALLS"; [ "$1 $2" != "get clusters" ] || cat "$CLUSTERS"',
    "kubectl": 'echo "kubectl $*" >>"$CALLS"; case "$*" in *port-forward*) '
    'case "$*" in *"$TAKEN:"*) exit 1;; esac; port=${*##* }; '
    'echo "forwards $$" >>"$CALLS"; echo "Forwarding from 127.0.0.1:${port%:*} -> 1"; '
    "exec sleep 20;; esac",
    "git": ":",
}


@pytest.fixture
def kind(tmp_path):
    """Runs the script; gives exit code, what it said and what it called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    calls, clusters = tmp_path / "calls", tmp_path / "clusters"
    clusters.write_text("")

    def run(*arguments, without=(), there=False, **variables):
        for name in without:
            (folder / name).unlink()
        clusters.write_text("bakeoff\n" if there else "other\n")
        calls.write_text("")
        system = tmp_path / "system"
        system.mkdir(exist_ok=True)
        for name in SYSTEM:
            if not (system / name).exists():
                source = next(p for p in map(Path, ("/bin", "/usr/bin")) if (p / name).exists())
                (system / name).symlink_to(source / name)
        done = subprocess.run(
            ["bash", str(SCRIPT), *arguments],
            env={
                **{"PATH": f"{folder}:{system}", "IMAGE": "bakeoff:1", "HOME": os.environ["HOME"]},
                **{"CALLS": str(calls), "CLUSTERS": str(clusters), "TAKEN": "none", **variables},
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr, calls.read_text()

    return run


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"without": ["kind", "git"]}, "missing: kind git"),
        ({"NO_ENGINE": "1"}, "no Docker engine answers"),
        ({"NO_IMAGE": "1"}, "there is no image bakeoff:1: make images"),
        ({"MEMORY": "4294967296"}, "has 4 GiB of memory, and 8 are needed"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_made(kind, settings, said):
    code, told, calls = kind("up", **settings)
    assert code == 1
    assert said in told
    assert "create" not in calls


@pytest.mark.parametrize(
    ("printed", "fetched"),
    [
        (f"run {RUN}\\n  5:23  run {RUN} succeeded", True),
        (f"run {RUN}", False),
        ("recurring run 1b1f9", False),
    ],
)
def test_what_has_ended_is_fetched(kind, tmp_path, printed, fetched):
    """Not a run that goes on without anybody, or comes again and again."""
    (tmp_path / "bakeoff").write_text(f"#!/bin/sh\necho \"$*\" >>$CALLS\nprintf '{printed}\\n'\n")
    (tmp_path / "bakeoff").chmod(0o755)
    arguments = ("submit", "sentiment", "--threads", "2")
    code, told, calls = kind(*arguments, there=True, BIN=str(tmp_path))
    assert code == 0, told
    assert (f"fetch {RUN}" in calls) is fetched
    # What a person says comes last, and so counts.
    usual = "--image bakeoff:1-0123456789ab --threads 1 --resources small"
    assert f"submit {usual} sentiment --threads 2" in calls
    forwards = [int(line.split()[1]) for line in calls.splitlines() if "forwards " in line]
    assert len(forwards) == 2
    patience = time.monotonic() + 10
    while left := [pid for pid in forwards if Path("/proc", str(pid)).exists()]:
        assert time.monotonic() < patience, f"processes {left} are left"
        time.sleep(0.01)


def test_another_build_has_another_name_in_the_cluster(kind):
    """By which KFP's cache tells its steps from those of the old one."""
    _, _, first = kind("up")
    _, _, second = kind("up", ID="sha256:fedcba9876543210")
    assert "kind load docker-image bakeoff:1 bakeoff:1-0123456789ab --name" in first
    assert "kind load docker-image bakeoff:1 bakeoff:1-fedcba987654 --name" in second


def test_a_port_that_is_taken_is_not_taken_for_ours(kind):
    """Somebody else answers there."""
    with create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, told, calls = kind("submit", "sentiment", there=True, S3_PORT=port, TAKEN=port)
    assert code == 1
    assert f"the ports 8080 and {port} cannot be forwarded: are they taken?" in told
    assert "bakeoff submit" not in calls


def test_up_makes_a_cluster_once(kind):
    code, _, calls = kind("up")
    assert code == 0
    assert "kind create cluster --name bakeoff" in calls
    assert "kind load docker-image bakeoff:1 bakeoff:1-0123456789ab --name bakeoff" in calls
    assert "apply -k k8s/overlays/kind" in calls
    code, _, again = kind("up", there=True)
    assert code == 0
    assert "create" not in again
    assert again.splitlines()[1:] == calls.splitlines()[2:]


def test_all_is_pinned_and_goes_to_that_cluster_alone(kind):
    _, _, calls = kind("up")
    applied = [line for line in calls.splitlines() if "github.com" in line]
    assert len(applied) == 3
    assert all("?ref=2.17.0" in line or "?ref=v1.7.0" in line for line in applied)
    kubectl = [line for line in calls.splitlines() if line.startswith("kubectl")]
    assert all(line.startswith("kubectl --context kind-bakeoff ") for line in kubectl)


def test_down_may_be_run_again(kind):
    assert "kind delete cluster --name bakeoff" in kind("down", there=True)[2]
    code, told, calls = kind("down")
    assert (code, "there is no cluster" in told, "delete" in calls) == (0, True, False)


@pytest.mark.parametrize("command", ["submit", "open"])
def test_without_a_cluster_it_says_how_to_get_one(kind, command):
    code, told, _ = kind(command)
    assert (code, told) == (1, "cluster: there is no cluster bakeoff: make cluster-up\n")
