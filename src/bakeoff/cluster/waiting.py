"""Why pods do not start, in words, from what the cluster warns of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_PULL = re.compile(r'image "([^"]+)"')
_SECRET = re.compile(r'(secret|configmap) "([^"]+)" not found')
_ACCOUNT = re.compile(r'service ?account "?([^" ]+)"? not found', re.IGNORECASE)
_PASSING = {"Unhealthy"}
"""Probes fail until a container has started; what keeps it from that is told by other events."""
_PULLS = {"Failed", "BackOff", "ErrImagePull", "ImagePullBackOff", "InspectFailed"}


def reasons(warnings: Iterable[Mapping[str, Any]], rayjob: str) -> list[str]:
    """What warnings say of a RayJob, its cluster and its pods, the latest first, each once.

    Args:
        warnings: events as Kubernetes lists them.
        rayjob: its name, with which the names of cluster and pods begin.
    """
    own = [
        event
        for event in warnings
        if event["involvedObject"].get("name", "").startswith(rayjob)
        and event.get("reason") not in _PASSING
    ]
    own.sort(key=_time, reverse=True)
    return list(dict.fromkeys(_words(event) for event in own))


def _time(event: Mapping[str, Any]) -> str:
    """ISO 8601, so that order of text is order of time."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event.get("firstTimestamp")
        or ""
    )


def _words(event: Mapping[str, Any]) -> str:
    reason, message = event.get("reason", ""), " ".join(event.get("message", "").split())
    if reason == "FailedScheduling":
        return no_node(message)
    if found := _SECRET.search(message):
        return f"there is no {found[1]} {found[2]} in the namespace: create it"
    if found := _ACCOUNT.search(message):
        return f"there is no service account {found[1]} in the namespace: create it"
    if reason in _PULLS and (found := _PULL.search(message)):
        return (
            f"image {found[1]} cannot be pulled: is its name right, and may the cluster pull it? "
            f"({message})"
        )
    if "exceeded quota" in message:
        return f"the namespace's quota is used up: {message}"
    return f"{reason}: {message}"


def no_node(message: str) -> str:
    """What a scheduler says of a pod, in words.

    >>> no_node("0/2 nodes are available: 1 Insufficient cpu, 2 Insufficient nvidia.com/gpu. "
    ...          "preemption: 0/2 nodes are available: 2 No preemption victims found.")
    'no node has room (of 2): too little cpu on 1, too little nvidia.com/gpu on 2'
    """
    counted = re.match(r"0/(\d+) nodes are available: (.*?)\.?(?:(?<=\.) .*)?$", message)
    if not counted:
        return f"no node has room: {message}"
    nodes, parts = counted[1], []
    for part in re.split(r", (?=\d)", counted[2]):
        number, _, what = part.partition(" ")
        if what.startswith("Insufficient "):
            parts.append(f"too little {what.removeprefix('Insufficient ')} on {number}")
        elif "untolerated taint" in what:
            taint = what.partition("taint")[2].strip(" s(){}")
            parts.append(f"a taint that it does not tolerate ({taint}) on {number}")
        elif "affinity/selector" in what:
            parts.append(f"other labels than its node selector or affinity asks for on {number}")
        else:
            parts.append(f"{what} on {number}")
    return f"no node has room (of {nodes}): {', '.join(parts)}"
