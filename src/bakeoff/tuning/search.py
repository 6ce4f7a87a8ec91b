"""Ray Tune runs trials, ASHA (Li et al. 2020) stops what promises little, Optuna suggests settings;
the only module that imports ray.tune.

Ray only schedules: what is known of trials is in the journal, from which an interrupted search goes
on. Trials that ended are told again as they were, those that had begun train on.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from bakeoff.errors import UserError, first_line
from bakeoff.training.handed_on import handed_on
from bakeoff.training.on_ray import connected
from bakeoff.training.ray_at_hand import Machine, rooms, total
from bakeoff.tuning.budget import Budget
from bakeoff.tuning.journal import Journal, Record
from bakeoff.tuning.sampler import SeededByTrial
from bakeoff.tuning.spaces import Space
from bakeoff.tuning.trial import Trial

FIRST_SHARE, LAST_SHARE, REDUCTION = 20, 90, 2
"""A trial must be among the better half after 20, 40 and 80 % of its training. Trials are compared
by shares: small batches make fewer epochs of as many steps."""
_QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
_LOST = "its process died; if it needs more memory, run fewer at a time with more --threads"

Watch = Callable[[Record], None]


@dataclass(frozen=True)
class Room:
    """What there is for trials."""

    at_once: int
    """Trials that run at the same time."""
    gpus: int
    """Of each trial."""

    @classmethod
    def of(cls, machines: Sequence[Machine], threads: int) -> Room:
        """That of a Ray of these machines, for trials on so many CPUs.

        Raises:
            UserError: not one has room.
        """
        at_once, gpus = rooms(machines, threads), total(machines, "GPU")
        if not at_once:
            most = int(max((machine.get("CPU", 0) for machine in machines), default=0))
            raise UserError(
                f"a trial on {threads} CPUs has no room in a Ray of {most}: search with fewer "
                "--threads"
            )
        return cls(at_once=min(at_once, gpus or at_once), gpus=min(gpus, 1))


@contextmanager
def connection(threads: int) -> Iterator[Room]:
    """A connection to Ray, and the room there is for trials on so many CPUs each.

    Raises:
        UserError: Ray cannot be reached, or is too small.
    """
    with connected() as there:
        yield Room.of(there, threads)


def search(
    trial: Trial,
    space: Space,
    first: Sequence[Mapping[str, Any]],
    *,
    budget: Budget,
    room: Room,
    journal: Journal,
    watch: Watch,
) -> list[Record]:
    """Run trials until the budget is spent, on the Ray that this process is connected to.

    Args:
        trial: what each does.
        space: of what is searched.
        first: the settings of the first trials; ASHA never stops trial 0.
        budget: how long; a trial that has begun by then ends as any other.
        room: there is for them; one at a time repeat exactly.
        journal: of its trials; what it holds already is gone on from.
        watch: told of each trial after each epoch, and when it ended.

    Returns:
        Every trial that ended, by number.
    """
    os.environ |= _QUIET
    goal: dict[str, Any] = {"metric": "merit", "mode": "max"}
    points = [record.settings for record in journal.records.values()]
    points += map(dict, first[len(points) :])
    suggestions = _Suggestions(
        {path: dimension.distribution() for path, dimension in space.items()},
        **goal,
        points_to_evaluate=points,
        sampler=SeededByTrial(trial.seed),
    )
    suggestions.limit(budget, begun=len(journal.records), spent=journal.seconds / room.at_once)
    scheduler = _Asha(
        **goal,
        time_attr="share",
        grace_period=FIRST_SHARE,
        reduction_factor=REDUCTION,
        max_t=LAST_SHARE,
        stop_last_trials=False,
    )
    trial.folder.mkdir(parents=True, exist_ok=True)
    storage = trial.folder / "ray"
    shutil.rmtree(storage, ignore_errors=True)
    resources: dict[str, float] = {"cpu": trial.threads, "gpu": room.gpus}
    ended, variables = journal.ended, handed_on()

    def run(config: dict[str, Any]) -> None:
        os.environ.update(variables)
        _run(trial, ended, config["number"], config["settings"])

    tune.Tuner(
        tune.with_resources(run, resources),
        tune_config=tune.TuneConfig(
            search_alg=suggestions,
            scheduler=scheduler,
            num_samples=-1,
            max_concurrent_trials=room.at_once,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="search",
            storage_path=str(storage),
            verbose=0,
            callbacks=[_Journaling(journal, trial, watch)],
        ),
    ).fit()
    shutil.rmtree(storage, ignore_errors=True)
    return list(journal.ended.values())


def _run(
    trial: Trial, ended: Mapping[int, Record], number: int, settings: Mapping[str, Any]
) -> None:
    """What Ray calls in the process of a trial."""
    try:
        if known := ended.get(number):
            for told in known.reports:
                tune.report(told)
            if known.state == "failed":
                raise UserError(known.error)
        else:
            trial(number, settings, tune.report)
    except Exception as error:
        line = first_line(error)
        if not isinstance(error, UserError):
            line = f"{type(error).__name__}: {line}"
        tune.report({"share": 0, "merit": math.nan, "failed": line})
        raise


class _Suggestions(OptunaSearch):
    """Numbers the trials, and ends the search."""

    def limit(self, budget: Budget, *, begun: int, spent: float) -> None:
        """Set how far it goes.

        Args:
            budget: of this search.
            begun: trials of an earlier process, which are suggested again whatever the budget.
            spent: seconds they took.
        """
        self._number, self._begun = 0, begun
        self._most = budget.trials or math.inf
        self._until = time.time() + budget.seconds - spent if budget.seconds else math.inf

    def suggest(self, trial_id: str) -> Any:
        number = self._number
        over = number >= self._most or (time.time() > self._until and number > 0)
        if over and number >= self._begun:
            return Searcher.FINISHED
        settings = super().suggest(trial_id)
        self._number += 1
        return {"number": number, "settings": settings}


class _Asha(ASHAScheduler):
    """Stops neither a trial whose epochs are over, nor trial 0: the gain is measured from it."""

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        decision = super().on_trial_result(tune_controller, trial, result)
        spared = trial.config["number"] == 0 or result["share"] >= 100
        return self.CONTINUE if spared else decision


class _Journaling(tune.Callback):
    """Writes down what trials report, and says so."""

    def __init__(self, journal: Journal, trial: Trial, watch: Watch) -> None:
        self._journal, self._trial, self._watch = journal, trial, watch
        self._known = set(journal.ended)
        # What a trial that had begun reports, it reports from the start.
        for number in set(journal.records) - self._known:
            journal.records[number].reports = []

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        self._record(trial)

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        record = self._record(trial)
        if record.number in self._known:
            return
        if "failed" in result:
            record.error = result["failed"]
            return
        names = ("epoch", "epochs", "share", "merit", "score", "seconds", "values")
        record.reports.append({name: result[name] for name in names if name in result})
        self._journal.write(record)
        self._watch(record)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        record = self._record(trial)
        self._end(record, "stopped" if record.values is None else "finished")

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        record = self._record(trial)
        record.error = record.error or _LOST
        self._end(record, "failed")

    def _record(self, trial: Any) -> Record:
        number, settings = trial.config["number"], trial.config["settings"]
        if number not in self._journal.records:
            self._journal.write(Record(number=number, settings=settings))
        return self._journal.records[number]

    def _end(self, record: Record, state: Any) -> None:
        if record.number not in self._known:
            record.state = state
            self._journal.write(record)
            self._trial.clean(record.number)
        self._watch(record)
