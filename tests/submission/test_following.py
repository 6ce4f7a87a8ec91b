"""A run that is followed: every change is a line, the end is the run's."""

import itertools
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fake_kfp import node, resolved, workflow
from fake_kubernetes import CORE, FakeKubernetes

from bakeoff.errors import UserError
from bakeoff.submission.api import Pipelines
from bakeoff.submission.following import follow
from bakeoff.submission.workflow import tasks

DRIVER = node("prepare-driver", "Succeeded", **resolved())
WAITS = workflow(DRIVER, node("prepare(0).executor", "Pending", 'secret "wandb" not found'))
RUNS = workflow(DRIVER, node("prepare(0).executor", "Running"))
DONE = workflow(DRIVER, node("prepare(0).executor", "Succeeded", finishedAt="2026-11-27T07:00:09Z"))
FAILED = workflow(DRIVER, node("prepare(0).executor", "Failed", "Error (exit code 2)", id="wf-77"))


@pytest.fixture
def watch(kfp):
    kfp.run_facts = {
        "pipeline_spec": {"root": {"dag": {"tasks": {"prepare": {"taskInfo": {"name": "data"}}}}}}
    }

    def run(
        *looks, patience=600.0, interrupted=lambda: False, sleep=lambda _: None, look=lambda: None
    ):
        kfp.looks = list(looks)
        lines = []
        times.clear()
        ticks = itertools.count(0, 10)
        state = follow(
            Pipelines(kfp.url),
            "r1",
            lines.append,
            interrupted,
            patience=patience,
            clock=SimpleNamespace(
                now=lambda: float(next(ticks)), sleep=lambda seconds: (look(), sleep(seconds))
            ),
            now=lambda: datetime(2026, 11, 27, 8, 59, tzinfo=UTC),
        )
        assert not [line for line in lines if "\n" in line]
        times.extend(line[:9].strip() for line in lines)
        return state, [line[9:] for line in lines]

    times = run.times = []
    return run


def test_a_run_from_waiting_to_its_end(watch):
    state, lines = watch(
        *[("PENDING", {}), ("RUNNING", WAITS), ("RUNNING", WAITS), ("RUNNING", RUNS)],
        ("SUCCEEDED", DONE),
    )
    assert state == "SUCCEEDED"
    assert lines == [
        "data: waits: the secret wandb is missing: kubectl create secret generic wandb …",
        "data: runs",
        "data: done in 0:09",
        "run r1 succeeded",
    ]
    # Since the run was made: now, and no line of a task before an earlier one.
    assert watch.times == ["2:00:00"] * 4
    watch(("RUNNING", RUNS), ("SUCCEEDED", DONE))
    assert watch.times == ["1:00", "1:09", "2:00:00"]


@pytest.mark.parametrize("by_kubeconfig", [False, True])
def test_what_a_step_says_of_its_rayjob_is_told_while_that_waits(
    watch, kfp, by_kubeconfig, monkeypatch, tmp_path
):
    rayjob = [{"name": "BAKEOFF_WHERE", "value": "rayjob"}]
    task = {"taskInfo": {"name": "train ae"}, "componentRef": {"name": "comp-train"}}
    kfp.run_facts = {
        "pipeline_spec": {
            "root": {"dag": {"tasks": {"train": task}}},
            "components": {"comp-train": {"executorLabel": "exec-train"}},
            "deploymentSpec": {"executors": {"exec-train": {"container": {"env": rayjob}}}},
        }
    }
    driver = node("train-driver", "Succeeded", **resolved())
    runs = workflow(driver, node("train(0).executor", "Running", id="wf-7"))
    ended = node("train(0).executor", "Succeeded", finishedAt="2026-11-27T07:00:09Z")
    [pod] = [one.pod for one in tasks(runs, {})]
    waits = "RayJob ae-1: its pods start: no node has room (of 1): too little cpu on 1"
    logs = iter(
        [
            "",
            f"made RayJob ae-1 in namespace kubeflow\n{waits}\n",
            f"{waits}\nae seed 0: epoch 1/4\n",
        ]
    )

    kubernetes = FakeKubernetes()
    kubernetes.objects["/apis/argoproj.io/v1alpha1/namespaces/kubeflow/workflows/wf"] = {}
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig(tmp_path)))

    def look():
        if by_kubeconfig:
            kubernetes.objects[f"{CORE}/pods/{pod}/log"] = next(logs, "")
        else:
            kfp.logs[pod] = next(logs, "")

    _, lines = watch(*[("RUNNING", runs)] * 12, ("SUCCEEDED", workflow(driver, ended)), look=look)
    assert lines[:4] == [
        "train ae: runs",
        f"train ae: runs: {waits}",
        "train ae: runs",
        "train ae: done in 0:09",
    ]
    assert watch.times[:3] == ["1:00", "2:00:00", "2:00:00"], "it began to train when it did"
    kubernetes.close()


def test_a_failure_is_told_with_the_steps_own_line(watch, kfp):
    kfp.logs["wf-system-container-impl-77"] = (
        "{executor}\nerror: the file is empty\nexit status 2\n"
    )
    state, lines = watch(("RUNNING", RUNS), ("FAILED", FAILED))
    assert state == "FAILED"
    assert lines[-3:] == [
        "data: failed: Error (exit code 2)",
        "data said: error: the file is empty",
        "run r1 failed",
    ]


def test_without_a_line_of_ours_the_last_lines_of_the_log_are_told(watch, kfp):
    kfp.logs["wf-system-container-impl-77"] = "\n".join(f"line {i}" for i in range(9))
    _, lines = watch(("FAILED", FAILED))
    assert [line for line in lines if "said" in line] == [
        f"data said: line {i}" for i in range(4, 9)
    ]


def test_a_run_that_fails_outside_its_tasks_says_why(watch):
    broken = workflow(message="error in entry template: 0/1 nodes")
    state, lines = watch(("FAILED", broken))
    assert (state, lines) == ("FAILED", ["run r1 failed: error in entry template: 0/1 nodes"])


def test_pods_of_a_canceled_run_have_not_failed(watch):
    ended = node("prepare(0).executor", "Failed", "main: Error (exit code 143)")
    _, lines = watch(("RUNNING", RUNS), ("FAILED", workflow(DRIVER, ended, deadline=0)))
    assert lines == ["data: runs", "data: canceled", "run r1 canceled"]


@pytest.mark.parametrize(
    "end", [("CANCELED", RUNS), ("FAILED", workflow(DRIVER, deadline=0))], ids=["state", "deadline"]
)
def test_a_canceled_run_ends_as_canceled(watch, end):
    state, lines = watch(("RUNNING", RUNS), ("CANCELING", RUNS), end)
    assert state == "CANCELED"
    assert lines[-1] == "run r1 canceled"


def test_a_run_whose_workflow_was_deleted_ends(watch, monkeypatch, tmp_path):
    """Of it KFP says for ever that it runs."""
    cluster = FakeKubernetes()
    place = "/apis/argoproj.io/v1alpha1/namespaces/kubeflow/workflows/wf"
    cluster.objects[place] = RUNS
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    sleep = lambda _: cluster.objects.pop(place, None)  # noqa: E731
    state, lines = watch(("RUNNING", RUNS), sleep=sleep)
    cluster.close()
    assert state == "FAILED"
    assert lines[0] == "data: runs"
    assert lines[1].startswith("run r1 failed: somebody deleted its workflow wf")


def test_a_workflow_that_another_cluster_does_not_know_is_not_deleted(watch, monkeypatch, tmp_path):
    cluster = FakeKubernetes()
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    state, lines = watch(*[("RUNNING", RUNS)] * 9, ("SUCCEEDED", DONE))
    cluster.close()
    assert state == "SUCCEEDED"
    [doubt] = [line for line in lines if "kubeconfig" in line]
    assert doubt.startswith("the kubeconfig's cluster has no workflow wf: if it is the run's")


EVENT = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Workflow", "name": "wf"}}


@pytest.mark.parametrize(
    "known",
    [
        {f"{CORE}/events": {"items": [EVENT]}},
        {f"{CORE}/services/ml-pipeline:8888/proxy/apis/v2beta1/runs/r1": {"run_id": "r1"}},
    ],
    ids=["events", "kfp"],
)
@pytest.mark.parametrize("said", ["RUNNING", "CANCELING", "PENDING"])
def test_a_run_that_is_followed_only_after_its_workflow_was_deleted_ends(
    watch, monkeypatch, tmp_path, known, said
):
    """At the first look: its cluster is known by what else it has of the run."""
    cluster = FakeKubernetes()
    cluster.objects |= known
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    state, lines = watch((said, RUNS), sleep=lambda _: pytest.fail("it waits"))
    cluster.close()
    assert state == "FAILED"
    assert lines[-1].startswith("run r1 failed: somebody deleted its workflow wf")


def test_ctrl_c_at_a_run_whose_workflow_was_deleted_ends(watch, kfp):
    kfp.gone = "sentiment-x7k2p"
    state, lines = watch(
        ("RUNNING", RUNS), interrupted=lambda: True, sleep=interrupting(iter([True]))
    )
    assert state == "FAILED"
    assert lines[-1].startswith("run r1 failed: somebody deleted its workflow, and nothing of it")


@pytest.mark.parametrize("trouble", ["drop", "503"])
def test_a_server_away_for_a_moment_is_told_once(watch, kfp, trouble):
    pauses = iter([[trouble] * 3])

    def sleep(_):
        kfp.trouble += next(pauses, [])

    state, lines = watch(("RUNNING", RUNS), ("SUCCEEDED", DONE), sleep=sleep)
    assert state == "SUCCEEDED"
    assert lines[0] == "data: runs"
    assert lines[1].startswith("KFP does not answer (")
    assert lines[2:] == ["KFP answers again", "data: done in 0:09", "run r1 succeeded"]


def test_a_server_that_stays_away_is_given_up_the_run_goes_on(watch, kfp):
    def sleep(_):
        kfp.trouble = ["drop"]

    with pytest.raises(UserError, match=r"not answered for 1 minutes.*bakeoff follow r1"):
        watch(("RUNNING", RUNS), patience=60, sleep=sleep)


@pytest.mark.parametrize(("trouble", "said"), [("401", "refuses the token"), ("page", "a page")])
def test_a_login_that_expires_is_one_line_the_run_goes_on(watch, kfp, trouble, said):
    with pytest.raises(UserError, match=rf"{said}.*; the run may go on: bakeoff follow r1$"):
        watch(("RUNNING", RUNS), sleep=lambda _: kfp.trouble.append(trouble))


def interrupting(times):
    def sleep(_):
        if next(times, False):
            raise KeyboardInterrupt

    return sleep


def test_ctrl_c_leaves_the_run_alone(watch, kfp):
    state, _ = watch(("RUNNING", RUNS), sleep=interrupting(iter([True])))
    assert state == ""
    assert not [asked for asked in kfp.asked if "terminate" in asked]


def test_ctrl_c_cancels_the_run_and_sees_its_end(watch, kfp):
    def end():
        kfp.looks = [("FAILED", workflow(DRIVER, deadline=0))]

    kfp.on_terminate = end
    state, lines = watch(
        ("RUNNING", RUNS), interrupted=lambda: True, sleep=interrupting(iter([True]))
    )
    assert state == "CANCELED"
    assert lines.count("data: runs") == 1


def test_ctrl_c_while_kfp_is_away_is_told_and_may_be_pressed_again(watch, kfp):
    presses = iter(["503", ""])

    def sleep(_):
        if (trouble := next(presses, None)) is not None:
            kfp.trouble += [trouble] if trouble else []
            raise KeyboardInterrupt

    def end():
        kfp.looks = [("FAILED", workflow(DRIVER, deadline=0))]

    kfp.on_terminate = end
    state, lines = watch(("RUNNING", RUNS), interrupted=lambda: True, sleep=sleep)
    assert state == "CANCELED"
    assert len([line for line in lines if "not canceled" in line]) == 1


def test_a_run_with_no_reasons_is_followed_by_its_state(watch):
    assert watch(("RUNNING", {}), ("SUCCEEDED", {})) == ("SUCCEEDED", ["run r1 succeeded"])
