"""Holds a bake-off on this machine: compiles the pipeline, runs it with kfp.local, shows progress.

runs/<id>/         run.json, results.json, report.html, pipeline.yaml, log.txt
runs/.store/       what steps wrote, shared by all runs; kfp.local's cache; checkpoints
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.artifacts import explained_write_errors, read_json, write_json
from bakeoff.errors import UserError
from bakeoff.running.runs import RunFolder, store
from bakeoff.studies import Plan
from bakeoff.text.configs import to_dict
from bakeoff.text.training import CHECKPOINTS

Watch = Callable[[dict[str, Any]], None]


def run_locally(
    plan: Plan,
    *,
    root: Path,
    runner: str,
    wandb: str | None,
    image: str,
    watch: Watch,
    parallel: int = 1,
) -> RunFolder:
    """Run a plan to its report; finished steps of earlier runs are reused.

    Args:
        plan: what to run.
        root: the folder that holds all runs.
        runner: `subprocess` (this environment) or `docker` (the image, in containers).
        wandb: mode of Weights & Biases; None decides by whether there is a key.
        image: container image of the steps, used by `docker`.
        watch: called with every event of the running steps.
        parallel: networks trained at the same time.

    Raises:
        UserError: a step was refused its input, or Ctrl-C.
    """
    from bakeoff.data.sources import fingerprint
    from bakeoff.tracking import resolve_mode

    data_hash = fingerprint(plan.data)
    created = datetime.now(UTC)
    folder = _new_folder(root, f"{created:%Y%m%d-%H%M%S}-{plan.study}-{plan.preset}")
    environment = {
        "WANDB_MODE": resolve_mode(wandb),
        "WANDB_RUN_GROUP": plan.group,
        "WANDB_PROJECT": os.environ.get("WANDB_PROJECT", "bakeoff"),
        events.VARIABLE: str(folder / "events"),
        CHECKPOINTS: str(store(root) / "checkpoints"),
        # OpenMP threads spin for a few microseconds only while they wait for each other: with the
        # default, a training is twenty times slower as soon as anything else runs beside it.
        "GOMP_SPINCOUNT": "1000",
    }
    with explained_write_errors(folder):
        (folder / "events").mkdir()
    facts: dict[str, Any] = {
        "id": folder.name,
        "created": created.isoformat(timespec="seconds"),
        "status": "running",
        "runner": runner,
        "plan": {**asdict(plan), "models": {n: to_dict(c) for n, c in plan.models.items()}},
    }
    write_json(folder / "run.json", facts)
    started = time.monotonic()
    try:
        _compile(plan, folder / "pipeline.yaml", image, parallel)
        write_json(
            folder / "job.json",
            {
                "id": folder.name,
                "store": str(store(root)),
                "runner": runner,
                "environment": environment,
                "mounts": _mounts(plan, folder),
                "arguments": {"data": _absolute(plan.data), "data_hash": data_hash},
            },
        )
        _execute(folder, environment, watch)
        outcome = read_json(folder / "outcome.json")
        for source, name in [
            (Path(outcome["comparison"]) / "results.json", "results.json"),
            (Path(outcome["page"]), "report.html"),
        ]:
            with explained_write_errors(folder / name):
                shutil.copyfile(source, folder / name)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        facts |= {"status": "interrupted" if interrupted else "failed", "error": str(error)}
        write_json(folder / "run.json", facts)
        if interrupted:
            raise UserError(
                "interrupted; run the same command again and it goes on where it stopped"
            ) from None
        raise
    facts |= {
        "status": "finished",
        "seconds": time.monotonic() - started,
        "comparison": outcome["comparison"],
        "reused": outcome["reused"],
    }
    write_json(folder / "run.json", facts)
    for scratch in ("job.json", "outcome.json"):
        (folder / scratch).unlink()
    shutil.rmtree(folder / "events")
    return RunFolder(folder)


def _new_folder(root: Path, name: str) -> Path:
    """Make a folder of that name; with a number, where another run began in the same second."""
    for number in itertools.count(1):
        folder = root.resolve() / (name if number == 1 else f"{name}-{number}")
        with explained_write_errors(folder), suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    return folder


def _compile(plan: Plan, path: Path, image: str, parallel: int) -> None:
    from bakeoff.pipelines.compiling import compile_plan
    from bakeoff.pipelines.options import Options

    compile_plan(plan, Options(image=image, local=True, parallelism=parallel), path)


def _absolute(data: str) -> str:
    return str(Path(data).resolve()) if Path(data).exists() else data


def _mounts(plan: Plan, folder: Path) -> list[tuple[str, bool]]:
    """Paths a container needs besides the store, and whether it writes there."""
    mounts = [(str(folder / "events"), True)]
    if Path(plan.data).exists():
        mounts.append((_absolute(plan.data), False))
    return mounts


def _execute(folder: Path, environment: dict[str, str], watch: Watch) -> None:
    """Run the child to its end, handing its events to `watch`."""
    reader = events.EventReader(folder / "events")
    failures: list[dict[str, Any]] = []

    def look() -> None:
        for event in reader.new_events():
            if event["event"] in ("error", "crash"):
                failures.append(event)
            watch(event)

    with (folder / "log.txt").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "bakeoff.running.child", str(folder)],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                look()
                time.sleep(0.1)
            look()
        except BaseException:
            _stop(child, folder.name)
            raise
    if child.returncode == 0:
        return
    refused = [event["message"] for event in failures if event["event"] == "error"]
    if refused:
        raise UserError("; ".join(dict.fromkeys(refused)))
    what = f": {failures[0]['message']}" if failures else f" (exit code {child.returncode})"
    raise UserError(
        f"a step of the pipeline crashed{what}; the log is {folder / 'log.txt'}, and the same "
        "command run again reuses what has finished"
    )


def _stop(child: subprocess.Popen[bytes], run_id: str) -> None:
    """End the child, the steps it started and, under Docker, their containers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(timeout=5)
            break
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    if shutil.which("docker"):
        named = ["docker", "ps", "--quiet", "--filter", f"label=bakeoff.run={run_id}"]
        found = subprocess.run(named, capture_output=True, text=True, check=False).stdout.split()
        if found:
            subprocess.run(["docker", "kill", *found], capture_output=True, check=False)
