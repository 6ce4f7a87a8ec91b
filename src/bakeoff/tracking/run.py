"""One W&B run a model, written by a thread of its own.

Training hands over records and never waits: what the thread cannot take is dropped, what W&B
refuses is said once on stderr. A server that does not answer makes the run an offline one.
"""

from __future__ import annotations

import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bakeoff import events
from bakeoff.tracking import records
from bakeoff.tracking.identity import Identity

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.training.trained import Trained

QUEUE_LENGTH = 1000
"""Records that may wait for W&B; further ones are dropped."""
INIT_SECONDS = 10.0
"""How long a server may take to accept a run before it is recorded offline."""
FINISH_SECONDS = {"online": 30.0, "offline": 8.0}
"""How long the end of a run waits at most for what is still to be written."""

_KEY_REJECTED = re.compile(r"\b40[13]\b|API.?key|not logged in|unauthori[sz]ed", re.IGNORECASE)

_unreachable = threading.Event()
"""Set once a server failed, so that later runs of this process do not wait for it again."""

Task = Callable[[Any, Any], None]
"""Work for the thread, called with the module wandb and the W&B run."""


def open_run(
    model: str,
    seed: int,
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
        model: its name in the registry.
        seed: of this training.
        config: every hyper-parameter; secrets in it are left out.
        folder: gets the subfolder `wandb`.
        job: "train" or "evaluate".
        identity: of the step that trains; evaluation continues the run that training began.
    """
    mode = os.environ.get("WANDB_MODE") or "disabled"
    settings = {
        "project": os.environ.get("WANDB_PROJECT", "bakeoff"),
        "group": identity.group or None,
        "name": f"{model}-seed{seed}",
        "id": identity.run_id(model, seed),
        "job_type": job,
        "config": records.without_secrets(
            {"model": model, "seed": seed, **identity.about, **config}
        ),
        "dir": str(folder),
    }
    return Run(mode, settings)


class Run:
    """What a model reports of itself; also an observer of the training loop.

    No method blocks for longer than it takes to put a record into a queue, and none raises,
    except `finish`, which waits a bounded time.
    """

    def __init__(self, mode: str, settings: dict[str, Any]) -> None:
        self._mode = mode
        self._settings = settings
        self._warned = False
        self._tasks: queue.Queue[Task | None] = queue.Queue(maxsize=QUEUE_LENGTH)
        self._exit_code = 0
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._open = mode in FINISH_SECONDS
        if self._open:
            self._thread.start()

    def start(self, *, steps: int, costs: Sequence[float]) -> None:
        """Training begins: at most one epoch for each of `costs`, of `steps` steps each."""
        planned = {"epochs_planned": len(costs), "steps_per_epoch": steps}
        self.submit(lambda _, run: run.config.update(planned, allow_val_change=True))
        self.submit(records.define_metrics)

    def step(self, **progress: Any) -> None:
        """One look at a running epoch; curves are drawn by `epoch`."""

    def epoch(self, record: dict[str, Any]) -> None:
        """One record of the history: a point on every curve."""
        self.submit(lambda wandb, run: run.log(records.epoch_values(wandb, record)))

    def log_training(self, trained: Trained) -> None:
        """What a finished training leaves: cost and layers."""
        self.submit(lambda wandb, run: records.log_training(wandb, run, trained))

    def log_model(self, folder: Path, kind: str) -> None:
        """The model folder as an artifact; `folder` is where it stays."""
        self.submit(lambda wandb, run: records.log_model(wandb, run, folder, kind))

    def log_reconstructions(self, record: dict[str, Any]) -> None:
        """The test error of an autoencoder and examples; the content of autoencoder.json."""
        self.submit(lambda wandb, run: records.log_reconstructions(wandb, run, record))

    def log_evaluation(
        self, evaluation: dict[str, Any], labels: np.ndarray, probabilities: np.ndarray
    ) -> None:
        """Test figures, mistakes, confusion matrix, ROC, PR and calibration.

        Args:
            evaluation: the content of evaluation.json.
            labels: of the test split, shape (n,): indices into its classes.
            probabilities: shape (n, classes).
        """
        self.submit(
            lambda wandb, run: records.log_evaluation(wandb, run, evaluation, labels, probabilities)
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
            self._warn("did not take everything in time; the run may be incomplete")

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
        os.environ.setdefault("WANDB_SILENT", "true")
        # Its telemetry calls home even from offline runs, and delays the end of the process.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            import wandb

            run = self._init(wandb)
        except Exception as error:
            self._warn(f"cannot record this run ({_line(error)}); training goes on without it")
            while self._tasks.get() is not None:
                pass
            return
        while (task := self._tasks.get()) is not None:
            try:
                task(wandb, run)
            except Exception as error:
                self._warn(f"refused a record ({_line(error)})")
        try:
            run.finish(exit_code=self._exit_code)
        except Exception as error:
            self._warn(f"could not finish this run ({_line(error)})")

    def _init(self, wandb: Any) -> Any:
        """The W&B run; an offline one where the server does not answer."""
        common = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            save_code=False,
            x_disable_meta=True,
            init_timeout=INIT_SECONDS,
            finish_timeout=FINISH_SECONDS["online"] - INIT_SECONDS,
        )
        start = {**self._settings, "settings": common, "reinit": "create_new"}
        if self._mode == "online" and not _unreachable.is_set():
            try:
                return wandb.init(mode="online", resume="allow", **start)
            except wandb.Error as error:
                _unreachable.set()
                self._warn(f"{_refusal(error, self._settings['id'])}; recording offline")
                wandb.teardown()  # It would still hold the run's id.
        return wandb.init(mode="offline", **start)

    def _warn(self, what: str) -> None:
        """Say the first trouble, once."""
        if not self._warned:
            self._warned = True
            events.emit("warning", message=f"Weights & Biases {what}")
            print(f"warning: Weights & Biases {what}", file=sys.stderr)


def _refusal(error: Exception, run: str) -> str:
    """Why a server did not take a run, in words that are the same for every run."""
    line = _line(error).replace(run, "the run")
    if _KEY_REJECTED.search(line):
        return f"rejected the key, from WANDB_API_KEY or `wandb login` ({line})"
    return f"did not accept the run ({line})"


def _line(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
