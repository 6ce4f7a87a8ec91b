"""The server of W&B: how its client is set up, what its refusals mean, and when it is given up."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.errors import first_line

_DELETED = re.compile(r"previously created and deleted", re.IGNORECASE)
_SILENT = re.compile(
    r"respond in time|timed out|deadline exceeded|connection|execute API request", re.IGNORECASE
)
_KEY_REJECTED = re.compile(r"\b40[13]\b|API.?key|not logged in|unauthori[sz]ed", re.IGNORECASE)

ANSWER_SECONDS = 10
"""How long a server may take to answer one request."""

_unreachable = threading.Event()
"""Set once a server failed, so that later runs of this process do not wait for it again."""
_UNREACHABLE = "wandb-unreachable"
"""File in the folder of events: says the same to the other processes of a bake-off."""


def give_up() -> None:
    """Have this process, and those after it in the bake-off, record offline."""
    _unreachable.set()
    if folder := os.environ.get(events.VARIABLE):
        with suppress(OSError):
            (Path(folder) / _UNREACHABLE).touch()


def given_up() -> bool:
    """Whether a run of this bake-off found that the server does not answer."""
    folder = os.environ.get(events.VARIABLE)
    return _unreachable.is_set() or bool(folder and (Path(folder) / _UNREACHABLE).exists())


def quieten() -> None:
    """Have W&B's client print nothing in this process, report no errors of its own, and wait for no
    answer longer than `ANSWER_SECONDS`.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_HTTP_TIMEOUT", str(ANSWER_SECONDS))
    # Its telemetry calls home even from offline runs, and delays the end of the process.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


def settled(
    wandb: Any,
    settings: Mapping[str, Any],
    *,
    init: float,
    finish: float = 0.0,
    measured: bool = True,
) -> Any:
    """W&B's settings of every run: it prints nothing, and looks at nobody's files.

    Args:
        wandb: the module.
        settings: of the run.
        init: seconds that the server may take to accept it.
        finish: seconds that its end may take; 0: as long as it takes.
        measured: whether to record processor, memory and GPU of this machine.
    """
    return wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        git_commit=settings["config"].get("commit"),
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=not measured,
        init_timeout=init,
        finish_timeout=finish,
        finish_timeout_raises=True,
    )


def explained(error: Exception, run: str) -> str:
    """Why a server does not take a run, in words that are the same for every run."""
    said = first_line(error).replace(run, "the run")
    if _DELETED.search(said):
        return (
            "does not take a run again that was deleted there: give the runs ids of their own with "
            "--wandb-suffix NAME"
        )
    if _KEY_REJECTED.search(said):
        return f"rejected the key, from WANDB_API_KEY or `wandb login` ({said})"
    if is_silence(error):
        return f"does not answer ({said}): check the network and WANDB_BASE_URL"
    return f"did not accept the run ({said})"


def is_deletion(error: Exception) -> bool:
    """Whether it says that a run of this id was deleted: of others it says nothing."""
    return bool(_DELETED.search(str(error)))


def is_silence(error: Exception) -> bool:
    """Whether it says that the server does not answer."""
    return bool(_SILENT.search(str(error)))
