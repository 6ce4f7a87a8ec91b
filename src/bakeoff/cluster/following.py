"""The life of one training on RayJobs: made or adopted, followed, tried again, deleted.

The RayJob's name follows from where its models go. So a step that takes the place of one that was
lost finds what that one left: it goes on with a RayJob that runs, and replaces one that failed. Of
retries this is the only owner; KubeRay and the entrypoint make none.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bakeoff.artifacts import MANIFEST
from bakeoff.clock import Clock, RealClock
from bakeoff.cluster.kubernetes_api import AwayError, ConflictError, Kubernetes, patiently
from bakeoff.cluster.rayjob import ATTEMPT, RayJob
from bakeoff.cluster.status import Decision, Next, decide
from bakeoff.cluster.waiting import reasons
from bakeoff.errors import UserError
from bakeoff.patience import PATIENCE_SECONDS, StoreAwayError
from bakeoff.s3 import Folder
from bakeoff.shipped import LogReader

LOG = "log"
POLL_SECONDS, LATER_SECONDS = 3.0, 10.0
"""Between two looks, at first and once nothing has changed for `SOON_SECONDS`."""
SOON_SECONDS = 120.0
AWAY_SECONDS = 1800.0
"""For which Kubernetes may be away while a training runs: it does not need it."""
ASK_SECONDS = 300.0
"""For which a RayJob's making or deletion is tried."""
GONE_SECONDS = 600.0
"""For which a RayJob that was deleted may stay: KubeRay takes it away, and may be away itself."""
KUBERAY_SECONDS = 120.0
"""By which KubeRay may be late with what it said it would do."""
REMIND_SECONDS = 300.0
EVENTS_SECONDS = 15.0
"""Between two looks at a namespace's events, of which there may be thousands."""
PAUSE_SECONDS = 15.0
"""Before another try."""
_MOST_LOOKS = 100


def outcome_name(attempt: str) -> str:
    """Where an entrypoint leaves its outcome."""
    return f"outcome-{attempt}.json"


@dataclass(kw_only=True)
class Training:
    """One training, until its models are where they belong."""

    api: Kubernetes
    name: str
    """Of its RayJobs, one after another."""
    rayjob: Callable[[str], RayJob]
    """Given what tells an attempt from others."""
    work: Folder
    """Where step and entrypoint meet."""
    models: Folder
    attempts: int
    say: Callable[[str], None]
    """Takes a line of ours."""
    show: Callable[[str], None]
    """Takes what the training printed."""
    clock: Clock = field(default_factory=RealClock)
    s3_patience: float = PATIENCE_SECONDS
    uid: str = field(default="", init=False)
    """Of the RayJob that was made or adopted; an earlier try's name is the same."""

    def run(self) -> None:
        """Returns once the models are there; of RayJobs none is left then, nor after an error.

        Raises:
            UserError: it failed, and why.
        """
        log = LogReader(self.work / LOG)
        ended = Decision(Next.AGAIN, "")
        for attempt in range(1, self.attempts + 1):
            if attempt > 1:
                self.say(f"try {attempt} of {self.attempts}, as {ended.said}")
                self.clock.sleep(PAUSE_SECONDS)
            try:
                ended = self._followed(log) if self._made_or_adopted() else _DONE
            except (AwayError, StoreAwayError) as error:
                ended = Decision(Next.AGAIN, str(error))
            finally:
                self._delete(self.uid)
                self.uid = ""
            self._show(log, patience=self.s3_patience)
            if ended.next is Next.DONE:
                return
            if ended.next is Next.FAIL:
                raise UserError(ended.said)
        raise UserError(f"{self.attempts} RayJobs in a row failed, the last one as {ended.said}")

    def _made_or_adopted(self) -> bool:
        """Whether there is a RayJob that is worth following; False if nothing is left to do."""
        for _ in range(_MOST_LOOKS):
            if self._are_models_there():
                self.say("its models are there already")
                return False
            found = patiently(lambda: self.api.rayjob(self.name), self.clock, seconds=ASK_SECONDS)
            if found is None:
                if self._created():
                    return True
                self.clock.sleep(POLL_SECONDS)
                continue
            uid = found["metadata"]["uid"]
            if not found["metadata"].get("deletionTimestamp"):
                decision = decide(found.get("status") or {}, self._outcome(found))
                if decision.next is Next.WAIT:
                    self.uid = uid
                    self.say(f"goes on with RayJob {self.name} of an earlier try: {decision.said}")
                    return True
                self.say(f"RayJob {self.name} of an earlier try is replaced: {decision.said}")
                self._delete(uid)
            self._await_gone(uid)
        raise AwayError(f"RayJob {self.name} is made and deleted by somebody else all the time")

    def _created(self) -> bool:
        """Whether it was; else there is one by now."""
        manifest = self.rayjob(uuid.uuid4().hex[:12]).manifest()
        try:
            made = patiently(lambda: self.api.create(manifest), self.clock, seconds=ASK_SECONDS)
        except ConflictError:
            # A try that got no answer may have arrived.
            return False
        self.uid = made["metadata"]["uid"]
        self.say(f"made RayJob {self.name} in namespace {self.api.namespace}")
        return True

    def _followed(self, log: LogReader) -> Decision:
        """How it ended."""
        limits = self.rayjob("").limits()
        stands, since, phase = "", self.clock.now(), ""
        why, looked = "", -math.inf
        reminded = answered = self.clock.now()
        while True:
            self._show(log)
            now = self.clock.now()
            try:
                found = self.api.rayjob(self.name)
            except (AwayError, UserError) as error:
                if self._are_models_there(patience=0):
                    return _DONE
                if now - answered > AWAY_SECONDS:
                    return Decision(Next.AGAIN, str(error))
                if stands != str(error):
                    stands = str(error)
                    self.say(f"{stands}; the training goes on meanwhile")
                self.clock.sleep(POLL_SECONDS)
                continue
            answered = now
            if found is None:
                return _DONE if self._are_models_there() else _DELETED
            status = found.get("status") or {}
            decision = decide(
                status,
                self._outcome(found),
                being_deleted=bool(found["metadata"].get("deletionTimestamp")),
            )
            if decision.next is not Next.WAIT:
                return decision
            deployment = status.get("jobDeploymentStatus", "")
            if deployment != phase:
                phase, since = deployment, now
            limit = limits.get(phase)
            if limit is not None and now - since > limit + KUBERAY_SECONDS:
                return Decision(
                    Next.AGAIN,
                    f"{decision.said}, for {now - since:.0f} s: is KubeRay's operator up, and does "
                    f"it watch namespace {self.api.namespace}?",
                )
            said = decision.said
            if phase in ("", "Initializing"):
                if now - looked >= EVENTS_SECONDS:
                    why, looked = self._why_it_waits(), now
                said = f"{said}: {why}" if why else said
            if said != stands or (phase != "Running" and now - reminded > REMIND_SECONDS):
                stands, reminded = said, now
                self.say(f"RayJob {self.name}: {said}")
            self.clock.sleep(POLL_SECONDS if now - since < SOON_SECONDS else LATER_SECONDS)

    def _why_it_waits(self) -> str:
        # What is said is a help; that it cannot be had is no reason to fail.
        with suppress(AwayError, UserError, ConflictError):
            return "; ".join(reasons(self.api.warnings(), self.name)[:2])
        return ""

    def _outcome(self, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
        attempt = found["metadata"].get("annotations", {}).get(ATTEMPT, "")
        with suppress(UserError):
            content = self.work.read(outcome_name(attempt), patience=0)
            return None if content is None else json.loads(content)
        return None

    def _are_models_there(self, patience: float | None = None) -> bool:
        """Whether they are whole: their manifest is written last."""
        patience = self.s3_patience if patience is None else patience
        try:
            return self.models.read(MANIFEST, patience=patience) is not None
        except UserError:
            if patience:
                raise
            return False

    def _show(self, log: LogReader, *, patience: float = 0.0) -> None:
        # A training that goes well needs nobody who reads what it prints.
        with suppress(UserError):
            for chunk in log.chunks(patience=patience):
                self.show(chunk)

    def _delete(self, uid: str) -> None:
        """Ask for its deletion until it is granted."""
        try:
            patiently(lambda: self.api.delete(self.name, uid), self.clock, seconds=ASK_SECONDS)
        except ConflictError:
            pass  # Another one took its place.
        except (AwayError, UserError) as error:
            self.say(
                f"RayJob {self.name} could not be deleted ({error}): it goes with its Workflow, "
                "and ends itself as nobody follows it"
            )

    def _await_gone(self, uid: str) -> None:
        """Raises:
        UserError: it stays.
        """
        until = self.clock.now() + GONE_SECONDS
        while self.clock.now() < until:
            found = patiently(lambda: self.api.rayjob(self.name), self.clock, seconds=ASK_SECONDS)
            if found is None or found["metadata"]["uid"] != uid:
                return
            self.clock.sleep(POLL_SECONDS)
        raise UserError(
            f"RayJob {self.name} was deleted and stays: KubeRay's operator takes it away; is it "
            f"up, and does it watch namespace {self.api.namespace}?"
        )


_DONE = Decision(Next.DONE, "it is done")
_DELETED = Decision(Next.AGAIN, "somebody deleted it")
