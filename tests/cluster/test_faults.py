"""Random sequences of faults: of the cluster, its server, S3 and the step's own pods."""

from contextlib import suppress
from dataclasses import replace

from fake_kuberay import FakeKubernetes, Killed, Life, Step, Time
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from s3_store import Store
from test_rayjob import ONE

from bakeoff.artifacts import MANIFEST
from bakeoff.cluster.kubernetes_api import AwayError
from bakeoff.errors import UserError

SEQUENCES = 100
PODS = 4
"""A step's first pod, and as many as may take its place."""

faults = st.sampled_from(["ok"] * 12 + [503, 500, 429, 410, "drop", "lost", "lost"])
fates = st.sampled_from(
    ["succeeds"] * 4
    + ["AppFailed", "PreRunningDeadlineExceeded", "JobStatusCheckTimeoutExceeded"]
    + ["suspended", "refused", "ValidationFailed", "DeadlineExceeded", "deleted"]
)
FINAL = {"refused", "ValidationFailed"}
"""What no other RayJob would change."""


@st.composite
def sequences(draw):
    return {
        "fates": draw(st.lists(fates, min_size=1, max_size=6)),
        "faults": draw(st.lists(faults, max_size=60)),
        "away": draw(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 90)), max_size=2)),
        "s3": draw(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=2)),
        "kills": draw(st.lists(st.integers(0, 150), max_size=PODS - 1)),
        "terminated": draw(st.booleans()),
        "removal": draw(st.sampled_from([0.5, 5.0, 40.0])),
    }


class World:
    """A run with one training, in which a sequence happens."""

    def __init__(self, sequence):
        self.sequence, self.clock = sequence, Time(limit=40_000)
        self.fake = FakeKubernetes(self.clock)
        store = Store("s3://bucket/run", state={"away": False, "clock": self.clock})
        self.life = Life(store / "work", store / "models", self.clock)
        self.fake.removal = sequence["removal"]
        self.fake.faults.extend(sequence["faults"])
        self.fake.scripts = [self.script(fate) for fate in sequence["fates"]]
        self.step = Step(self.fake, self.make, self.life.work, self.life.models, self.clock)
        for start, seconds in sequence["away"]:
            self.during(start, seconds, lambda on: setattr(self.fake, "away", on))
        for start, seconds in sequence["s3"]:
            self.during(start, seconds, lambda on: store.state.update(away=on))

    @staticmethod
    def make(attempt):
        return replace(ONE, attempt=attempt)

    def during(self, start, seconds, switch):
        self.clock.after(start, lambda: switch(True))
        self.clock.after(start + seconds, lambda: switch(False))

    def script(self, fate):
        life = self.life
        if fate == "succeeds":
            return life.succeeds()
        if fate == "refused":
            return life.refuses("too few rows")
        if fate == "suspended":
            return [(1.0, {"jobDeploymentStatus": "Suspended"}), (300.0, {}), *life.succeeds()]
        if fate == "deleted":
            gone = lambda job: self.fake._remove(job["metadata"]["name"])  # noqa: E731
            return [*life.succeeds()[:3], (10.0, gone)]
        deployment = fate if fate == "ValidationFailed" else "Failed"
        return life.fails(fate, deployment=deployment)

    def pod(self, kill_after=None):
        """One pod of the step; how it ended."""
        self.clock.kill_at = None if kill_after is None else self.clock.now() + kill_after
        training = self.step.training()
        delete = training._delete

        def unless_killed(uid=""):
            if self.clock.kill_at is None or self.clock.now() < self.clock.kill_at:
                delete(uid)

        training._delete = unless_killed
        try:
            training.run()
        except Killed:
            return "killed"
        except UserError as error:
            return str(error)
        finally:
            self.clock.kill_at = None
        return "done"

    def run(self):
        """How the step ended: its pods take each other's place as long as they are lost."""
        for kill_after in self.sequence["kills"]:
            ended = self.pod(kill_after)
            if ended != "killed":
                return ended
            self.clock.sleep(10)
        if self.sequence["terminated"] and self.sequence["kills"]:
            return self.terminated()
        return self.pod()

    def terminated(self):
        """Nobody takes the last pod's place; its last request is all there is, and its Workflow."""
        heard = False
        with suppress(AwayError, UserError):
            self.fake.client().delete(self.make("").name)
            heard = True
        self.clock.sleep(3600)
        assert not (heard and self.fake.rayjobs)
        self.fake.workflow_deleted()
        return "terminated"


@seed(20261127)
@settings(
    max_examples=SEQUENCES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(sequences())
def test_whatever_happens_no_rayjob_is_left_nothing_hangs_and_the_result_is_right(sequence):
    world = World(sequence)
    try:
        ended = world.run()
        world.clock.sleep(1000)
        there = world.life.models.read(MANIFEST) is not None
        assert world.fake.rayjobs == {}
        assert ended != "done" or there
        if ended not in ("done", "terminated", "killed"):
            # Whoever failed says why: what is final, or that it was tried often enough.
            final = FINAL & set(sequence["fates"])
            assert final or "in a row failed" in ended, ended
            assert "too few rows" not in ended or "refused" in sequence["fates"]
        if set(sequence["fates"]) <= {"succeeds", "suspended"} and ended != "terminated":
            assert ended == "done"
    finally:
        world.fake.close()
