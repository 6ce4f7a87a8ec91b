import pytest

from bakeoff.cluster.status import Next, decide

WAIT, DONE, AGAIN, FAIL = Next.WAIT, Next.DONE, Next.AGAIN, Next.FAIL
DEPLOYMENTS = [
    *("", "Initializing", "Running", "Complete", "Failed", "ValidationFailed"),
    *("Suspending", "Suspended", "Retrying", "Waiting"),
]
JOBS = ["", "PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]
REASONS = {
    "SubmissionFailed": AGAIN,
    "DeadlineExceeded": AGAIN,
    "PreRunningDeadlineExceeded": AGAIN,
    "AppFailed": AGAIN,
    "JobDeploymentStatusTransitionGracePeriodExceeded": AGAIN,
    "JobStatusCheckTimeoutExceeded": AGAIN,
    "ValidationFailed": FAIL,
    "SomethingNew": AGAIN,
}


def expected(deployment, job):
    """What to do without a word of the entrypoint's."""
    if deployment == "Complete":
        return FAIL if job == "STOPPED" else AGAIN
    return {"Failed": AGAIN, "ValidationFailed": FAIL}.get(deployment, WAIT)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("job", JOBS)
def test_every_status(deployment, job):
    status = {"jobDeploymentStatus": deployment, "jobStatus": job}
    decision = decide(status, None)
    assert decision.next is expected(deployment, job)
    assert decision.said
    # Whatever KubeRay knows, the entrypoint knows better.
    assert decide(status, {"outcome": "done"}).next is DONE
    assert decide(status, {"outcome": "abandoned"}).next is AGAIN
    away = decide(status, {"outcome": "passing", "message": "s3://b does not answer"})
    assert (away.next, away.said) == (AGAIN, "s3://b does not answer")
    for outcome in ("refused", "crashed"):
        told = decide(status, {"outcome": outcome, "message": "too few rows"})
        assert (told.next, told.said) == (FAIL, "too few rows")


@pytest.mark.parametrize(("reason", "what"), REASONS.items())
@pytest.mark.parametrize("job", JOBS)
def test_every_reason(reason, what, job):
    """After DeadlineExceeded the status of the job may stay RUNNING."""
    status = {
        "jobDeploymentStatus": "Failed",
        "jobStatus": job,
        "reason": reason,
        "message": "a\nb",
    }
    decision = decide(status, None)
    assert decision.next is what
    assert decision.said.endswith(f"({reason}, a b)")


def test_a_status_that_nobody_knows_is_waited_for_and_named():
    decision = decide({"jobDeploymentStatus": "Dreaming"}, None)
    assert decision.next is WAIT
    assert "Dreaming" in decision.said


def test_one_that_is_being_deleted():
    running = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}
    assert decide(running, None, being_deleted=True).next is AGAIN
    assert decide(running, {"outcome": "done"}, being_deleted=True).next is DONE
