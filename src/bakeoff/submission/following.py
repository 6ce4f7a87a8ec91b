"""Following a run to its end: a line whenever a task changes, with its reason when it waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from bakeoff.clock import Clock, RealClock
from bakeoff.errors import UserError
from bakeoff.submission.api import DeletedError, LoginError, NoAnswerError, Pipelines
from bakeoff.submission.kubeconfig import Kubeconfig
from bakeoff.submission.workflow import (
    CANCELED,
    DONE,
    FAILED,
    RUNS,
    WAITS,
    Task,
    display_names,
    outcome,
    tasks,
    waits_for_rayjobs,
    was_terminated,
)

ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
_PAUSE = 3.0
"""Seconds between two looks."""
_DELETION = 30.0
"""Seconds between two looks whether somebody deleted it."""
_LOGS = 30.0
"""Seconds between two looks at what a step says of its RayJob."""
_PATIENCE = 600.0
"""Seconds that KFP may be away."""
_LAST_LINES = 5
"""Of the log of a task that failed, where none of them is an error of ours."""
_REAL = RealClock()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def follow(
    kfp: Pipelines,
    run_id: str,
    show: Callable[[str], None],
    interrupted: Callable[[], bool] = lambda: False,
    *,
    patience: float = _PATIENCE,
    clock: Clock = _REAL,
    now: Callable[[], datetime] = _utc_now,
) -> str:
    """Tell what happens to a run until it has ended.

    Args:
        kfp: where it runs.
        run_id: which.
        show: is given each line.
        interrupted: asked at Ctrl-C: whether to cancel the run and see its end; else it is left.
        patience: seconds that KFP may be away.
        clock: of what is waited for.
        now: the time, as KFP gives it.

    Returns:
        SUCCEEDED, FAILED or CANCELED; "" of a run that was left.

    Raises:
        UserError: there is no such run, the token has become invalid, or KFP stays away; the run
            goes on.
    """
    following = _Following(kfp, run_id, show, patience, clock, now)
    while True:
        try:
            if state := following.look():
                return state
            clock.sleep(_PAUSE)
        except KeyboardInterrupt:
            if not interrupted():
                return ""
            try:
                kfp.terminate(run_id)
            except DeletedError as error:
                return following.deleted(error.how)
            except NoAnswerError as error:
                following.tell(f"it is not canceled: {error}, by Ctrl-C")


class _Following:
    """What has been told of a run."""

    def __init__(
        self,
        kfp: Pipelines,
        run_id: str,
        show: Callable[[str], None],
        patience: float,
        clock: Clock,
        now: Callable[[], datetime],
    ) -> None:
        self._kfp, self._run_id, self._print = kfp, run_id, show
        self._patience, self._clock = patience, clock
        self._now = now
        self._created: datetime | None = None
        self._away: float | None = None
        self._shown: dict[str, tuple[str, str]] = {}
        self._rayjobs: dict[str, tuple[float, str]] = {}
        """Of steps: when somebody looked at what they say of their RayJobs, and that."""
        self._last: dict[str, datetime] = {}
        self._said = self._doubt = ""
        self._kubeconfig, self._looked = Kubeconfig(run_id, kfp.namespace), float("-inf")
        self._again = f"the run may go on: bakeoff follow {run_id}"

    def look(self) -> str:
        """Tell what is new; the state of a run that has ended, else ""."""
        try:
            run = self._kfp.run(self._run_id)
            workflow = self._kfp.workflow(self._run_id)
        except NoAnswerError as error:
            self._endure(error)
            return ""
        except LoginError as error:
            raise UserError(f"{error}; {self._again}") from None
        if self._away is not None:
            self.tell("KFP answers again")
            self._away = None
        self._created = datetime.fromisoformat(run["created_at"])
        spec = run.get("pipeline_spec") or {}
        found = tasks(workflow, display_names(spec))
        waiting = waits_for_rayjobs(spec)
        found = [self._of_rayjob(task) if task.name in waiting else task for task in found]
        if was_terminated(run, workflow):
            found = [self._canceled(task) for task in found]
        lines = []
        for task in found:
            told = task.state, task.reason
            if told != self._shown.get(task.key) and _worth_a_line(task):
                lines.append((self._moment(task), _line(task)))
            self._shown[task.key] = told
        for moment, line in sorted(lines, key=itemgetter(0)):
            self.tell(line, moment)
        if run.get("state") in ENDED:
            return self._end(run, workflow, found)
        if (said := outcome(workflow)) and said != self._said:
            self.tell(said)
            self._said = said
        if self._clock.now() - self._looked < _DELETION:
            return ""
        self._looked = self._clock.now()
        gone = self._kubeconfig.noticed(workflow)
        if gone and gone.certain:
            return self.deleted(str(gone))
        if gone and str(gone) != self._doubt:
            self._doubt = str(gone)
            self.tell(self._doubt)
        return ""

    def deleted(self, how: str) -> str:
        """The state of a run whose workflow is gone, which is told."""
        self.tell(f"run {self._run_id} failed: {how}")
        return "FAILED"

    def _of_rayjob(self, task: Task) -> Task:
        """With what a step that runs says of its RayJob; of its training it says enough itself."""
        if task.state != RUNS:
            return task
        looked, said = self._rayjobs.get(task.key, (float("-inf"), ""))
        if self._clock.now() - looked >= _LOGS:
            said = _of_rayjob(self._log(task))
            self._rayjobs[task.key] = self._clock.now(), said
        return replace(task, reason=said)

    def _log(self, task: Task) -> str:
        """What a step printed: of one that runs, KFP's API server often knows nothing."""
        if not task.pod:
            return ""
        return self._kfp.log(self._run_id, task.pod) or self._kubeconfig.log(task.pod)

    def _canceled(self, task: Task) -> Task:
        """Of a run that was canceled: pods that were ended have not failed."""
        before, _ = self._shown.get(task.key, ("", ""))
        ended = task.state == FAILED and before != FAILED
        return replace(task, state=CANCELED, reason="") if ended else task

    def _moment(self, task: Task) -> datetime:
        """When it came to where it is; Argo counts the wait for a node to the work."""
        before, _ = self._shown.get(task.key, ("", ""))
        new = task.state == RUNS and before != RUNS and not task.reason
        began = task.began if new else None
        moment = task.ended or began or self._now()
        moment = max(moment, self._last.get(task.key, moment))
        self._last[task.key] = moment
        return moment

    def tell(self, line: str, moment: datetime | None = None) -> None:
        """Print a line of a moment, by default of now, with the time since the run was made."""
        moment = moment or self._now()
        seconds = (moment - (self._created or moment)).total_seconds()
        self._print(f"{_time(max(seconds, 0)):>7}  {line}")

    def _endure(self, error: NoAnswerError) -> None:
        if self._away is None:
            self.tell(f"KFP does not answer ({error.reason}); still asking")
            self._away = self._clock.now()
        if self._clock.now() - self._away > self._patience:
            raise UserError(
                f"KFP has not answered for {self._patience / 60:.0f} minutes ({error.reason}); "
                f"{self._again}"
            )

    def _end(self, run: Mapping[str, Any], workflow: Mapping[str, Any], found: list[Task]) -> str:
        canceled = was_terminated(run, workflow) and run["state"] != "SUCCEEDED"
        state = "CANCELED" if canceled else str(run["state"])
        reason = ""
        if state == "FAILED":
            failed = [task for task in found if task.state == FAILED]
            for task in failed:
                for line in _last_words(self._log(task)):
                    self.tell(f"{task.label} said: {line}")
            if not failed:
                reason = outcome(workflow) or str((run.get("error") or {}).get("message") or "")
        ended = run.get("finished_at")
        self.tell(
            f"run {self._run_id} {state.lower()}" + (f": {reason}" if reason else ""),
            datetime.fromisoformat(ended) if ended else None,
        )
        return state


def _worth_a_line(task: Task) -> bool:
    """A task that has only just been placed is told once it runs, or says why it waits."""
    return bool(task.reason) or task.state != WAITS


def _line(task: Task) -> str:
    text = f"{task.label}: {task.state}"
    if task.state == DONE and task.began and task.ended:
        text += f" in {_time((task.ended - task.began).total_seconds())}"
    return f"{text}: {task.reason}" if task.reason else text


def _last_words(log: str) -> list[str]:
    """What a step said of its failure: its own line, or the last ones."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return errors[-1:] or lines[-_LAST_LINES:]


def _of_rayjob(log: str) -> str:
    """What a step said of its RayJob last, "" once that trains.

    >>> _of_rayjob("made RayJob ae-1 in namespace x\\nRayJob ae-1: its pods start\\n")
    'RayJob ae-1: its pods start'
    >>> _of_rayjob("RayJob ae-1: it runs\\nae seed 0: epoch 1/4\\n")
    ''
    """
    lines = log.splitlines()
    last = lines[-1].strip() if lines else ""
    return last if re.match(r"(made )?RayJob |try \d+ of \d+, as ", last) else ""


def _time(seconds: float) -> str:
    """
    >>> _time(83.4)
    '1:23'
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
