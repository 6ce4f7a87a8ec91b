"""Every pipeline, tiny, on a real cluster: `make e2e`, on what KUBECONFIG names.

KFP_HOST and AWS_ENDPOINT_URL name KFP and its object store; without them their ports are forwarded.
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY come from KFP's own secret, BAKEOFF_IMAGE is the image.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

NAMESPACE = os.environ.get("KFP_NAMESPACE", "kubeflow")
BAKEOFF = str(Path(sys.executable).with_name("bakeoff"))
SMALL = ("--preset", "quick", "--threads", "1", "--resources", "small", "--wandb", "disabled")
RUNS = {
    "sentiment": ("--models", "nb-counts,rnn-64", "--limit", "600", "--set", "training.epochs=2"),
    "autoencoder": ("--models", "ae-linear-frozen", "--limit", "300", "--set", "training.epochs=2"),
    "resnet": ("--models", "resnet18", "--limit", "300", "--set", "training.epochs=1"),
}
ON_RAYJOBS = {"resnet"}
SHORTEST = "autoencoder"
SPEAK_TO_KFP = {"submit", "fetch", "follow", "cancel"}
ENDED = 3600


def kubectl(*arguments: str) -> str:
    done = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def forwarded(service: str, port: int) -> Iterator[str]:
    """The address at which a service of the cluster is reached from here."""
    with subprocess.Popen(
        ["kubectl", "-n", "kubeflow", "port-forward", f"service/{service}", f":{port}"],
        stdout=subprocess.PIPE,
        text=True,
    ) as forwarding:
        assert forwarding.stdout
        found = re.search(r"127\.0\.0\.1:(\d+)", forwarding.stdout.readline())
        assert found, f"the port of {service} cannot be forwarded"
        yield f"http://127.0.0.1:{found[1]}"
        forwarding.terminate()


def secret(key: str) -> str:
    path = f"jsonpath={{.data.{key}}}"
    found = kubectl("-n", NAMESPACE, "get", "secret", "mlpipeline-minio-artifact", "-o", path)
    return base64.b64decode(found).decode()


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What `bakeoff` needs to reach the cluster."""
    with ExitStack() as ports:

        def address(variable: str, service: str, port: int) -> str:
            return os.environ.get(variable) or ports.enter_context(forwarded(service, port))

        yield {
            **os.environ,
            "KFP_HOST": address("KFP_HOST", "ml-pipeline-ui", 80),
            "AWS_ENDPOINT_URL": address("AWS_ENDPOINT_URL", "seaweedfs", 9000),
            "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID") or secret("accesskey"),
            "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY") or secret("secretkey"),
            "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        }


def bakeoff(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    there = ("--namespace", NAMESPACE) if arguments[0] in SPEAK_TO_KFP else ()
    return subprocess.run(
        [BAKEOFF, *arguments, *there],
        env=environment,
        capture_output=True,
        text=True,
        timeout=ENDED,
    )


def of_ray() -> set[str]:
    """RayJobs and RayClusters that bakeoff made."""
    ours = ("-l", "app.kubernetes.io/managed-by=bakeoff", "-o", "name")
    kinds = "rayjobs.ray.io,rayclusters.ray.io"
    return set(kubectl("-n", NAMESPACE, "get", kinds, "--ignore-not-found", *ours).split())


@pytest.fixture(scope="module", autouse=True)
def others() -> set[str]:
    """Those that are there before."""
    return of_ray()


@pytest.fixture(scope="module", params=RUNS)
def submitted(request, environment, tmp_path_factory):
    """A study that ran to its end and was fetched: its name, id, folder of runs, what was told."""
    study = request.param
    runs = tmp_path_factory.mktemp(study)
    run_id, told = held(environment, study, runs)
    return study, run_id, runs, told


def held(environment: dict[str, str], study: str, runs: Path) -> tuple[str, str]:
    """The id of a run of a study that ended and was fetched, and what was told of it."""
    where = ("--where", "rayjob") if study in ON_RAYJOBS else ()
    done = bakeoff(environment, "submit", study, *SMALL, *RUNS[study], *where)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"^run ([0-9a-f-]{36})$", done.stdout, re.MULTILINE)
    assert found
    fetched = bakeoff(environment, "fetch", found[1], "--models", "all", "--runs", str(runs))
    assert fetched.returncode == 0, fetched.stderr
    return found[1], done.stdout


def test_results_are_those_of_all_models(submitted, environment):
    study, _, runs, _ = submitted
    told = bakeoff(environment, "report", "latest", "--json", "--runs", str(runs))
    assert told.returncode == 0, told.stderr
    models = {row["model"] for row in json.loads(told.stdout)["leaderboard"]}
    assert models == {*RUNS[study][1].split(","), "largest-class"}
    (page,) = runs.glob("*/report.html")
    assert page.read_text().startswith("<!doctype html>")


def test_its_models_predict(submitted, environment, tmp_path):
    study, _, runs, _ = submitted
    if study == "sentiment":
        given = "a wonderful film"
    else:
        from PIL import Image

        given = str(tmp_path / "a.png")
        Image.new("L", (8, 8), 200).save(given)
    done = bakeoff(environment, "predict", "latest", given, "--runs", str(runs))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1


def test_every_task_was_told(submitted):
    _, _, _, told = submitted
    for task in ("prepare", "compare", "report"):
        assert re.search(rf"{task}.*: (done|reused)", told), task


def test_a_second_run_reuses_the_first_and_compares_as_the_same(submitted, environment):
    study, first, runs, _ = submitted
    if study != SHORTEST:
        pytest.skip("one study is held twice")
    second, told = held(environment, study, runs)
    done = re.findall(r"^ *\S+ +(.*): done in", told, re.MULTILINE)
    assert done == ["plan the run", "draw report"]
    names = [path.parent.name for path in sorted(runs.glob("*/run.json"))]
    assert [name.rpartition("-")[2] for name in names] == [first[:8], second[:8]]
    compared = bakeoff(environment, "compare", *names, "--json", "--runs", str(runs))
    assert compared.returncode == 0, compared.stderr
    [pair] = json.loads(compared.stdout)["pairs"]
    assert (pair["paired"], pair["difference"]) == (True, 0)


def test_nothing_is_left(submitted, others):
    """No RayJob, no RayCluster, no pod that still waits or runs."""
    _, run_id, _, _ = submitted
    assert_nothing_is_left(run_id, others)


def assert_nothing_is_left(run_id: str, others: set[str]) -> None:
    for _ in range(12):  # Pods take a moment to go.
        left = [*of_ray() - others]
        pods = json.loads(kubectl("-n", NAMESPACE, "get", "pods", "-o", "json"))["items"]
        left += [
            pod["metadata"]["name"]
            for pod in pods
            if "ray.io/cluster" in (labels := pod["metadata"].get("labels", {}))
            or (
                labels.get("pipeline/runid") == run_id
                and pod["status"]["phase"] in ("Pending", "Running")
            )
        ]
        if not left:
            return
        time.sleep(5)
    raise AssertionError(left)


def test_a_canceled_run_ends_as_canceled_and_leaves_nothing(environment, others):
    sent = bakeoff(environment, "submit", "sentiment", *SMALL, *RUNS["sentiment"], "--no-wait")
    found = re.search(r"^run ([0-9a-f-]{36})$", sent.stdout, re.MULTILINE)
    assert found, sent.stderr
    time.sleep(15)
    assert bakeoff(environment, "cancel", found[1]).returncode == 0
    ended = bakeoff(environment, "follow", found[1])
    assert (ended.returncode, ended.stdout.splitlines()[-1].split()[-1]) == (1, "canceled")
    assert_nothing_is_left(found[1], others)


def test_an_image_that_is_not_there_is_told(environment):
    sent = bakeoff(
        *(environment, "submit", "sentiment", *SMALL, *RUNS["sentiment"], "--no-wait"),
        *("--image", "registry.invalid/no-such:1"),
    )
    found = re.search(r"^run ([0-9a-f-]{36})$", sent.stdout, re.MULTILINE)
    assert found, sent.stderr
    with subprocess.Popen(
        [BAKEOFF, "follow", found[1], "--namespace", NAMESPACE],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout
        told = next(line for line in following.stdout if "cannot be pulled" in line)
        assert "the image registry.invalid/no-such:1" in told
        assert bakeoff(environment, "cancel", found[1]).returncode == 0
        following.wait(300)
