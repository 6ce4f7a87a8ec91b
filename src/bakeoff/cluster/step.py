"""The train step that hands its work over to a RayJob, and waits for it."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Any

from bakeoff import s3
from bakeoff.clock import RealClock
from bakeoff.cluster.following import ASK_SECONDS, Training
from bakeoff.cluster.heartbeat import beating
from bakeoff.cluster.kubernetes_api import AwayError, ConflictError, Kubernetes, patiently
from bakeoff.cluster.rayjob import Owner, Pods, RayJob, rayjob_name
from bakeoff.cluster.settings import RayJobSettings
from bakeoff.errors import UserError
from bakeoff.remote import KFP_KEYS, KFP_SECRET
from bakeoff.training.handed_on import handed_on
from bakeoff.training.settings import BESIDE, CHECKPOINTS

JOB = "job.json"
"""What the entrypoint reads, in the folder where step and entrypoint meet."""
_POD_NAME = "KFP_POD_NAME"
_LAST_SECONDS = 0.4
"""Of waiting for an answer once Kubernetes ends the pod: 0.6 s later the process is gone."""
_MOST_FILES = 65536


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a person said of the train task, as `dsl.TaskConfig` hands it over."""

    resources: Mapping[str, Any]
    env: list[Mapping[str, Any]]
    tolerations: list[Mapping[str, Any]]
    node_selector: Mapping[str, str]
    affinity: Mapping[str, Any]
    volumes: list[Mapping[str, Any]]
    volume_mounts: list[Mapping[str, Any]]

    @classmethod
    def of(cls, config: Any) -> Task:
        """Of a `dsl.TaskConfig`; whatever was not said of the task is None in it."""
        return cls(
            resources=getattr(config, "resources", None) or {},
            env=getattr(config, "env", None) or [],
            tolerations=getattr(config, "tolerations", None) or [],
            node_selector=getattr(config, "node_selector", None) or {},
            affinity=getattr(config, "affinity", None) or {},
            volumes=getattr(config, "volumes", None) or [],
            volume_mounts=getattr(config, "volume_mounts", None) or [],
        )


def train_on_rayjob(dataset: Path, models: Path, *, task: Any, job: Mapping[str, Any]) -> None:
    """Train on a RayJob; the models stay where the entrypoint writes them, in S3.

    Nothing is written at the path of the models: Kubeflow's launcher uploads nothing then, and
    hands on the address.

    Args:
        dataset: path of a "dataset" artifact as Kubeflow Pipelines mounts it.
        models: that of the "models" artifact.
        task: a `dsl.TaskConfig`, what the Ray pods get, or None.
        job: what `bakeoff.training.step.train_networks` is asked for, as JSON holds it.

    Raises:
        UserError: the training failed, or a RayJob cannot be had.
    """
    settings = RayJobSettings.of_task()
    places = {"dataset": _uri(dataset), "models": _uri(models)}
    work = s3.Folder(s3.beside(places["models"], "rayjob"))
    api, clock = Kubernetes.here(), RealClock()
    name = rayjob_name(" ".join(job["configs"]), places["models"])
    given = Task.of(task)
    job = {
        **job,
        **places,
        "threads": min(job["threads"], _cpus(given.resources)),
        "gpus": int(_has_gpu(given.resources)),
        "rayjob": name,
        "heartbeat_seconds": 60 * settings.heartbeat_minutes,
    }
    make = _maker(api, name, work, places["models"], settings, given, job)
    work.write(JOB, json.dumps(job).encode())
    training = Training(
        api=api,
        name=name,
        rayjob=make,
        work=work,
        models=s3.Folder(places["models"]),
        attempts=settings.attempts,
        say=_say,
        show=_show,
        clock=clock,
    )
    with deleted_when_ended(training), beating(work):
        training.run()
    _say(f"models at {places['models']}")


@contextmanager
def deleted_when_ended(training: Training) -> Iterator[None]:
    """Once Kubernetes ends this pod, ask for the RayJob's deletion, once; there is time for no
    more.
    """
    # A client of its own: the other one may be in the middle of something.
    api = Kubernetes.here(_LAST_SECONDS)

    def end(number: int, _: FrameType | None) -> None:
        with suppress(AwayError, ConflictError, UserError):
            api.delete(training.name, training.uid)
        os._exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _maker(
    api: Kubernetes,
    name: str,
    work: s3.Folder,
    models: str,
    settings: RayJobSettings,
    task: Task,
    job: Mapping[str, Any],
) -> Callable[[str], RayJob]:
    pod = _own_pod(api)
    [main] = [c for c in pod["spec"]["containers"] if c["name"] == "main"] or pod["spec"][
        "containers"
    ][:1]
    pods = Pods(
        image=main["image"],
        service_account=settings.service_account,
        env=_environment(task.env, models),
        resources=_resources(task.resources, settings.ephemeral_storage),
        tolerations=task.tolerations,
        node_selector=task.node_selector,
        affinity=task.affinity,
        volumes=task.volumes,
        volume_mounts=task.volume_mounts,
        image_pull_secrets=pod["spec"].get("imagePullSecrets", []),
        priority_class=settings.priority_class,
    )

    def make(attempt: str) -> RayJob:
        return RayJob(
            name=name,
            namespace=api.namespace,
            attempt=attempt,
            owner=_owner(pod),
            entrypoint=["python", "-m", "bakeoff.cluster.entrypoint", work.place, attempt],
            ray_version=_ray_version(),
            pods=pods,
            workers=job["workers"],
            threads=job["threads"],
            pre_running_seconds=60 * settings.pre_running_minutes,
            active_seconds=3600 * settings.active_hours,
            queue=settings.queue,
        )

    return make


def _own_pod(api: Kubernetes) -> Mapping[str, Any]:
    name = os.environ.get(_POD_NAME) or socket.gethostname()
    pod = patiently(lambda: api.pod(name), RealClock(), seconds=ASK_SECONDS)
    if pod is None:
        raise UserError(
            f"there is no pod {name} in namespace {api.namespace}: a RayJob is started by a task "
            "of Kubeflow Pipelines; elsewhere train with --where ray"
        )
    return pod


def _owner(pod: Mapping[str, Any]) -> Owner:
    """The run's Workflow. Of the step's pod the RayJob would go just when another pod should go on
    with it.
    """
    for owner in pod["metadata"].get("ownerReferences", []):
        if owner["kind"] == "Workflow":
            return Owner(
                api_version=owner["apiVersion"],
                kind=owner["kind"],
                name=owner["name"],
                uid=owner["uid"],
            )
    raise UserError(
        f"pod {pod['metadata']['name']} belongs to no Argo Workflow, with which its RayJob would "
        "go: start it by a run of Kubeflow Pipelines"
    )


def _environment(given: list[Mapping[str, Any]], models: str) -> list[Mapping[str, Any]]:
    """Variables of the Ray pods. Keys are named by their secrets; no value of one is here."""
    own: dict[str, Mapping[str, Any]] = {
        name: {"name": name, "value": value}
        for name, value in sorted({CHECKPOINTS: BESIDE, **handed_on()}.items())
    }
    if models.startswith("minio://"):
        own |= {
            name: {
                "name": name,
                "valueFrom": {"secretKeyRef": {"name": KFP_SECRET, "key": key}},
            }
            for name, key in KFP_KEYS.items()
        }
    # More files than the system allows Ray asks for in vain.
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = files if 0 < files < _MOST_FILES else _MOST_FILES
    fixed = {
        "RAY_START_ULIMIT_OPEN_FILES": str(most),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    said = {variable["name"]: _here(variable) for variable in given}
    return list({**own, **said, **{n: {"name": n, "value": v} for n, v in fixed.items()}}.values())


def _here(variable: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is taken from a pod's own fields is this pod's, wherever it is said."""
    if "fieldRef" in (variable.get("valueFrom") or {}):
        name = variable["name"]
        return {"name": name, "value": os.environ.get(name, "")}
    return variable


def _resources(given: Mapping[str, Any], disk: str) -> dict[str, dict[str, str]]:
    resources = {
        kind: {name: str(quantity) for name, quantity in (given.get(kind) or {}).items()}
        for kind in ("requests", "limits")
    }
    if disk:
        for part in resources.values():
            part["ephemeral-storage"] = disk
    return resources


def _cpus(resources: Mapping[str, Any]) -> int:
    """Whole CPUs that a pod may use; many where it is not said."""
    from kubernetes.utils.quantity import parse_quantity

    limit = (resources.get("limits") or {}).get("cpu")
    return max(1, math.floor(parse_quantity(str(limit)))) if limit else sys.maxsize


def _has_gpu(resources: Mapping[str, Any]) -> bool:
    """Whether a pod has a GPU that KubeRay tells Ray of: by the end of its name, as that does."""
    limits = resources.get("limits") or {}
    return any(name.endswith("gpu") and int(count) > 0 for name, count in limits.items())


def _ray_version() -> str:
    try:
        return version("ray")
    except PackageNotFoundError:
        raise UserError(
            "the image has no Ray: build it with its extras ray and s3 inside, or train inline"
        ) from None


def _uri(path: Path) -> str:
    """The address of an artifact, from the path at which Kubeflow Pipelines mounts it."""
    return s3.address(s3.mounted(path) or str(path))


def _say(line: str) -> None:
    print(line, flush=True)


def _show(printed: str) -> None:
    sys.stdout.write(printed)
    sys.stdout.flush()
