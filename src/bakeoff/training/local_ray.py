"""A Ray on this machine that several trainings use, one after the other or side by side.

It is a process of its own, `python -m bakeoff.training.local_ray FOLDER`, that starts with the
first of them and lives until somebody clears its folder.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.training.janitor import VARIABLE, cleared
from bakeoff.training.ray_at_hand import answers

MOST_AT_ONCE = 2
"""Trainings side by side, each of which may ask for all CPUs; Ray would let one wait."""
OBJECT_STORE_BYTES = 100 * 2**20
"""Workers read their data themselves: Ray's shared memory holds little more than messages."""
START_SECONDS = 120.0
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
"""Arguments of `ray.init`."""
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A GPU-less worker must see none, also where Ray was told of none.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    # Two seconds between looks at the workers would be added to each start and each end.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # CPUs may be in use by others, and a cluster that grows needs minutes for a machine.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "3600",
    # Each is a process that would start beside the workers, and has nothing to do.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    # It would log, beside what is printed, the same once more.
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
}
"""Ray's variables for all that use it; what a person has set stays. Ray reads them on import."""
_OWN = {
    "RAY_AUTH_MODE": "token",
    # Others here that use it, such as its only GPU, train to their end.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": str(7 * 24 * 3600),
    # Nobody takes this machine away with a notice.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # A worker trains in a thread, and one that is not the first gives what it frees back at once,
    # only to ask for it again: of large tensors that costs a tenth of the time.
    "MALLOC_TRIM_THRESHOLD_": str(4 * 2**30),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TOP_PAD_": str(64 * 2**20),
    # Nobody looks at its figures, and what it takes of a CPU makes workers wait for each other.
    "RAY_enable_metrics_collection": "0",
    "RAY_event_stats": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_raylet_report_resources_period_milliseconds": "1000",
    "RAY_memory_monitor_refresh_ms": "1000",
    "REPORTER_UPDATE_INTERVAL_MS": "30000",
    # Workers are as important as a training without Ray, and more so than what watches them.
    "RAY_worker_niceness": "0",
}


@contextmanager
def room() -> Iterator[Path]:
    """The folder that a Ray may live in: of the bake-off this process is part of, if that has one,
    or a new one. Of what lives in a new one nothing is left afterwards, however this process ends.
    """
    if folder := os.environ.get(VARIABLE):
        yield Path(folder)
        return
    # Sockets lie in it, and may have short paths only.
    folder = tempfile.mkdtemp(prefix="bakeoff-ray-", dir="/tmp")
    with cleared(folder):
        yield Path(folder)


@contextmanager
def own_ray(folder: Path) -> Iterator[str]:
    """The address of the Ray that lives in a folder, host:port; it starts if there is none. Its
    variables are this process's as long.

    Raises:
        UserError: Ray does not start.
    """
    token = folder / "token"
    variables = {**_OWN, "RAY_AUTH_TOKEN_PATH": str(token)}
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield _address_in(folder, token)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _address_in(folder: Path, token: Path) -> str:
    if "ray" in sys.modules:
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

        Config.initialize("")  # It has read the variables already.
        AuthenticationTokenLoader.instance().reset_cache()
    address = folder / "address"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not token.exists():
            # Ray's own would stay in the home folder.
            token.touch(mode=0o600)
            token.write_text(secrets.token_hex(32))
        if not (address.exists() and answers(address.read_text())):
            address.unlink(missing_ok=True)
            _start(folder, address)
        return address.read_text()


def _start(folder: Path, address: Path) -> None:
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    import bakeoff.training.ray_trainer  # noqa: F401  # Is needed next, and takes as long.

    patience = time.monotonic() + START_SECONDS
    while not address.exists():
        late = time.monotonic() > patience
        if late or process.poll() is not None:
            process.kill()
            last = (log.read_text().split("\n\n")[-1].strip().splitlines() or ["no word"])[-1]
            why = f"within {START_SECONDS:.0f} seconds" if late else f"({last})"
            raise UserError(
                f"Ray does not start on this machine {why}; leave out --where ray and --tune"
            )
        time.sleep(0.05)


def first_at_cpus() -> None:
    """Have this thread, and those it starts, go before the other threads of a Ray from here."""
    _schedule("SCHED_OTHER")


def _schedule(policy: str) -> None:
    if hasattr(os, policy):  # Linux.
        os.sched_setscheduler(0, getattr(os, policy), os.sched_param(0))


def main(folder: Path) -> None:
    import ray

    # Ray's processes, which take this over, wake up a hundred times a second each: they then wait
    # for a CPU instead of taking one from those who train.
    _schedule("SCHED_BATCH")
    ray.init(
        num_cpus=MOST_AT_ONCE * cores(),
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        _temp_dir=str(folder),
        **QUIET,
    )
    part = folder / "address.part"
    part.write_text(ray.get_runtime_context().gcs_address)
    part.rename(folder / "address")
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
