"""Trainings on RayJobs of a Kubernetes that fails as it is told."""

import re
import threading

import pytest
from fake_kuberay import INITIALIZING, RUNNING, Killed, ended
from rayjob_rules import needs_schema

from bakeoff.artifacts import MANIFEST
from bakeoff.errors import UserError


def made(fake):
    return len(fake.manifests)


def settle(fake, clock):
    """Let KubeRay take away what was deleted."""
    clock.kill_at = None
    clock.sleep(60)
    return list(fake.rayjobs)


def test_a_training_that_succeeds(fake, life, step, clock):
    fake.scripts = [life.succeeds()]
    step.training().run()
    assert life.models.read(MANIFEST)
    assert "".join(step.shown) == "epoch 1\nepoch 2\n"
    assert made(fake) == 1
    assert settle(fake, clock) == []
    assert step.said[0].startswith("made RayJob bakeoff-")
    assert any("its pods start" in line for line in step.said)


def test_a_persons_mistake_is_said_in_its_words_and_not_tried_again(fake, life, step, clock):
    fake.scripts = [life.refuses("no class has two examples: give more rows")]
    with pytest.raises(UserError, match="no class has two examples: give more rows"):
        step.training().run()
    assert made(fake) == 1
    assert settle(fake, clock) == []


def test_what_would_fare_the_same_is_not_tried_again(fake, life, step, clock):
    fake.scripts = [life.fails("ValidationFailed", "no", "ValidationFailed")]
    with pytest.raises(UserError, match=r"KubeRay takes it for invalid.*no"):
        step.training().run()
    assert made(fake) == 1
    assert settle(fake, clock) == []


@pytest.mark.parametrize(
    "reason",
    [
        *("AppFailed", "PreRunningDeadlineExceeded", "SubmissionFailed"),
        *("JobStatusCheckTimeoutExceeded", "JobDeploymentStatusTransitionGracePeriodExceeded"),
        "DeadlineExceeded",
    ],
)
def test_what_may_pass_is_tried_again_with_a_new_rayjob(fake, life, step, clock, reason):
    fake.scripts = [life.fails(reason), life.succeeds()]
    step.training().run()
    assert life.models.read(MANIFEST)
    assert made(fake) == 2
    assert settle(fake, clock) == []
    assert any(line.startswith("try 2 of 3, as ") and reason in line for line in step.said)
    attempts = {m["metadata"]["annotations"]["bakeoff.dev/attempt"] for m in fake.manifests}
    assert len(attempts) == 2


def test_it_is_tried_so_often_and_no_more(fake, life, step, clock):
    fake.scripts = [life.fails("AppFailed", "exit code 137")]
    with pytest.raises(UserError, match=r"3 RayJobs in a row failed.*more memory.*exit code 137"):
        step.training(attempts=3).run()
    assert made(fake) == 3
    assert settle(fake, clock) == []


def test_pods_that_fit_nowhere_are_explained_while_they_wait(fake, step, clock):
    fake.scripts = [
        [(2.0, INITIALIZING), (1200.0, ended("Failed", "", "PreRunningDeadlineExceeded"))]
    ]
    for name in ("bakeoff-lstm-0123456789-abcde-head-x", "somebody-elses"):
        fake.events.append(
            {
                "type": "Warning",
                "reason": "FailedScheduling",
                "message": f"0/1 nodes are available: 1 Insufficient {name[:1]}pu.",
                "involvedObject": {"kind": "Pod", "name": name},
                "lastTimestamp": "2026-11-27T09:00:00Z",
            }
        )
    with pytest.raises(UserError, match="free some of the cluster, ask for less"):
        step.training(attempts=1).run()
    told = [line for line in step.said if "no node has room (of 1): too little bpu on 1" in line]
    assert 2 <= len(told) <= 6
    assert not any("too little spu" in line for line in step.said)
    assert settle(fake, clock) == []


def test_many_events_are_read_page_by_page(fake, life, step):
    fake.scripts = [life.succeeds()]
    other = {"reason": "X", "message": "y", "involvedObject": {"name": "other"}}
    own = {
        "reason": "Failed",
        "message": 'Failed to pull image "registry/none:1": not found',
        "involvedObject": {"name": "bakeoff-lstm-0123456789-abcde-head-x"},
    }
    fake.events = [other] * 450 + [own]
    step.training().run()
    assert any("image registry/none:1 cannot be pulled" in line for line in step.said)


def test_a_rayjob_that_a_queue_holds_waits_without_end(fake, life, step, clock):
    hours = 1.5 * 3600.0
    fake.scripts = [[(2.0, ended("Suspended")), (hours, ended("")), *life.succeeds()]]
    step.training().run()
    assert clock.now() > hours
    assert made(fake) == 1
    assert any("a queue (Kueue) admits it" in line for line in step.said)


def test_a_kuberay_that_does_nothing_is_named(fake, step, clock):
    fake.scripts = [[]]
    with pytest.raises(UserError, match=r"is KubeRay's operator up.*namespace kubeflow"):
        step.training(attempts=1).run()
    assert clock.now() < 1200 + 200
    assert settle(fake, clock) == []


def test_a_kuberay_that_is_down_while_a_training_ends_is_not_needed(fake, life, step):
    fake.scripts = [life.succeeds()[:-1]]
    fake.removal = None
    step.training().run()
    [left] = fake.rayjobs.values()
    assert left["metadata"]["deletionTimestamp"]  # KubeRay takes it away when it is back.


def test_kubernetes_away_for_a_minute_while_a_training_runs(fake, life, step, clock):
    fake.scripts = [life.succeeds(seconds=120)]
    clock.after(30, lambda: setattr(fake, "away", True))
    clock.after(90, lambda: setattr(fake, "away", False))
    step.training().run()
    assert made(fake) == 1
    assert "".join(step.shown) == "epoch 1\nepoch 2\n"
    assert sum("the training goes on meanwhile" in line for line in step.said) == 1
    assert settle(fake, clock) == []


def test_kubernetes_away_for_a_minute_when_a_training_starts_or_ends(fake, life, step, clock):
    fake.scripts = [life.succeeds()]
    fake.away = True
    clock.after(60, lambda: setattr(fake, "away", False))
    clock.after(60 + 70, lambda: setattr(fake, "away", True))
    clock.after(60 + 140, lambda: setattr(fake, "away", False))
    step.training().run()
    assert made(fake) == 1
    assert settle(fake, clock) == []


@pytest.mark.parametrize("trouble", ["away", "refuses"])
def test_s3_away_for_a_while_or_refusing(fake, life, step, store, clock, trouble):
    fake.scripts = [life.succeeds()]
    clock.after(20, lambda: store.state.update({trouble: True}))
    clock.after(50, lambda: store.state.update({trouble: False}))
    step.training().run()
    assert "".join(step.shown) == "epoch 1\nepoch 2\n"
    assert made(fake) == 1


def test_an_answer_that_is_lost_makes_no_second_rayjob(fake, life, step, clock):
    fake.scripts = [life.succeeds()]
    fake.faults.extend(["ok", "lost"])  # of: is there one, make one
    step.training().run()
    assert made(fake) == 1
    assert any("goes on with RayJob" in line for line in step.said)
    assert settle(fake, clock) == []


@pytest.mark.parametrize("fault", [503, 500, 429, 410, "slow", "drop", "lost"])
def test_faults_of_the_server_are_outlasted(fake, life, step, clock, fault):
    fake.scripts = [life.succeeds()]
    fake.faults.extend([fault, "ok"] * 8)
    step.training().run()
    assert made(fake) == 1
    assert settle(fake, clock) == []


def test_a_right_that_is_missing_is_named(fake, life, step):
    fake.scripts = [life.succeeds()]
    fake.faults.extend(["ok", 403])
    with pytest.raises(UserError, match=r"role with rayjobs \(ray.io\): create, get, delete"):
        step.training().run()


def test_a_kubernetes_without_kuberay_is_named(fake, life, step):
    fake.scripts = [life.succeeds()]
    fake.faults.extend(["ok", 404])
    with pytest.raises(UserError, match="install KubeRay"):
        step.training().run()


@needs_schema
def test_a_field_that_kuberay_does_not_know_is_refused(fake, life, step):
    fake.scripts = [life.succeeds()]
    make = step.make

    class Misspelt:
        name = make("x").name

        def manifest(self):
            manifest = make("x").manifest()
            manifest["spec"]["backofLimit"] = 0
            return manifest

        def limits(self):
            return {}

    step.make = lambda _: Misspelt()
    with pytest.raises(UserError, match=r"strict decoding error.*backofLimit"):
        step.training().run()
    assert made(fake) == 0


class TestWhoTakesTheStepsPlace:
    def killed_at(self, step, clock, seconds):
        clock.kill_at = seconds
        training = step.training()
        training._delete = lambda *_: None  # A process that was killed asks for nothing.
        with pytest.raises(Killed):
            training.run()
        clock.kill_at = None

    @pytest.mark.parametrize("seconds", [1, 5, 13, 30, 72, 74])
    def test_it_goes_on_with_the_rayjob_that_runs(self, fake, life, step, clock, seconds):
        """From before its pods start until after its models are there."""
        fake.scripts = [life.succeeds()]
        self.killed_at(step, clock, seconds)
        step.training().run()
        assert made(fake) == 1
        assert life.models.read(MANIFEST)
        assert settle(fake, clock) == []

    def test_it_reads_what_was_printed_from_the_start(self, fake, life, step, clock):
        fake.scripts = [life.succeeds()]
        self.killed_at(step, clock, 40)
        assert "".join(step.shown) == "epoch 1\n"
        step.shown.clear()
        step.training().run()
        assert "".join(step.shown) == "epoch 1\nepoch 2\n"

    def test_it_replaces_the_rayjob_that_failed(self, fake, life, step, clock):
        fake.scripts = [life.fails("AppFailed"), life.succeeds()]
        self.killed_at(step, clock, 20)
        clock.sleep(60)
        step.training().run()
        assert made(fake) == 2
        assert any("of an earlier try is replaced" in line for line in step.said)
        assert settle(fake, clock) == []

    def test_it_replaces_the_one_that_ended_itself(self, fake, life, step, clock):
        left = (5.0, life.leaves("abandoned"))
        fake.scripts = [[*life.succeeds()[:2], left, (5, ended("Complete", "SUCCEEDED"))]]
        fake.scripts.append(life.succeeds())
        self.killed_at(step, clock, 14)
        clock.sleep(60)
        step.training().run()
        assert made(fake) == 2

    def test_it_waits_until_the_one_that_was_deleted_is_gone(self, fake, life, step, clock):
        fake.scripts, fake.removal = [life.succeeds()], 90.0
        self.killed_at(step, clock, 20)
        fake.client().delete(step.make("x").name)
        step.training().run()
        assert made(fake) == 2
        clock.sleep(200)
        assert list(fake.rayjobs) == []

    def test_two_at_once_reach_one_result(self, fake, life, step, clock):
        """The node of the first was thought lost."""
        fake.scripts = [life.succeeds()]
        lock = threading.Lock()
        sleep = clock.sleep

        def one_at_a_time(seconds):
            with lock:
                sleep(seconds / 2)

        clock.sleep = one_at_a_time
        failed = []

        def run():
            try:
                step.training().run()
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert life.models.read(MANIFEST)
        assert settle(fake, clock) == []


def test_no_key_is_in_what_kubernetes_is_told_or_a_person_reads(fake, life, step):
    fake.scripts = [life.fails("AppFailed", "gone"), life.succeeds()]
    step.training().run()
    told = str(fake.manifests) + str(step.said) + str(step.shown)
    assert "secret-token" not in told
    assert re.search("secretKeyRef", told)


def test_running_is_said_once(fake, life, step):
    fake.scripts = [[(1.0, INITIALIZING), (1.0, RUNNING), *life.succeeds(3000.0)[2:]]]
    step.training().run()
    assert sum(line.endswith(": it runs") for line in step.said) == 1
