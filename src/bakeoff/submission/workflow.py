"""What the Argo workflow behind a run says of its tasks: state, reason, artifacts.

KFP runs a task as a driver pod, which resolves its inputs and looks into the cache, and an executor
pod, which does the work. Argo writes why a pod waits or failed into the message of its node.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bakeoff.cluster.waiting import no_node
from bakeoff.training.settings import WHERE

WAITS, RUNS, DONE, REUSED = "waits", "runs", "done", "reused"
FAILED, CANCELED = "failed", "canceled"


@dataclass(frozen=True)
class Task:
    """One task of a run."""

    key: str
    """Its place in the graph: unique in the run, the same at every look."""
    label: str
    """What a person calls it: its display name, in a loop with the item's model."""
    state: str
    """waits, runs, done, reused, failed or canceled."""
    reason: str = ""
    """Why it waits or failed, in words."""
    pod: str = ""
    """The pod of its work."""
    began: datetime | None = None
    """When its work did."""
    ended: datetime | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Names of its artifacts → their addresses."""
    inputs: Mapping[str, list[str]] = field(default_factory=dict)
    """Names of the artifacts it was given → their addresses."""

    @property
    def name(self) -> str:
        """In the pipeline, of all items of a loop alike."""
        return self.key.rpartition("/")[2]


def display_names(spec: Mapping[str, Any]) -> dict[str, str]:
    """Tasks of a compiled pipeline → their display names."""
    compiled = _compiled(spec).items()
    return {name: task.get("taskInfo", {}).get("name", name) for name, task in compiled}


def waits_for_rayjobs(spec: Mapping[str, Any]) -> set[str]:
    """Names of the tasks of a compiled pipeline whose training is a RayJob's."""
    spec = spec.get("pipeline_spec", spec)
    components = spec.get("components", {})
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    found = set()
    for name, task in _compiled(spec).items():
        component = components.get(task.get("componentRef", {}).get("name"), {})
        executor = executors.get(component.get("executorLabel"), {})
        if {"name": WHERE, "value": "rayjob"} in executor.get("container", {}).get("env", ()):
            found.add(name)
    return found


def _compiled(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The tasks of a compiled pipeline, those in its loops too, by name."""
    spec = spec.get("pipeline_spec", spec)
    parts = [spec.get("root", {}), *spec.get("components", {}).values()]
    return {
        name: task for part in parts for name, task in part.get("dag", {}).get("tasks", {}).items()
    }


def tasks(workflow: Mapping[str, Any], names: Mapping[str, str]) -> list[Task]:
    """The tasks that have begun, in the order in which they did.

    Args:
        workflow: as KFP or Kubernetes hands it out.
        names: from `display_names`.
    """
    drivers: dict[str, dict[str, Any]] = {}
    executors: dict[str, dict[str, Any]] = {}
    tried: set[str] = set()
    for node in sorted(_nodes(workflow), key=lambda node: node.get("startedAt") or ""):
        *above, last = _path(node["name"]) or [""]
        if node["type"] == "Retry" and last == "executor" and node.get("phase") == "Running":
            tried.add("/".join(above))
        if node["type"] != "Pod":
            continue
        if last == "executor":
            executors["/".join(above)] = node  # The last try is the one that counts.
        elif last.endswith("-driver"):
            drivers["/".join([*above, last.removesuffix("-driver")])] = node
    return [
        task
        for key in dict.fromkeys([*drivers, *executors])
        if (task := _task(key, drivers.get(key), executors.get(key), names, workflow, key in tried))
    ]


def outcome(workflow: Mapping[str, Any]) -> str:
    """What the workflow itself says of its end or its waiting, "" where nothing."""
    return explained(str(workflow.get("status", {}).get("message") or ""))


def was_terminated(run: Mapping[str, Any], workflow: Mapping[str, Any]) -> bool:
    """Whether somebody canceled a run, whose state may be FAILED all the same."""
    history = [entry.get("state") for entry in run.get("state_history") or ()]
    stopped = workflow.get("spec", {}).get("activeDeadlineSeconds") == 0
    return stopped or "CANCELING" in history or run.get("state") in ("CANCELING", "CANCELED")


def explained(message: str) -> str:
    """A message of Argo or Kubernetes in words, with what to do where that is known."""
    message = " ".join(message.split())
    if found := re.search(r"0/\d+ nodes are available.*", message):
        return f"{no_node(found[0])}: wait, or ask for less"
    for pattern, words in _WORDS:
        if found := re.search(pattern, message):
            return found.expand(words)
    return message[:300]


_WORDS = (
    (
        r"(?:ImagePullBackOff|ErrImage(?:Pull|NeverPull)|InvalidImageName).*?image \"([^\"]+)\"",
        r"the image \1 cannot be pulled: is it there, and may the cluster pull it?",
    ),
    (r"ImagePullBackOff|ErrImagePull", r"its image cannot be pulled: name another with --image"),
    (
        r'secrets? "([^"]+)" not found',
        r"the secret \1 is missing: kubectl create secret generic \1 …",
    ),
    (
        r"couldn't find key (\S+) in Secret (?:\S+/)?(\S+)",
        r"the secret \2 has no key \1: make it anew with that key",
    ),
    (r'configmaps? "([^"]+)" not found', r"the config map \1 is missing"),
    (
        r'serviceaccounts? "?([^\s":]+)"? not found',
        r"the service account \1 is missing: apply k8s/, or name another with --service-account",
    ),
    (
        r"failed quota: ([^:]+): must specify (.*)",
        r"the namespace's quota \1 takes no pod without \2: a LimitRange there says it for all",
    ),
    (r"exceeded quota: ([^,]+)", r"the namespace's quota \1 is used up: wait, or ask for less"),
    (
        r"OOMKilled",
        r"it needed more memory than its limit: a larger --resources, or less data (--limit) or a "
        r"smaller batch (--set training.batch_size=16)",
    ),
    (
        r"(?:was active on the node longer than the specified deadline|DeadlineExceeded)",
        r"it took longer than its step may: a larger --resources gives it longer",
    ),
    (
        r"violates PodSecurity \"?([\w:.-]+)",
        r"the namespace's Pod Security (\1) refuses its pod",
    ),
)
"""What is found in a message → what a person is told."""


def _nodes(workflow: Mapping[str, Any]) -> list[dict[str, Any]]:
    status = workflow.get("status", {})
    if packed := status.get("compressedNodes"):  # Of large workflows.
        return list(json.loads(gzip.decompress(base64.b64decode(packed))).values())
    return list((status.get("nodes") or {}).values())


def _path(name: str) -> list[str]:
    """The parts of a node's name below the root of the pipeline, without numbers of tries.

    >>> _path("ae-x(0).root(0).for-loop-1(0).iterations(1:1)(0).train(0).executor(0)")
    ['for-loop-1', 'iterations(1:1)', 'train', 'executor']
    """
    parts = [re.sub(r"\(\d+\)$", "", part) for part in name.split(".")]
    return parts[2:] if len(parts) > 2 and parts[1] == "root" else parts[1:]


def _task(
    key: str,
    driver: Mapping[str, Any] | None,
    executor: Mapping[str, Any] | None,
    names: Mapping[str, str],
    workflow: Mapping[str, Any],
    tried: bool,
) -> Task | None:
    """`tried`: Argo replaces pods of it that are lost, until it says that it failed."""
    name = key.rpartition("/")[2]
    given = _executor_input(driver)
    label = names.get(name, name)
    values = given.get("inputs", {}).get("parameterValues", {})
    if "/" in key and (model := values.get("model")):
        # All items of a loop share one name, "train rnn-64 or bilstm".
        label = f"{label.partition(' ')[0]} {model}"
        if values.get("seed"):
            label += f" (seed {int(values['seed'])})"
    node = executor or driver
    if node is None:
        return None
    phase, reason = node.get("phase", ""), explained(node.get("message") or "")
    if phase in ("Failed", "Error"):
        lost = tried and phase == "Error"  # A step that failed by itself is Failed.
        state = WAITS if lost else FAILED
        reason = f"its pod was lost ({reason}): another one takes its place" if lost else reason
    elif executor is None:
        parameters = _parameters(driver)
        if name not in names and not reason:
            return None  # The driver of a loop or of the whole graph, of which nobody asks.
        state = REUSED if parameters.get("cached-decision") == "true" else WAITS
        if state == WAITS and phase in ("Succeeded", "Skipped") and not parameters:
            return None
        reason = reason if state == WAITS else ""
    elif phase == "Succeeded":
        state, reason = DONE, ""
    elif phase == "Running":
        state = RUNS
    elif phase in ("Omitted", "Skipped"):
        return None
    else:
        state = WAITS
    pod = _pod(workflow, executor) if executor else ""
    artifacts = given.get("outputs", {}).get("artifacts", {})
    return Task(
        key=key,
        label=label,
        state=state,
        reason=reason,
        pod=pod,
        began=_moment(node, "startedAt"),
        ended=_moment(node, "finishedAt"),
        outputs={name: found["artifacts"][0]["uri"] for name, found in artifacts.items()},
        inputs={
            name: [one["uri"] for one in found.get("artifacts", ())]
            for name, found in given.get("inputs", {}).get("artifacts", {}).items()
        },
    )


def _parameters(node: Mapping[str, Any] | None) -> dict[str, str]:
    outputs = (node or {}).get("outputs") or {}
    return {p["name"]: p.get("value", "") for p in outputs.get("parameters", ())}


def _executor_input(driver: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a driver resolved for its executor: parameters, and artifacts with their addresses."""
    try:
        pod = json.loads(_parameters(driver).get("pod-spec-patch") or "{}")
        command = pod["containers"][0]["command"]
        return json.loads(command[command.index("--executor_input") + 1])
    except (KeyError, IndexError, ValueError, TypeError):
        return {}


def _pod(workflow: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Argo names a pod by workflow, template and a hash."""
    template = node.get("templateName") or node.get("templateRef", {}).get("template", "")
    number = node["id"].rpartition("-")[2]
    return f"{workflow['metadata']['name']}-{template}-{number}"


def _moment(node: Mapping[str, Any], key: str) -> datetime | None:
    return datetime.fromisoformat(node[key]) if node.get(key) else None


def outputs_of(all_tasks: list[Task], artifact: str) -> Iterator[str]:
    """Addresses of the artifacts of that name, of tasks that wrote them or were given them."""
    for task in all_tasks:
        if artifact in task.outputs and task.state == DONE:
            yield task.outputs[artifact]
    for task in all_tasks:
        yield from task.inputs.get(artifact, ())
