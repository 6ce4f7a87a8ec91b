"""What can be known before a run is submitted: what it needs of the cluster, and is not there.

Kubernetes lets a pod wait for ever for a secret, an account or a node that is not there. What the
kubeconfig's user may not look at is not checked; whether an image can be pulled shows only then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bakeoff.errors import UserError
from bakeoff.submission.kubeconfig import TIMEOUT, needed
from bakeoff.submission.ray_checks import look_for_ray, ray_settings, trains_on_rayjobs

RUNNER, USERS_RUNNER = "pipeline-runner", "default-editor"
"""Service accounts as which KFP runs steps: alone, and of a user of many."""


@dataclass(frozen=True)
class Request:
    """What one step asks of a node."""

    step: str
    cpus: Decimal
    memory: Decimal
    """Bytes."""
    accelerator: str = ""
    count: int = 0


def look_before(
    documents: list[dict[str, Any]], namespace: str, account: str, multi_user: bool
) -> str:
    """Look whether a cluster has what a compiled pipeline needs.

    Args:
        documents: the YAML's documents.
        namespace: where its steps run.
        account: the service account as which they run; "" is KFP's default.
        multi_user: of the installation.

    Returns:
        What was not looked at and why, "" where all was.

    Raises:
        UserError: what the run would wait for in vain, and in which cluster, in one line.
    """
    from kubernetes import config

    file = os.environ.get("KUBECONFIG")
    try:
        api = config.new_client_from_config(file)
        _, context = config.list_kube_config_contexts(file)
    except Exception:  # None, or one that cannot be read: kubectl says which.
        return "no kubeconfig: secrets, service account and nodes were not looked at before"
    try:
        return _look(api, documents, namespace, account, multi_user)
    except UserError as error:
        raise UserError(
            f"{error} (seen in the kubeconfig's context {context['name']}; KUBECONFIG names "
            "another, KUBECONFIG=/dev/null none, and then nothing is looked at)"
        ) from None
    finally:
        api.close()


def _look(
    api: Any, documents: list[dict[str, Any]], namespace: str, account: str, multi_user: bool
) -> str:
    from kubernetes import client

    core = client.CoreV1Api(api)
    account = account or (USERS_RUNNER if multi_user else RUNNER)

    try:
        if other := _another(core, client.ApiException, namespace, multi_user):
            return (
                f"the kubeconfig's cluster has no {other}: nothing was looked at before; name the "
                "namespace with --namespace, or the cluster with KUBECONFIG"
            )
        needed(
            f"the namespace {namespace} has no service account {account}, or is not there: name "
            "another with --namespace or --service-account",
            core.read_namespaced_service_account,
            *(account, namespace),
        )
        for secret, keys in secrets(documents).items():
            literals = " ".join(f"--from-literal={key}=…" for key in sorted(keys))
            advice = f"kubectl -n {namespace} create secret generic {secret} {literals}"
            found = needed(
                f"the namespace {namespace} has no secret {secret}: {advice}",
                core.read_namespaced_secret,
                *(secret, namespace),
            )
            absent = keys - set((found and found.data) or keys)
            if absent:
                raise UserError(
                    f"the secret {secret} of the namespace {namespace} lacks the key "
                    f"{', '.join(sorted(absent))}: delete it, then {advice}"
                )
        if trains_on_rayjobs(documents):
            look_for_ray(api, namespace, account, ray_settings(documents))
        try:
            nodes = core.list_node(_request_timeout=TIMEOUT).items
        except client.ApiException:
            return "nodes may not be listed: whether the steps fit was not looked at before"
    except UserError:
        raise
    except Exception as error:  # urllib3's, of a cluster that is away.
        reason = str(getattr(error, "reason", None) or error).rpartition(": ")[2]
        return f"Kubernetes does not answer ({reason[:100]}): nothing was looked at before"
    refuse_too_large(requests(documents), [_allocatable(node) for node in nodes if _takes(node)])
    return ""


def secrets(documents: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Secrets that steps cannot start without → the keys they read."""
    found: dict[str, set[str]] = {}
    for settings in _platform(documents).values():
        for secret in settings.get("secretAsEnv", ()):
            if not secret.get("optional"):
                keys = found.setdefault(secret["secretName"], set())
                keys |= {one["secretKey"] for one in secret.get("keyToEnv", ())}
        for volume in settings.get("secretAsVolume", ()):
            if not volume.get("optional"):
                found.setdefault(volume["secretName"], set())
    return found


def requests(documents: list[dict[str, Any]]) -> list[Request]:
    """What each step asks for."""
    return list(_requests(documents))


def _requests(documents: list[dict[str, Any]]) -> Iterator[Request]:
    from kubernetes.utils.quantity import parse_quantity

    for name, executor in documents[0].get("deploymentSpec", {}).get("executors", {}).items():
        resources = executor.get("container", {}).get("resources", {})
        accelerator = resources.get("accelerator", {})
        yield Request(
            step=name.removeprefix("exec-"),
            cpus=parse_quantity(resources.get("resourceCpuRequest", "0")),
            memory=parse_quantity(resources.get("resourceMemoryRequest", "0")),
            accelerator=accelerator.get("resourceType", ""),
            count=int(accelerator.get("resourceCount") or 0),
        )


def refuse_too_large(asked: list[Request], nodes: list[Mapping[str, Decimal]]) -> None:
    """Raise a UserError if a step fits on no node, however empty.

    Args:
        asked: by the steps.
        nodes: what each has for pods, by resource; cpu in CPUs, memory in bytes. None at all means
            that nodes are made when they are asked for.
    """
    for request in sorted(asked, key=lambda r: (r.cpus, r.memory), reverse=True):
        if nodes and not any(_fits(request, node) for node in nodes):
            largest = max(nodes, key=lambda node: (node["cpu"], node["memory"]))
            accelerators = f", {request.count} {request.accelerator}" if request.accelerator else ""
            raise UserError(
                f"{request.step} asks for {_cpus(request.cpus)} and {_gib(request.memory)}"
                f"{accelerators}, and no node has that: the largest has {_cpus(largest['cpu'])} "
                f"and {_gib(largest['memory'])}; {_less(request, largest)}add a node that has it"
            )


def _less(request: Request, node: Mapping[str, Decimal]) -> str:
    """How to ask for less of what a node is short of."""
    ways = []
    if request.cpus > node["cpu"]:
        ways.append("ask for fewer CPUs (--threads), ")
    if request.memory > node["memory"]:
        ways.append("ask for less memory (a smaller --resources), ")
    return f"{''.join(ways)}or " if ways else ""


def _fits(request: Request, node: Mapping[str, Decimal]) -> bool:
    accelerators = node.get(request.accelerator, Decimal(0)) if request.accelerator else 0
    return (
        request.cpus <= node["cpu"]
        and request.memory <= node["memory"]
        and request.count <= accelerators
    )


def _allocatable(node: Any) -> dict[str, Decimal]:
    from kubernetes.utils.quantity import parse_quantity

    return {name: parse_quantity(amount) for name, amount in node.status.allocatable.items()}


def _takes(node: Any) -> bool:
    """Whether a node takes pods at all; taints may be tolerated."""
    return not node.spec.unschedulable


def _another(core: Any, refused: type[Exception], namespace: str, multi_user: bool) -> str:
    """What tells that a cluster is another one than KFP's: one user's has KFP in the namespace, one
    of many users the namespace. "" where nothing does, or nobody may look.
    """
    try:
        if multi_user:
            core.read_namespace(namespace, _request_timeout=TIMEOUT)
        else:
            core.read_namespaced_service("ml-pipeline", namespace, _request_timeout=TIMEOUT)
    except refused as error:
        if error.status == 404:  # type: ignore[attr-defined]
            return f"namespace {namespace}" if multi_user else f"KFP in the namespace {namespace}"
    return ""


def _platform(documents: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for document in documents[1:]:
        settings = document.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})
        found |= settings.get("executors", {})
    return found


def _cpus(amount: Decimal) -> str:
    return f"{float(amount):g} CPU{'' if amount == 1 else 's'}"


def _gib(amount: Decimal) -> str:
    return f"{float(amount) / 2**30:.1f} GiB"
