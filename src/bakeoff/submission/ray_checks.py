"""What a training on a RayJob needs of a cluster, looked at before it is submitted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bakeoff.cluster.settings import VARIABLE, RayJobSettings
from bakeoff.errors import UserError
from bakeoff.submission.kubeconfig import TIMEOUT, needed
from bakeoff.training.settings import WHERE

_KUEUE = "v1beta1"
"""Version of Kueue's API, as in k8s/components/kueue."""
_APPLY = "kubectl apply -k k8s/overlays/kind (k8s/README.md names others)"


def trains_on_rayjobs(documents: list[dict[str, Any]]) -> bool:
    """Whether a step of a compiled pipeline hands its training to a RayJob."""
    return "rayjob" in _values(documents, WHERE)


def ray_settings(documents: list[dict[str, Any]]) -> RayJobSettings:
    """How a compiled pipeline has RayJobs run."""
    for settings in _values(documents, VARIABLE):
        return RayJobSettings(**json.loads(settings))
    return RayJobSettings()


def _values(documents: list[dict[str, Any]], name: str) -> Iterator[str]:
    """Of a variable, in each step that has it."""
    for executor in documents[0].get("deploymentSpec", {}).get("executors", {}).values():
        for variable in executor.get("container", {}).get("env") or ():
            if variable.get("name") == name:
                yield variable.get("value", "")


def look_for_ray(api: Any, namespace: str, account: str, settings: RayJobSettings) -> None:
    """Look whether KubeRay, what settings name (the account of Ray's pods, their priority, Kueue's
    queue) and the step's rights are there.

    What nobody may look at is passed over.

    Raises:
        UserError: one of them is not.
    """
    from kubernetes import client

    custom, core = client.CustomObjectsApi(api), client.CoreV1Api(api)
    needed(
        "the cluster knows no RayJobs: install KubeRay 1.7 (k8s/kind.sh shows how), or leave out "
        "--where rayjob",
        custom.list_namespaced_custom_object,
        *("ray.io", "v1", namespace, "rayjobs"),
        limit=1,
    )
    needed(
        f"the namespace {namespace} has no service account {settings.service_account} for Ray's "
        f"pods: {_APPLY}",
        core.read_namespaced_service_account,
        *(settings.service_account, namespace),
    )
    if settings.priority_class:
        needed(
            f"the cluster has no priority class {settings.priority_class}: kubectl get "
            "priorityclasses lists them",
            client.SchedulingV1Api(api).read_priority_class,
            settings.priority_class,
        )
    if settings.queue:
        needed(
            f"the namespace {namespace} has no queue {settings.queue} of Kueue: kubectl -n "
            f"{namespace} get localqueues lists them (docs/cluster.md, Kueue)",
            custom.get_namespaced_custom_object,
            *("kueue.x-k8s.io", _KUEUE, namespace, "localqueues", settings.queue),
        )
    review = client.V1LocalSubjectAccessReview(
        metadata=client.V1ObjectMeta(namespace=namespace),
        spec=client.V1SubjectAccessReviewSpec(
            user=f"system:serviceaccount:{namespace}:{account}",
            resource_attributes=client.V1ResourceAttributes(
                namespace=namespace, group="ray.io", resource="rayjobs", verb="create"
            ),
        ),
    )
    try:
        answer = client.AuthorizationV1Api(api).create_namespaced_local_subject_access_review(
            namespace, review, _request_timeout=TIMEOUT
        )
    except client.ApiException:
        return
    if not answer.status.allowed:
        raise UserError(
            f"the service account {account} of the namespace {namespace} may not make RayJobs: "
            f"{_APPLY}"
        )
