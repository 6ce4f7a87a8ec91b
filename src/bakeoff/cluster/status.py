"""What to do about a RayJob as it stands; nothing here asks anybody.

KubeRay tells of the cluster (`jobDeploymentStatus`, with a `reason` once it failed) and of the
entrypoint (`jobStatus`), and is late with both; the entrypoint tells its own outcome, which goes
first. `ValidationFailed` and `Suspended` are left by somebody else only, or never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any


class Next(Enum):
    WAIT = "wait"
    DONE = "done"
    AGAIN = "again"
    """Delete it, and try again with a new one."""
    FAIL = "fail"
    """Delete it; another one would fare the same."""


@dataclass(frozen=True)
class Decision:
    next: Next
    said: str
    """One line: how it stands; of a failure why, and what to do."""


class Outcome(StrEnum):
    """How an entrypoint ended, in its own words."""

    DONE = "done"
    REFUSED = "refused"
    """What a person has to put right."""
    CRASHED = "crashed"
    """A fault of the code: it would happen again."""
    PASSING = "passing"
    """What another try may find mended: workers died, no room, a store away."""
    ABANDONED = "abandoned"
    """Nobody followed it any more."""


_NOT_YET = {
    "": "KubeRay has not looked at it yet",
    "Initializing": "its pods start",
    "Waiting": "it waits for somebody to submit it",
    "Retrying": "KubeRay starts it again",
    "Suspending": "it is being suspended",
    "Suspended": "it is suspended: a queue (Kueue) admits it once there is room",
    "Running": "it runs",
}
_ENDED = {
    "PreRunningDeadlineExceeded": (
        Next.AGAIN,
        "its pods did not all start in time: free some of the cluster, ask for less, or raise "
        "pre_running_minutes",
    ),
    "DeadlineExceeded": (
        Next.AGAIN,
        "it took longer than a try may: raise active_hours or attempts",
    ),
    "ValidationFailed": (Next.FAIL, "KubeRay takes it for invalid: is its version 1.7?"),
    "SubmissionFailed": (Next.AGAIN, "KubeRay could not start the entrypoint"),
    "AppFailed": (
        Next.AGAIN,
        "its entrypoint died without a word, as it does with the head, without its store, or out "
        "of memory: ask for more memory (--resources large) if it happens again",
    ),
    "JobStatusCheckTimeoutExceeded": (Next.AGAIN, "its head could not be reached for long"),
    "JobDeploymentStatusTransitionGracePeriodExceeded": (
        Next.AGAIN,
        "its entrypoint ended, and KubeRay did not notice in time",
    ),
}
_UNKNOWN_REASON = (Next.AGAIN, "KubeRay says no more")


def decide(
    status: Mapping[str, Any], outcome: Mapping[str, Any] | None, *, being_deleted: bool = False
) -> Decision:
    """What to do about a RayJob.

    Args:
        status: the RayJob's.
        outcome: what its entrypoint wrote: `outcome`, a value of `Outcome`, and `message`.
        being_deleted: somebody has deleted it already.
    """
    if outcome is not None:
        return _by_outcome(Outcome(outcome["outcome"]), outcome.get("message", ""))
    if being_deleted:
        return Decision(Next.AGAIN, "somebody deleted it")
    deployment, job = status.get("jobDeploymentStatus", ""), status.get("jobStatus", "")
    if deployment in ("Failed", "ValidationFailed"):
        reason = status.get("reason") or ("" if deployment == "Failed" else deployment)
        what, why = _ENDED.get(reason, _UNKNOWN_REASON)
        said = f"{why} ({', '.join(_facts(reason or deployment, status))})"
        return Decision(what, said)
    if deployment == "Complete":
        if job == "STOPPED":
            return Decision(Next.FAIL, "somebody stopped it in Ray")
        return Decision(Next.AGAIN, f"it ended without a result (Complete, {job or 'no status'})")
    return Decision(Next.WAIT, _NOT_YET.get(deployment, f"KubeRay says {deployment}"))


def _by_outcome(outcome: Outcome, message: str) -> Decision:
    if outcome is Outcome.DONE:
        return Decision(Next.DONE, "it is done")
    if outcome is Outcome.PASSING:
        return Decision(Next.AGAIN, message)
    if outcome is Outcome.ABANDONED:
        return Decision(Next.AGAIN, "it had ended itself, as nobody followed it any more")
    return Decision(Next.FAIL, message)


def _facts(reason: str, status: Mapping[str, Any]) -> list[str]:
    message = " ".join(str(status.get("message", "")).split())
    return [reason, message] if message else [reason]
