"""What refuses a RayJob, or lets it be created and then never run: KubeRay's schema, closed; the
rules of its controller; the Pod Security standard `restricted`.
"""

import json
import os
import re
from functools import cache
from pathlib import Path

import jsonschema
import pytest

SHARED = Path(
    os.environ.get("BAKEOFF_SHARED_SCHEMAS", Path(__file__).parents[3] / "shared" / "schemas")
)
SUBMITTED_BY_POD = ("K8sJobMode", "SidecarMode")
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


SCHEMA = SHARED / "rayjob-v1.openapi.json"
needs_schema = pytest.mark.skipif(
    not SCHEMA.exists(), reason=f"needs {SCHEMA} (set BAKEOFF_SHARED_SCHEMAS)"
)


@cache
def validator():
    return jsonschema.Draft202012Validator(closed(json.loads(SCHEMA.read_text())))


def closed(part):
    """The schema, in which an object has the properties it names and no other."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    known = {name: closed(value) for name, value in part.items()}
    open_ended = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(part)
    if isinstance(part.get("properties"), dict) and not open_ended:
        known["additionalProperties"] = False
    if part.get("x-kubernetes-int-or-string"):
        known.pop("type", None)
    return known


def against_schema(manifest):
    errors = validator().iter_errors(manifest)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors]


def against_kuberay(manifest):
    """What KubeRay 1.7's validation of RayJobs would say: each is `ValidationFailed` for ever."""
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    found = []

    def rule(holds, text):
        if not holds:
            found.append(text)

    rule(len(name) <= 47, "a name of more than 47 characters")
    rule(DNS_1035.fullmatch(name), "a name that is no DNS-1035 label")
    shutdown = spec.get("shutdownAfterJobFinishes", False)
    lifetime = spec.get("ttlSecondsAfterFinished", 0)
    rule(not spec.get("suspend") or shutdown, "suspended without shutdown")
    rule(lifetime >= 0, "a negative time to live")
    rule(shutdown or not lifetime, "a time to live without shutdown")
    rule("deletionStrategy" not in spec, "a deletion strategy is behind a feature gate")
    rule("clusterSelector" not in spec, "somebody else's cluster")
    rule("rayClusterSpec" in spec, "no cluster")
    rule(spec.get("backoffLimit", 0) >= 0, "a negative backoffLimit")
    for deadline in ("activeDeadlineSeconds", "preRunningDeadlineSeconds"):
        rule(spec.get(deadline, 1) > 0, f"{deadline} is not positive")
    if spec.get("submissionMode") == "SidecarMode":
        rule("submitterPodTemplate" not in spec, "a sidecar has no template")
    cluster = spec["rayClusterSpec"]
    authentication = cluster.get("authOptions", {})
    rule("enableK8sTokenAuth" not in authentication, "Kubernetes's tokens are not for RayJobs")
    if authentication.get("mode") == "token":
        version = tuple(int(part) for part in cluster.get("rayVersion", "0.0").split(".")[:2])
        rule(version >= (2, 52), "token authentication needs a rayVersion of 2.52 at least")
    head = cluster["headGroupSpec"]
    workers = cluster.get("workerGroupSpecs", [])
    for group in (head, *workers):
        parameters = group.get("rayStartParams", {})
        taken = {"num-cpus", "num-gpus", "memory", "resources"} & set(parameters)
        rule(not (taken and group.get("resources")), "resources are said twice")
        rule("labels" not in parameters, "labels are no start parameter")
        rule(group["template"]["spec"]["containers"], "a pod without a container")
    variables = {v["name"] for v in head["template"]["spec"]["containers"][0].get("env", [])}
    for reserved in ("RAY_REDIS_ADDRESS", "REDIS_USERNAME", "RAY_enable_autoscaler_v2"):
        rule(reserved not in variables, f"{reserved} means another kind of cluster")
    for group in workers:
        least, most = group.get("minReplicas"), group.get("maxReplicas")
        rule(None not in (least, most), "a worker group without minReplicas and maxReplicas")
        if None not in (least, most):
            rule(0 <= least <= most, "minReplicas and maxReplicas in the wrong order")
        rule("idleTimeoutSeconds" not in group, "idle timeouts need the autoscaler")
        rule(not group.get("suspend"), "suspended workers are behind a feature gate")
    return found


def against_restricted(pod):
    """What of a pod's spec the Pod Security standard `restricted` forbids."""
    found = []

    def rule(holds, text):
        if not holds:
            found.append(text)

    own = pod.get("securityContext", {})
    kinds = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"} | {
        *("persistentVolumeClaim", "projected", "secret")
    }
    for volume in pod.get("volumes", []):
        rule(set(volume) - {"name"} <= kinds, f"volume {volume['name']}")
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        rule(not pod.get(shared), shared)
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        context = container.get("securityContext", {})
        rule(context.get("allowPrivilegeEscalation") is False, "privilege escalation")
        rule(context.get("capabilities", {}).get("drop") == ["ALL"], "capabilities")
        rule(not context.get("privileged"), "privileged")
        rule(context.get("runAsNonRoot", own.get("runAsNonRoot")) is True, "root")
        rule(context.get("runAsUser", own.get("runAsUser", 1)) != 0, "user 0")
        seccomp = context.get("seccompProfile", own.get("seccompProfile", {})).get("type")
        rule(seccomp in ("RuntimeDefault", "Localhost"), "seccomp")
        rule(not any("hostPort" in port for port in container.get("ports", [])), "host port")
    return found


def pods_of(manifest):
    """The specs of the pods that a RayJob makes."""
    cluster = manifest["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", [])]
    return [group["template"]["spec"] for group in groups]
