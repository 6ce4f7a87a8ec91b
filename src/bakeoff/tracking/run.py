"""One W&B run a model, written by a thread of its own.

Training hands over records and never waits: what the thread cannot take is dropped, what W&B
refuses is said once on stderr. A server that does not answer makes the run an offline one.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bakeoff import events
from bakeoff.errors import first_line
from bakeoff.tracking import charts, leaderboard, lineage, records
from bakeoff.tracking.connection import (
    explained,
    give_up,
    given_up,
    is_deletion,
    is_silence,
    quieten,
    settled,
)
from bakeoff.tracking.identity import Identity
from bakeoff.tracking.mode import project_name
from bakeoff.training.trained import as_used

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.training.trained import Trained

QUEUE_LENGTH = 1000
"""Records that may wait for W&B; further ones are dropped."""
INIT_SECONDS = 10.0
"""How long a server may take to accept a run before it is recorded offline."""
FINISH_SECONDS = {"online": 30.0, "offline": 8.0}
"""How long the end of a run waits at most for what is still to be written."""
LAST_SECONDS = 10.0
"""How much of that is for what is left once everything was handed over."""

Task = Callable[[Any, Any], None]
"""Work for the thread, called with the module wandb and the W&B run."""


def open_run(
    model: str,
    seed: int | None,
    config: Mapping[str, Any],
    folder: Path,
    *,
    job: str,
    identity: Identity,
) -> Run:
    """Open the W&B run of one model; a context that finishes it on leaving.

    Mode and project come from W&B's own variables: without `$WANDB_MODE` nothing is recorded, and
    `$WANDB_PROJECT` is bakeoff.

    Args:
        model: its name in the registry, or `LEADERBOARD`.
        seed: of this training; None of what is no training.
        config: every hyper-parameter; secrets in it are left out.
        folder: gets the subfolder `wandb`.
        job: "train", "trial", "evaluate" or `LEADERBOARD`.
        identity: of the step that trains; evaluation continues the run that training began.
    """
    mode = os.environ.get("WANDB_MODE") or "disabled"
    settings = {
        "project": project_name(),
        "group": identity.group or None,
        "name": model if seed is None else f"{model}-seed{seed}",
        "id": identity.run_id(model, seed),
        "job_type": job,
        "config": records.without_secrets(
            {"model": model, "seed": seed, **identity.about, **config}
        ),
        "dir": str(folder),
    }
    return Run(mode, settings, identity)


class Run:
    """What a model reports of itself; also an observer of the training loop.

    No method blocks for longer than it takes to put a record into a queue, and none raises,
    except `finish`, which waits a bounded time.
    """

    def __init__(self, mode: str, settings: dict[str, Any], identity: Identity) -> None:
        self._mode = mode
        self._settings = settings
        self._dataset = records.without_secrets(identity.dataset)
        self._rows = identity.about.get("rows", {}).get("train", 0)
        self._seconds = 0.0
        self.has_curves: bool | None = None
        """Whether W&B had any when this run was opened; None: nobody asked yet."""
        self._warned = False
        self._tasks: queue.Queue[Task | None] = queue.Queue(maxsize=QUEUE_LENGTH)
        self._exit_code = 0
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._open = mode in FINISH_SECONDS
        if self._open:
            self._thread.start()

    def start(self, *, steps: int, costs: Sequence[float], before: int = 0) -> None:
        """Training begins: at most one epoch for each of `costs`, of `steps` steps each."""
        planned = {"epochs_planned": len(costs), "steps_per_epoch": steps}
        self.submit(lambda _, run: run.config.update(planned, allow_val_change=True))

    def step(self, **progress: Any) -> None:
        """One look at a running epoch; curves are drawn by `epoch`."""

    def epoch(self, record: dict[str, Any]) -> None:
        """One record of the history: a point on every curve, once, also where a training goes on
        from an earlier epoch than the last that W&B has; after the evaluation, where W&B has that
        alone.
        """
        self._seconds += record.get("seconds", 0.0)
        values = records.epoch_values(record, self._seconds, self._rows)

        def log(wandb: Any, run: Any) -> None:
            if self.has_curves is None:
                self.has_curves = run.summary.get("epoch") is not None
            passed = record["epoch"] < run.starting_step
            if passed and self.has_curves:
                # What was recorded offline in two parts has the summary of the second alone.
                run.summary["epoch"] = record["epoch"]
                return
            pictures = charts.reconstructions(wandb, record.get("pictures", {}))
            run.log(values | pictures, step=None if passed else record["epoch"])

        self.submit(log)

    def log_training(self, trained: Trained) -> None:
        """What a finished training leaves: cost, layers, and every setting as it was used."""
        config = records.without_secrets(as_used(vars(trained)))
        self.submit(lambda _, run: run.config.update(config, allow_val_change=True))
        self.submit(lambda _, run: run.summary.update(records.training_summary(vars(trained))))
        self._log_layers(trained.layers)
        self.use_dataset()

    def use_dataset(self) -> None:
        """Say which data the training used; last, as it waits for the server."""
        self.submit(lambda wandb, run: lineage.use_dataset(wandb, run, self._dataset))

    def log_evaluation(
        self,
        evaluation: dict[str, Any],
        folder: Path,
        labels: np.ndarray | None = None,
        probabilities: np.ndarray | None = None,
        *,
        again: bool = True,
    ) -> None:
        """Test figures, mistakes, confusion matrix, ROC, PR, calibration and embeddings, and the
        model as an artifact; once more what training said, as the run of an evaluation may stand
        alone.

        Args:
            evaluation: the content of evaluation.json, or of autoencoder.json.
            folder: of the model, where it stays.
            labels: of the test split, shape (n,): indices into its classes.
            probabilities: shape (n, classes).
            again: draw charts also where the run has some.
        """
        figures = records.evaluation_summary(evaluation)
        summary = records.training_summary(evaluation) | figures

        # After the epochs, in steps too: offline this is a folder of its own, which begins at
        # step 0 and is uploaded after that of training.
        first = len(evaluation["history"]) + 1

        def log(wandb: Any, run: Any) -> None:
            if run.starting_step > first and not again:
                return
            if labels is None or probabilities is None:
                drawn = charts.of_autoencoder(wandb, evaluation)
            else:
                drawn = charts.of_evaluation(wandb, evaluation, labels, probabilities)
            named = {f"evaluation/{name}": chart for name, chart in drawn.items()}
            run.log({"evaluation/step": 0, **named}, step=max(run.starting_step, first))

        def log_artifacts(wandb: Any, run: Any) -> None:
            lineage.log_evaluation(
                wandb, run, lineage.log_model(wandb, run, folder, evaluation["kind"]), figures
            )

        self.submit(lambda _, run: run.summary.update(summary))
        self._log_layers(evaluation["layers"])
        self.submit(log)
        self.submit(log_artifacts)

    def log_leaderboard(self, results: Mapping[str, Any]) -> None:
        """The comparison of all models; the content of results.json."""
        self.submit(lambda wandb, run: leaderboard.log(wandb, run, results))

    def _log_layers(self, layers: Sequence[Mapping[str, Any]]) -> None:
        if layers:
            self.submit(
                lambda wandb, run: run.summary.update({"layers": charts.table(wandb, layers)})
            )

    def submit(self, task: Task) -> None:
        """Queue work for the thread; drop it where the queue is full or the run is over."""
        if not self._open:
            return
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            self._warn("is too slow; some records are dropped")

    def finish(self, exit_code: int = 0) -> None:
        """Write what is still queued, for a bounded time, and close the run."""
        if not self._open:
            return
        self._open = False
        self._exit_code = exit_code
        deadline = time.monotonic() + FINISH_SECONDS[self._mode]
        try:
            self._tasks.put(None, timeout=FINISH_SECONDS[self._mode])
        except queue.Full:
            pass
        else:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._warn_of_silence()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(exit_code=0 if kind is None else 1)

    def _work(self) -> None:
        """The thread: the only place that calls W&B."""
        quieten()
        try:
            import wandb

            run = self._init(wandb)
            records.define_metrics(run)
        except Exception as error:
            self._warn(f"cannot record this run ({first_line(error)}); training goes on without it")
            while self._tasks.get() is not None:
                pass
            return
        while (task := self._tasks.get()) is not None:
            try:
                task(wandb, run)
            except Exception as error:
                self._warn_of(error, "refused a record")
        try:
            run.finish(exit_code=self._exit_code)
        except Exception as error:
            self._warn_of(error, "could not finish this run")

    def _init(self, wandb: Any) -> Any:
        """The W&B run; an offline one where the server does not answer."""
        common = settled(
            wandb,
            self._settings,
            init=INIT_SECONDS,
            finish=LAST_SECONDS,
        )
        start = {**self._settings, "settings": common, "reinit": "create_new"}
        if self._mode == "online" and not given_up():
            try:
                return wandb.init(mode="online", resume="allow", **start)
            except wandb.Error as error:
                if not is_deletion(error):
                    give_up()
                self._warn(f"{explained(error, self._settings['id'])}; recording offline")
                wandb.teardown()  # It would still hold the run's id.
        return wandb.init(mode="offline", **start)

    def _warn_of(self, error: Exception, what: str) -> None:
        if is_silence(error):
            self._warn_of_silence()
        else:
            self._warn(f"{what} ({first_line(error)})")

    def _warn_of_silence(self) -> None:
        """The server was there, and is no more, or is too slow."""
        if self._mode == "online":
            give_up()
        self._warn("did not take everything in time; `bakeoff sync` uploads what is missing")

    def _warn(self, what: str) -> None:
        """Say the first trouble, once."""
        if not self._warned:
            self._warned = True
            events.emit("warning", message=f"Weights & Biases {what}")
            print(f"warning: Weights & Biases {what}", file=sys.stderr)
