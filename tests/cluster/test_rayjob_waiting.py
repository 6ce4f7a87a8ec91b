import pytest

from bakeoff.cluster.waiting import reasons


def event(reason, message, *, name="train-abcde-head-xyz", time="2026-11-27T09:00:00Z"):
    return {
        "reason": reason,
        "message": message,
        "lastTimestamp": time,
        "involvedObject": {"name": name},
    }


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        (
            "FailedScheduling",
            "0/2 nodes are available: 1 Insufficient cpu, 2 Insufficient nvidia.com/gpu."
            " preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
            "no node has room (of 2): too little cpu on 1, too little nvidia.com/gpu on 2",
        ),
        (
            "FailedScheduling",
            "0/3 nodes are available: 1 node(s) had untolerated taint {nvidia.com/gpu: present}, 2 "
            "node(s) didn't match Pod's node affinity/selector. preemption: not helpful.",
            "no node has room (of 3): a taint that it does not tolerate (nvidia.com/gpu: present)"
            " on 1, other labels than its node selector or affinity asks for on 2",
        ),
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate,"
            " preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
            "no node has room (of 1): too little memory on 1",
        ),
        (
            "FailedScheduling",
            "no nodes available to schedule pods",
            "no node has room: no nodes available to schedule pods",
        ),
        (
            "Failed",
            'Failed to pull image "reg.example/none:1": rpc error: code = NotFound',
            "image reg.example/none:1 cannot be pulled: is its name right, and may the cluster pull"
            ' it? (Failed to pull image "reg.example/none:1": rpc error: code = NotFound)',
        ),
        (
            "Failed",
            'Error: secret "wandb" not found',
            "there is no secret wandb in the namespace: create it",
        ),
        (
            "FailedToCreateHeadPod",
            'pods "train-head" is forbidden: error looking up service account kubeflow/bakeoff-ray:'
            ' serviceaccount "bakeoff-ray" not found',
            "there is no service account bakeoff-ray in the namespace: create it",
        ),
        (
            "FailedToCreateHeadPod",
            'pods "x" is forbidden: exceeded quota: team, requested: cpu=4',
            'the namespace\'s quota is used up: pods "x" is forbidden: exceeded quota: team, '
            "requested: cpu=4",
        ),
        ("FailedMount", "timed\n out", "FailedMount: timed out"),
    ],
)
def test_words(reason, message, words):
    assert reasons([event(reason, message)], "train") == [words]


def test_the_latest_comes_first_each_once_and_others_not_at_all():
    found = reasons(
        [
            event("A", "early"),
            event("B", "late", time="2026-11-27T10:00:00Z"),
            event("A", "early", name="train-abcde-worker-1"),
            event("C", "of another one", name="other"),
            event("Unhealthy", "Readiness probe failed: connection refused"),
            {**event("D", "latest", time=None), "eventTime": "2026-11-27T11:00:00.000000Z"},
        ],
        "train",
    )
    assert found == ["D: latest", "B: late", "A: early"]
