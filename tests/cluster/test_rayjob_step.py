"""The step that hands its work over, with a Kubernetes and an S3 that speak HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import yaml
from fake_kuberay import Life
from kfp.dsl import TaskConfig
from rayjob_rules import against_kuberay, against_restricted, pods_of

from bakeoff.cluster import step as step_module
from bakeoff.cluster.heartbeat import NAME
from bakeoff.cluster.step import JOB
from bakeoff.errors import UserError
from bakeoff.s3 import Folder
from bakeoff.text.networks.training import train_text_network
from bakeoff.training.settings import WHERE
from bakeoff.training.step import train_networks

POD = {
    "metadata": {
        "name": "run-x-train-1",
        "ownerReferences": [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "name": "run-x",
                "uid": "77",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    },
    "spec": {
        "containers": [
            {"name": "wait", "image": "argoexec"},
            {"name": "main", "image": "registry/bakeoff:1"},
        ],
        "imagePullSecrets": [{"name": "registry"}],
    },
}
ASKED = {"configs": {"lstm": {"hidden": 8}}, "seed": 1, "threads": 4, "workers": 1}
TASK = TaskConfig(
    resources={"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "500m"}},
    env=[
        {"name": "BAKEOFF_PLAN", "value": "{}"},
        {"name": "BAKEOFF_RUN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['run']"}}},
        {
            "name": "WANDB_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": "wandb", "key": "api-key"}},
        },
    ],
    tolerations=[{"key": "gpu", "operator": "Exists"}],
    node_selector={"pool": "gpu"},
    volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "vectors"}}],
    volume_mounts=[{"name": "v", "mountPath": "/vectors"}],
)


@pytest.fixture
def place(tmp_path):
    """Where a task's models go, in a bucket."""
    return f"trainings/{tmp_path.name}/train/models"


@pytest.fixture
def kubeconfig(fake, tmp_path, monkeypatch):
    """Names the fake, as a person's own names a cluster."""
    server = f"http://127.0.0.1:{fake._server.server_port}"
    known = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "kubeflow"}}
        ],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "token-of-the-step"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(known))
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


@pytest.fixture
def pod(fake, place, clock, monkeypatch, request):
    """This process as a train task's pod."""
    for needed in ("kubeconfig", "s3_server"):
        request.getfixturevalue(needed)
    fake.pods[POD["metadata"]["name"]] = POD
    monkeypatch.setenv("KFP_POD_NAME", POD["metadata"]["name"])
    monkeypatch.setenv(WHERE, "rayjob")
    monkeypatch.setattr(step_module, "RealClock", lambda: clock)
    work = Folder(f"s3://{place.removesuffix('models')}rayjob-models")
    return Life(work, Folder(f"s3://{place}"), clock)


@pytest.fixture
def train(place, request):
    request.getfixturevalue("pod")

    def call(task=TASK, **asked):
        at = "/minio/trainings/dataset", f"/minio/{place}"
        train_networks(*at, **{**ASKED, **asked}, train=train_text_network, task=task)

    return call


def test_a_task_trains_on_a_rayjob_with_what_was_said_of_the_task(fake, pod, train, place, capsys):
    fake.scripts = [pod.succeeds()]
    train()
    [manifest] = fake.manifests
    assert against_kuberay(manifest) == []
    [owner] = manifest["metadata"]["ownerReferences"]
    assert (owner["name"], owner["controller"]) == ("run-x", False)
    [head] = pods_of(manifest)
    assert against_restricted(head) == []
    [container] = head["containers"]
    assert container["image"] == "registry/bakeoff:1"
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "5Gi"}
    assert container["volumeMounts"] == TASK.volume_mounts
    assert head["nodeSelector"] == {"pool": "gpu"}
    assert head["imagePullSecrets"] == [{"name": "registry"}]
    start = manifest["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]
    assert start["num-cpus"] == "2"  # Of four threads, as many as it has CPUs.
    asked = json.loads(pod.work.read(JOB))
    assert asked["models"] == f"minio://{place}"
    assert asked["dataset"] == "minio://trainings/dataset"
    assert asked["train"] == "bakeoff.text.networks.training:train_text_network"
    assert asked["configs"] == ASKED["configs"]
    assert (asked["threads"], asked["gpus"]) == (2, 0)
    assert pod.work.read(NAME)
    printed = capsys.readouterr().out
    assert "epoch 1\nepoch 2\n" in printed
    assert printed.endswith(f"models at minio://{place}\n")


def test_keys_are_named_by_their_secrets_and_stand_nowhere(fake, pod, train, monkeypatch, capsys):
    monkeypatch.setenv("KFP_STORE_ACCESS_KEY", "somebody")
    monkeypatch.setenv("KFP_STORE_SECRET_KEY", "hush-hush")
    monkeypatch.setenv("WANDB_API_KEY", "hush-hush-too")
    monkeypatch.setenv("BAKEOFF_CODE", "abc")
    monkeypatch.setenv("BAKEOFF_RUN", "run-77")
    monkeypatch.setenv("BAKEOFF_KFP_STORE_ENDPOINT", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("WANDB_ENTITY", "team")
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example")
    fake.scripts = [pod.succeeds()]
    train()
    [head] = pods_of(fake.manifests[-1])
    variables = {v["name"]: v for v in head["containers"][0]["env"]}
    secret = {"name": "mlpipeline-minio-artifact", "key": "secretkey"}
    assert variables["KFP_STORE_SECRET_KEY"]["valueFrom"] == {"secretKeyRef": secret}
    assert variables["WANDB_API_KEY"]["valueFrom"]["secretKeyRef"]["name"] == "wandb"
    assert variables["AWS_ENDPOINT_URL"]["value"] == os.environ["AWS_ENDPOINT_URL"]
    assert variables["BAKEOFF_CODE"]["value"] == "abc"
    store = variables["BAKEOFF_KFP_STORE_ENDPOINT"]["value"]
    assert store == os.environ["BAKEOFF_KFP_STORE_ENDPOINT"]
    assert variables["BAKEOFF_CHECKPOINTS"]["value"] == "beside-artifacts"
    assert variables["WANDB_ENTITY"]["value"] == "team"
    assert variables["WANDB_BASE_URL"]["value"] == "https://wandb.example"
    assert variables["BAKEOFF_RUN"] == {"name": "BAKEOFF_RUN", "value": "run-77"}
    kept = b"".join(pod.work.read(name) for name in pod.work.names())
    told = json.dumps(fake.manifests) + capsys.readouterr().out + kept.decode()
    for hidden in ("hush-hush", "token-of-the-step"):
        assert hidden not in told


def test_what_is_said_of_the_task_goes_before_what_ray_pods_have_anyway(fake, pod, train):
    fake.scripts = [pod.succeeds()]
    train(task=replace(TASK, env=[{"name": "BAKEOFF_CHECKPOINTS", "value": "/vectors/kept"}]))
    [head] = pods_of(fake.manifests[-1])
    variables = {v["name"]: v.get("value") for v in head["containers"][0]["env"]}
    assert variables["BAKEOFF_CHECKPOINTS"] == "/vectors/kept"


def test_several_workers_and_settings(fake, pod, train, monkeypatch):
    settings = {"queue": "team", "ephemeral_storage": "20Gi", "pre_running_minutes": 5}
    monkeypatch.setenv("BAKEOFF_RAYJOB", json.dumps(settings))
    fake.scripts = [pod.succeeds()]
    train(workers=2)
    manifest = fake.manifests[-1]
    assert manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert manifest["spec"]["preRunningDeadlineSeconds"] == 300
    _, worker = pods_of(manifest)
    resources = worker["containers"][0]["resources"]
    assert resources["limits"] == {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "20Gi"}


@pytest.mark.parametrize(("limits", "gpus"), [({"nvidia.com/gpu": "2"}, 1), ({"a.b/gpu": 0}, 0)])
def test_a_gpu_of_the_task_is_each_workers(fake, pod, train, limits, gpus):
    fake.scripts = [pod.succeeds()]
    train(task=replace(TASK, resources={"limits": {"cpu": "2", **limits}}))
    assert json.loads(pod.work.read(JOB))["gpus"] == gpus


@pytest.mark.parametrize("task", [None, TaskConfig()])
def test_nothing_said_of_the_task(fake, pod, train, task):
    fake.scripts = [pod.succeeds()]
    train(task=task)
    [manifest] = fake.manifests
    assert against_kuberay(manifest) == []


def test_a_pod_that_comes_when_all_is_done_makes_no_rayjob(fake, pod, train, capsys):
    fake.scripts = [pod.succeeds()]
    train()
    train()
    assert len(fake.manifests) == 1
    assert "its models are there already" in capsys.readouterr().out


@pytest.mark.usefixtures("pod")
def test_no_task_of_kubeflow(fake, train, monkeypatch, tmp_path):
    with pytest.raises(UserError, match="is in no S3 bucket"):
        train_networks(tmp_path, tmp_path / "m", **ASKED, train=train_text_network)
    fake.pods["stray"] = {**POD, "metadata": {"name": "stray"}}
    for name, said in (("stray", "belongs to no Argo Workflow"), ("none", "there is no pod none")):
        monkeypatch.setenv("KFP_POD_NAME", name)
        with pytest.raises(UserError, match=said):
            train()
    assert fake.manifests == []


def test_no_kubernetes(train, monkeypatch):
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "/none")
    with pytest.raises(UserError, match="no Kubernetes to ask"):
        train()


WAITING = """
import time
from types import SimpleNamespace
from bakeoff.cluster.step import deleted_when_ended
with deleted_when_ended(SimpleNamespace(name="bakeoff-x", uid="")):
    print("waits", flush=True)
    while True:
        time.sleep(60)
"""


def test_a_run_that_is_terminated_deletes_its_rayjob_with_its_last_request(fake, kubeconfig):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "waits\n"
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    print(f"{time.monotonic() - started:.3f} s")
    path = "/apis/ray.io/v1/namespaces/kubeflow/rayjobs/bakeoff-x"
    assert fake.requests == [("DELETE", path, "ok")]
