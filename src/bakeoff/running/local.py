"""Holds a bake-off on this machine: compiles the pipeline, runs it with kfp.local, shows progress.

A run is a folder in the folder of all runs, runs/<id>/: run.json, results.json, report.html,
pipeline.yaml, log.txt.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.artifacts import explained_write_errors, make_folder, read_json, write_json
from bakeoff.container import IMAGE
from bakeoff.data.download import CACHE, cache
from bakeoff.data.sources import NAMED_SETS, location, refuse_output_inside
from bakeoff.environment import REVISION, revision
from bakeoff.errors import UserError
from bakeoff.plans import Plan
from bakeoff.remote import is_remote
from bakeoff.running.options import Setup
from bakeoff.running.runs import RunFolder
from bakeoff.running.store import checkpoints, going_on, store, using_store
from bakeoff.tracking.identity import SUFFIX
from bakeoff.tracking.identity import VARIABLE as PLAN
from bakeoff.tracking.mode import project_name
from bakeoff.training.local_ray import room
from bakeoff.training.ray_at_hand import ADDRESS
from bakeoff.training.settings import BESIDE, CHECKPOINTS, GPUS, WHERE, to_dict

Watch = Callable[[dict[str, Any]], None]
_compiling = threading.Lock()
"""KFP compiles one pipeline at a time."""


class _StepCrashError(UserError):
    """A step ended with what no person can mend."""


def run_locally(plan: Plan, setup: Setup, watch: Watch) -> RunFolder:
    """Run a plan to its report; finished steps of earlier runs are reused.

    Args:
        plan: what to run.
        setup: how.
        watch: called with every event of the running steps.

    Raises:
        UserError: a step was refused its input, or Ctrl-C.
    """
    from bakeoff.pipelines.compiling import compile_plan
    from bakeoff.pipelines.options import Options
    from bakeoff.report import write_report
    from bakeoff.tracking import resolve_mode

    root, under_docker = setup.runs, setup.runner == "docker"
    # The name of an image that runs nothing would be in every step's key.
    image = (setup.image or IMAGE) if under_docker else IMAGE
    refuse_output_inside(plan.data, root)
    mode = resolve_mode(setup.wandb, logged_in=not under_docker)
    code = _image_id(image) if under_docker else ""
    created = datetime.now(UTC)
    folder = _new_folder(root, f"{created:%Y%m%d-%H%M%S}-{plan.study}-{plan.preset}")
    environment = {
        "WANDB_MODE": mode,
        SUFFIX: setup.wandb_suffix,
        PLAN: json.dumps(plan.identity),
        "WANDB_PROJECT": project_name(),
        events.VARIABLE: str(folder / "events"),
        CHECKPOINTS: _checkpoints(root),
        WHERE: setup.where,
        GPUS: "" if setup.gpus_per_worker is None else str(setup.gpus_per_worker),
        CACHE: str(cache()),
        # random.py in the current folder is not Python's.
        "PYTHONSAFEPATH": "1",
        # What steps print goes to a file, whatever the terminal can show.
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",
        # OpenMP threads spin for a few microseconds only while they wait for each other: with the
        # default, a training is twenty times slower as soon as anything else runs beside it.
        "GOMP_SPINCOUNT": "1000",
    }
    if not under_docker:
        # Of all steps the same, whatever is committed meanwhile; an image has its own.
        environment[REVISION] = revision()
    make_folder(folder / "events")
    facts: dict[str, Any] = {
        "id": folder.name,
        "created": created.isoformat(timespec="seconds"),
        "status": "running",
        "runner": setup.runner,
        "command": setup.command,
        "plan": {**asdict(plan), "models": {n: to_dict(c) for n, c in plan.models.items()}},
    }
    started, progressed = time.monotonic(), False

    def see(event: dict[str, Any]) -> None:
        nonlocal progressed
        ended = event["event"] == "reused" or event.get("state") == "finished"
        progressed |= ended and event.get("task") != "plan"
        if event["event"] == "group":
            facts["group"] = event["group"]
            write_json(folder / "run.json", facts)
        watch(event)

    with ExitStack() as using:
        own = using.enter_context(going_on(folder))
        write_json(folder / "run.json", facts)
        if setup.where == "ray" and ADDRESS not in os.environ:
            using.enter_context(room())
        try:
            locks = own, using.enter_context(using_store(root))
            make_folder(store(root) / folder.name)
            options = Options(
                image=image,
                local=True,
                parallelism=setup.parallel,
                code=code,
                on_cpus=setup.gpus_per_worker == 0,
            )
            with _compiling:
                compile_plan(plan, options, folder / "pipeline.yaml")
            write_json(
                folder / "job.json",
                {
                    "id": folder.name,
                    "runner": setup.runner,
                    "environment": environment,
                    "mounts": _mounts(plan, root, folder),
                    "arguments": {"data": location(plan.data)},
                },
            )
            _execute(folder, environment, see, locks, under_docker)
            outcome = read_json(folder / "outcome.json")
            # A reused page would name the run that made it.
            results = read_json(Path(outcome["comparison"]) / "results.json")
            results["run"] = {"id": folder.name, "command": setup.command}
            write_report(results, folder / "report.html")
            facts |= {
                "status": "finished",
                "seconds": time.monotonic() - started,
                "group": results["group"],
                "commit": results["commit"],
                **outcome,
            }
            write_json(folder / "run.json", facts)
            # Last, as a run that has results has finished.
            write_json(folder / "results.json", results)
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            refused = isinstance(error, UserError) and not isinstance(error, _StepCrashError)
            if (interrupted or refused) and not progressed:
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(store(root) / folder.name, ignore_errors=True)
            else:
                facts |= {"status": "interrupted" if interrupted else "failed", "error": str(error)}
                with suppress(UserError):  # Of a full disk `error` tells.
                    write_json(folder / "run.json", facts)
            if interrupted:
                raise UserError(
                    "interrupted; run the same command again and it goes on where it stopped"
                ) from None
            raise
    for scratch in ("job.json", "outcome.json"):
        (folder / scratch).unlink()
    shutil.rmtree(folder / "events")
    return RunFolder(folder)


def _new_folder(root: Path, name: str) -> Path:
    """Make a folder of that name; with a number, where another run began in the same second."""
    make_folder(root.resolve())
    for number in itertools.count(1):
        folder = root.resolve() / (name if number == 1 else f"{name}-{number}")
        with explained_write_errors(folder), suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def _image_id(image: str) -> str:
    """The content hash of a local image.

    Raises:
        UserError: no Docker engine answers, or it has no such image.
    """
    import docker

    try:
        client = docker.from_env()
        try:
            return client.images.get(image).id
        finally:
            client.close()
    except docker.errors.ImageNotFound:
        raise UserError(
            f"there is no image {image}: build it with `make images`, or name one with --image"
        ) from None
    except docker.errors.DockerException as error:
        raise UserError(
            f"no Docker engine answers{_reason(error)}: start one, name it with DOCKER_HOST, or "
            "leave out --runner docker"
        ) from None


def _reason(error: BaseException) -> str:
    """What the system said at the bottom of an exception that others are wrapped around."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""


def _checkpoints(root: Path) -> str:
    """Where networks in training keep their last epochs; of a folder, the absolute path."""
    kept = os.environ.get(CHECKPOINTS) or str(checkpoints(root))
    return kept if is_remote(kept) or kept == BESIDE else str(Path(kept).resolve())


def _mounts(plan: Plan, root: Path, folder: Path) -> list[tuple[str, bool]]:
    """Paths a container needs besides its run's part of the store, and whether it writes there."""
    mounts = [(str(folder / "events"), True), (str(store(root)), True)]
    files = [location(plan.data), *plan.files]
    mounts += [(path, False) for path in dict.fromkeys(files) if Path(path).is_absolute()]
    if plan.data in NAMED_SETS:
        cache().mkdir(parents=True, exist_ok=True)
        mounts.append((str(cache()), True))
    kept = Path(_checkpoints(root))
    if kept.is_absolute() and not kept.is_relative_to(store(root)):
        make_folder(kept)
        mounts.append((str(kept), True))
    return mounts


def _execute(
    folder: Path,
    environment: dict[str, str],
    watch: Watch,
    locks: tuple[int, ...],
    under_docker: bool,
) -> None:
    """Run the child to its end, handing its events to `watch`; the child holds the locks too."""
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
            pass_fds=locks,
        )
        try:
            while child.poll() is None:
                look()
                time.sleep(0.1)
            look()
        except BaseException:
            _stop(child, folder.name, under_docker)
            raise
    if child.returncode == 0 and not failures:
        return
    # What failed first is the cause; later steps may stumble over what it did not write.
    if failures and failures[0]["event"] == "error":
        refused = [event["message"] for event in failures if event["event"] == "error"]
        raise UserError("; ".join(dict.fromkeys(refused)))
    what = f": {failures[0]['message']}" if failures else f" (exit code {child.returncode})"
    raise _StepCrashError(
        f"a step of the pipeline crashed{what}; the log is {folder / 'log.txt'}, and the same "
        "command run again reuses what has finished"
    )


def _stop(child: subprocess.Popen[bytes], run_id: str, under_docker: bool) -> None:
    """End the child, the steps it started and, under Docker, their containers."""
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, number)
                child.wait(timeout=5)
                break
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
    finally:  # Of a second Ctrl-C, too.
        if under_docker:
            _kill_containers(run_id)


def _kill_containers(run_id: str) -> None:
    import docker

    with suppress(docker.errors.DockerException):
        client = docker.from_env()
        for container in client.containers.list(filters={"label": f"bakeoff.run={run_id}"}):
            with suppress(docker.errors.APIError):
                container.remove(force=True)
        client.close()
