"""What runs on the head of a RayJob: `python -m bakeoff.cluster.entrypoint FOLDER ATTEMPT`.

The same training as everywhere, by workers of the Ray it stands in. What it is asked for it reads
in FOLDER (S3), where it leaves what it prints and how it ended.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any

from bakeoff.clock import RealClock
from bakeoff.cluster.following import LOG, outcome_name
from bakeoff.cluster.heartbeat import watch
from bakeoff.cluster.status import Outcome
from bakeoff.cluster.step import JOB
from bakeoff.errors import PassingError, UserError
from bakeoff.patience import PATIENCE_SECONDS, StoreAwayError, patient
from bakeoff.s3 import Folder
from bakeoff.shipped import VARIABLE, shipped
from bakeoff.step import told_in_lines
from bakeoff.tracking.identity import RAYJOB
from bakeoff.training.settings import GPUS, GROWS, WHERE


def main(place: str, attempt: str) -> int:
    """Returns the exit code: 2 if a person has to put something right, 1 after a fault, else 0."""
    work = Folder(place)
    job = json.loads(work.read(JOB, patience=PATIENCE_SECONDS) or b"")
    # Its machines may come later than this process.
    os.environ |= {WHERE: "ray", GROWS: "1", GPUS: str(job["gpus"]), RAYJOB: job["rayjob"]}
    os.environ[VARIABLE] = (work / LOG).place

    def left(outcome: Outcome, message: str = "") -> None:
        told = {"outcome": outcome.value, "message": message}
        content = json.dumps(told).encode()
        work.write(outcome_name(attempt), content, patience=PATIENCE_SECONDS)

    with shipped("driver") as printed, told_in_lines(), patient():

        def abandoned() -> None:
            print("nobody follows this training any more: it ends itself", flush=True)
            if printed:
                printed.end()
            with suppress(UserError):
                left(Outcome.ABANDONED)
            # No failure: KubeRay takes the cluster away at once, and tries nothing again.
            os._exit(0)

        heart = (work, job["heartbeat_seconds"], RealClock(), abandoned)
        threading.Thread(target=watch, args=heart, daemon=True).start()
        outcome, message = _trained(job)
    try:
        left(outcome, message)
    except StoreAwayError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return {Outcome.DONE: 0, Outcome.REFUSED: 2}.get(outcome, 1)


def _trained(job: dict[str, Any]) -> tuple[Outcome, str]:
    """How the training ended, and why."""
    from bakeoff.training.step import train_networks

    try:
        train_networks(
            job["dataset"],
            job["models"],
            configs=job["configs"],
            seed=job["seed"],
            threads=job["threads"],
            train=_function(job["train"]),
            files=job["files"],
            workers=job["workers"],
        )
    except PassingError as error:
        print(f"error: {error}", file=sys.stderr)
        return Outcome.PASSING, str(error)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return Outcome.REFUSED, str(error)
    except Exception as error:
        traceback.print_exc()
        outcome = Outcome.PASSING if _may_pass(error) else Outcome.CRASHED
        first = (str(error).strip().splitlines() or [""])[0]
        return outcome, f"{type(error).__name__}: {first}"
    return Outcome.DONE, ""


def _may_pass(error: Exception) -> bool:
    """Whether another try may fare better: a part of Ray was away."""
    from ray.exceptions import RayError

    return isinstance(error, RayError | ConnectionError)


def _function(name: str) -> Any:
    """
    >>> _function("os.path:join").__name__
    'join'
    """
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
