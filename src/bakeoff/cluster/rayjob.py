"""A RayJob (`ray.io/v1`, KubeRay 1.7) as typed data."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

API_VERSION = "ray.io/v1"
MOST_NAME = 47
"""Characters: KubeRay adds five, and a dash, for the cluster."""
ATTEMPT = "bakeoff.dev/attempt"
"""Annotation: what tells one RayJob of a name from the next one."""

_OBJECT_STORE_BYTES = 200 * 2**20
"""Workers read their data themselves: Ray's shared memory holds little more than messages."""
_RAY_BYTES = 2**30
"""What Ray's own processes take of a head's memory, beside a training."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The object with which the RayJob goes: the run's Argo Workflow."""

    api_version: str
    kind: str
    name: str
    uid: str

    def manifest(self) -> dict[str, Any]:
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            # To block the owner's deletion takes rights on its finalizers, and it has another
            # controller.
            "controller": False,
            "blockOwnerDeletion": False,
        }


@dataclass(frozen=True, kw_only=True)
class Pods:
    """The pods in which a training runs, in the words of Kubernetes."""

    image: str
    service_account: str
    """Has no rights, and its token is not mounted."""
    env: Sequence[Mapping[str, Any]] = ()
    resources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    affinity: Mapping[str, Any] = field(default_factory=dict)
    volumes: Sequence[Mapping[str, Any]] = ()
    volume_mounts: Sequence[Mapping[str, Any]] = ()
    image_pull_secrets: Sequence[Mapping[str, str]] = ()
    priority_class: str = ""

    def template(
        self, container: str, resources: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any]:
        """A pod that the Pod Security standard `restricted` allows."""
        pod = {
            "serviceAccountName": self.service_account,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                _given(
                    name=container,
                    image=self.image,
                    env=[dict(variable) for variable in self.env],
                    resources={kind: dict(part) for kind, part in resources.items() if part},
                    volumeMounts=[dict(mount) for mount in self.volume_mounts],
                    securityContext={
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                )
            ],
            **_given(
                tolerations=[dict(toleration) for toleration in self.tolerations],
                nodeSelector=dict(self.node_selector),
                affinity=dict(self.affinity),
                volumes=[dict(volume) for volume in self.volumes],
                imagePullSecrets=[dict(secret) for secret in self.image_pull_secrets],
                priorityClassName=self.priority_class,
            ),
        }
        metadata = {
            # By which k8s/'s network policy knows them.
            "labels": {"app.kubernetes.io/managed-by": "bakeoff"},
            # A mesh's proxy would outlive the training, and Ray's ports are not its kind.
            "annotations": {"sidecar.istio.io/inject": "false"},
        }
        return {"metadata": metadata, "spec": pod}


@dataclass(frozen=True, kw_only=True)
class RayJob:
    """One training: a cluster of its own that is gone with it."""

    name: str
    namespace: str
    attempt: str
    owner: Owner
    entrypoint: Sequence[str]
    ray_version: str
    pods: Pods
    workers: int
    """One trains on the head: a second pod would only wait. Several have pods of their own, beside
    a head that does not work, so that a worker out of memory does not take the cluster along."""
    threads: int
    """CPUs of each worker."""
    pre_running_seconds: int
    active_seconds: int
    queue: str = ""
    """Kueue's; it admits the RayJob and suspends it until then."""

    def manifest(self) -> dict[str, Any]:
        labels = {"app.kubernetes.io/managed-by": "bakeoff", "app.kubernetes.io/component": "ray"}
        if self.queue:
            labels["kueue.x-k8s.io/queue-name"] = self.queue
        return {
            "apiVersion": API_VERSION,
            "kind": "RayJob",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": labels,
                "annotations": {ATTEMPT: self.attempt},
                "ownerReferences": [self.owner.manifest()],
            },
            "spec": {
                "entrypoint": shlex.join(self.entrypoint),
                # A submitter's pod, or sidecar, marks a job that runs failed once it is gone.
                "submissionMode": "HTTPMode",
                # Retries have one owner: the step.
                "backoffLimit": 0,
                "preRunningDeadlineSeconds": self.pre_running_seconds,
                "activeDeadlineSeconds": self.active_seconds,
                "shutdownAfterJobFinishes": True,
                "ttlSecondsAfterFinished": 0,
                "rayClusterSpec": self._cluster(),
            },
        }

    def limits(self) -> dict[str, int]:
        """Seconds that it may be in a status; what is not named, it may be for ever."""
        return {
            **dict.fromkeys(("", "Initializing", "Waiting"), self.pre_running_seconds),
            "Running": self.active_seconds,
        }

    def _cluster(self) -> dict[str, Any]:
        alone = self.workers == 1
        cluster: dict[str, Any] = {
            "rayVersion": self.ray_version,
            "authOptions": {"mode": "token"},
            "headGroupSpec": {
                "rayStartParams": {
                    "num-cpus": str(self.threads if alone else 0),
                    "object-store-memory": str(_OBJECT_STORE_BYTES),
                },
                "template": self.pods.template(
                    "ray-head", with_room_for_ray(self.pods.resources) if alone else HEAD
                ),
            },
        }
        if not alone:
            cluster["workerGroupSpecs"] = [
                {
                    "groupName": "workers",
                    "replicas": self.workers,
                    "minReplicas": self.workers,
                    "maxReplicas": self.workers,
                    "rayStartParams": {
                        "num-cpus": str(self.threads),
                        "object-store-memory": str(_OBJECT_STORE_BYTES),
                    },
                    "template": self.pods.template("ray-worker", self.pods.resources),
                }
            ]
        return cluster


HEAD: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "250m", "memory": "1Gi"},
    "limits": {"cpu": "2", "memory": "2Gi"},
}
"""What a head that does not train has."""


def rayjob_name(what: str, place: str) -> str:
    """A DNS-1035 label that names what is trained, and is another one for each place of a result,
    whatever the run is called.

    >>> rayjob_name("BiLSTM (GloVe)", "s3://bucket/run-1/models")
    'bakeoff-bilstm-glove-570f75744c'
    """
    digest = hashlib.sha256(place.encode()).hexdigest()[:10]
    room = MOST_NAME - len(f"bakeoff--{digest}")
    shown = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")[:room].strip("-")
    return "-".join(part for part in ("bakeoff", shown, digest) if part)


def with_room_for_ray(
    resources: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, str]]:
    """What a head that trains needs: the training's resources, and memory for Ray's own processes.

    >>> with_room_for_ray({"limits": {"cpu": "2", "memory": "4Gi"}})["limits"]
    {'cpu': '2', 'memory': '5Gi'}
    """
    from kubernetes.utils.quantity import parse_quantity

    larger = {kind: dict(part) for kind, part in resources.items()}
    for part in larger.values():
        if "memory" in part:
            total = int(parse_quantity(part["memory"]) + Decimal(_RAY_BYTES))
            whole = total % 2**30 == 0
            part["memory"] = f"{total // 2**30}Gi" if whole else f"{-(-total // 2**20)}Mi"
    return larger


def _given(**fields: Any) -> dict[str, Any]:
    """Those that are not empty."""
    return {name: value for name, value in fields.items() if value}
