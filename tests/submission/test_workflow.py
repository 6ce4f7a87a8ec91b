"""What a person is told of tasks, from workflows in the shape that Argo 4.0 and KFP 2.17 give."""

import base64
import gzip
import json

import pytest
from fake_kfp import node, resolved, workflow

from bakeoff.submission.workflow import (
    display_names,
    explained,
    outputs_of,
    tasks,
    was_terminated,
)

NAMES = {"prepare": "prepare the data", "train": "train rnn-64 or 2 others", "compare": "compare"}
LOOP = "for-loop-1(0).iteration-iterations({i}:{i})(0).iteration-item(0)."


def told(*nodes):
    return [(t.label, t.state, t.reason) for t in tasks(workflow(*nodes), NAMES)]


def test_a_task_is_driver_then_executor():
    driver = node("prepare-driver", "Running")
    assert told(driver) == [("prepare the data", "waits", "")]
    driver = node("prepare-driver", "Succeeded", **resolved(dataset="minio://b/d"))
    assert told(driver) == [("prepare the data", "waits", "")]
    executor = node("prepare(0).executor", "Running", startedAt="2026-11-27T07:01:00Z")
    assert told(driver, executor) == [("prepare the data", "runs", "")]
    ended = node("prepare(0).executor", "Succeeded", finishedAt="2026-11-27T07:01:23Z")
    found = tasks(workflow(driver, ended), NAMES)[0]
    assert (found.state, found.outputs) == ("done", {"dataset": "minio://b/d"})
    assert (found.ended - found.began).total_seconds() == 83


def test_a_cached_task_is_reused():
    driver = node("prepare-driver", "Succeeded", **resolved(cached=True))
    assert told(driver) == [("prepare the data", "reused", "")]


def test_the_items_of_a_loop_are_told_apart():
    nodes = [
        node(LOOP.format(i=i) + "train-driver", "Succeeded", **resolved(parameters=item))
        for i, item in enumerate(
            [
                {"model": "rnn-64", "seed": 0.0},
                {"model": "bilstm", "seed": 0.0},
                {"model": "bilstm", "seed": 1.0},
            ]
        )
    ]
    loop = node("for-loop-1-driver", "Succeeded", **resolved())
    assert {label for label, _, _ in told(loop, *nodes)} == {
        "train rnn-64",
        "train bilstm",
        "train bilstm (seed 1)",
    }


def test_the_last_try_counts():
    tries = [
        node("prepare(0).executor", "Error", "pod deleted", startedAt="2026-11-27T07:00:00Z"),
        node("prepare(0).executor", "Running", startedAt="2026-11-27T07:01:00Z", id="wf-2"),
    ]
    tries[1]["name"] = tries[1]["name"].replace("executor(0)", "executor(1)")
    assert told(*tries) == [("prepare the data", "runs", "")]


@pytest.mark.parametrize(
    ("argo", "pod", "told_of"),
    [
        (
            *("Running", "Error"),
            ("waits", "its pod was lost (pod deleted): another one takes its place"),
        ),
        ("Failed", "Error", ("failed", "pod deleted")),
        ("Running", "Failed", ("failed", "pod deleted")),
    ],
)
def test_a_lost_pod_is_no_failure_while_argo_replaces_it(argo, pod, told_of):
    lost = node("prepare(0).executor", pod, "pod deleted")
    tries = node("prepare(0).executor", argo, pod="Retry", id="wf-9")
    tries["name"] = tries["name"].removesuffix("(0)")
    assert told(tries, lost) == [("prepare the data", *told_of)]


def test_nodes_of_a_large_workflow_are_unpacked():
    large = workflow(node("prepare(0).executor", "Running"))
    nodes = json.dumps(large["status"].pop("nodes")).encode()
    large["status"]["compressedNodes"] = base64.b64encode(gzip.compress(nodes)).decode()
    assert [t.state for t in tasks(large, NAMES)] == ["runs"]


@pytest.mark.parametrize("nothing", [{}, {"status": {}}, {"status": {"nodes": None}}])
def test_a_workflow_that_has_not_begun_has_no_tasks(nothing):
    assert tasks(nothing, NAMES) == []


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu. no new claims to "
            "deallocate, preemption: 0/1 nodes are available",
            "no node has room (of 1): too little cpu on 1: wait, or ask for less",
        ),
        (
            "Unschedulable: 0/3 nodes are available: 1 node(s) had untolerated taint "
            "{node.example/role: gpu}, 2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are "
            "available: 3 No preemption victims found for incoming pod.",
            "a taint that it does not tolerate (node.example/role: gpu) on 1, too little "
            "nvidia.com/gpu on 2: wait",
        ),
        (
            'pods "a" is forbidden: failed quota: compute: must specify limits.cpu for: main',
            "the namespace's quota compute takes no pod without limits.cpu for: main",
        ),
        (
            'ImagePullBackOff: Back-off pulling image "registry.example:5000/bakeoff:1"',
            "the image registry.example:5000/bakeoff:1 cannot be pulled",
        ),
        (
            'ErrImagePull: rpc error: failed to pull and unpack image "docker.io/x/no@sha256:0": x',
            "the image docker.io/x/no@sha256:0 cannot be pulled",
        ),
        (
            'CreateContainerConfigError: secret "wandb" not found',
            "the secret wandb is missing: kubectl create secret generic wandb",
        ),
        (
            "CreateContainerConfigError: couldn't find key api-key in Secret kubeflow/wandb",
            "the secret wandb has no key api-key",
        ),
        (
            'pods "a" is forbidden: error looking up service account kubeflow/who: '
            'serviceaccount "who" not found',
            "the service account who is missing",
        ),
        ('pods "a" is forbidden: exceeded quota: small, requested: cpu=2', "quota small is used"),
        ("OOMKilled (exit code 137)", "limit: a larger --resources, or less data (--limit)"),
        (
            "Pod was active on the node longer than the specified deadline",
            "may: a larger --res",
        ),
        (
            'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "Pod Security (restricted:latest) refuses",
        ),
        ("Error (exit code 1)", "Error (exit code 1)"),
        ("", ""),
    ],
)
def test_a_message_is_told_in_words(message, words):
    assert words in explained(message)
    assert "\n" not in explained(message.replace(" ", "\n"))


def test_a_reason_goes_with_what_waits_or_failed_alone():
    waits = node("prepare(0).executor", "Pending", 'secret "wandb" not found')
    assert told(waits)[0][1:] == ("waits", explained('secret "wandb" not found'))
    ended = node("prepare(0).executor", "Succeeded", "some old message")
    assert told(ended) == [("prepare the data", "done", "")]
    failed = node("train-driver", "Error", "it broke")
    assert told(failed) == [("train rnn-64 or 2 others", "failed", "it broke")]


def test_artifacts_are_found_where_they_were_written_or_read():
    driver = node("compare-driver", "Succeeded", **resolved(comparison="minio://b/c"))
    running = [driver, node("compare(0).executor", "Running")]
    assert list(outputs_of(tasks(workflow(*running), NAMES), "comparison")) == []
    done = [driver, node("compare(0).executor", "Succeeded")]
    assert list(outputs_of(tasks(workflow(*done), NAMES), "comparison")) == ["minio://b/c"]


def test_display_names_of_all_graphs():
    spec = {
        "root": {"dag": {"tasks": {"prepare": {"taskInfo": {"name": "prepare the data"}}}}},
        "components": {
            "comp-loop": {"dag": {"tasks": {"train": {"taskInfo": {"name": "train"}}}}},
            "comp-prepare": {"executorLabel": "exec-prepare"},
        },
    }
    names = {"prepare": "prepare the data", "train": "train"}
    assert display_names(spec) == display_names({"pipeline_spec": spec}) == names
    assert display_names({}) == {}


def test_a_canceled_run_is_told_though_its_state_is_failed():
    assert was_terminated({"state": "FAILED"}, workflow(deadline=0))
    assert was_terminated({"state": "FAILED", "state_history": [{"state": "CANCELING"}]}, {})
    assert not was_terminated({"state": "FAILED"}, workflow(deadline=86400))
