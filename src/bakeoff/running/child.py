"""Runs a compiled pipeline with kfp.local: `python -m bakeoff.running.child RUN_FOLDER`.

A process of its own, because kfp.local prints, logs and patches `builtins.print`; the parent reads
its events and its one answer, outcome.json.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.artifacts import read_json, write_json
from bakeoff.code_hash import meaning

_INHERITED = re.compile(r"(WANDB|AWS)_|(https?|no)_proxy$", re.IGNORECASE)


def _watch_cache() -> list[str]:
    """Tell of every task whose outputs kfp.local takes from its cache; a list that fills up."""
    from kfp.local import cache

    local_cache = cache.get_local_cache()
    compute_key, get = local_cache.compute_key, local_cache.get
    tasks: dict[str, dict[str, Any]] = {}
    reused: list[str] = []

    def remembered_key(
        component_name: str, full_command: list[str], arguments: dict[str, Any], **rest: Any
    ) -> str:
        # Neither the number of a task in its graph nor a comment in the source of its component,
        # which is in its command, changes what it does.
        task = component_name.removeprefix("comp-").rstrip("-0123456789")
        command = [meaning(part) for part in full_command]
        key = compute_key(component_name=task, full_command=command, arguments=arguments, **rest)
        model = arguments.get("model")
        tasks[key] = {
            "task": task,
            "model": model,
            "seed": int(arguments["seed"]) if model else None,
        }
        return key

    def told_get(key: str) -> Any:
        outputs = get(key)
        if outputs is not None:
            reused.append(tasks[key]["task"])
            events.emit("reused", **tasks[key])
        return outputs

    local_cache.compute_key, local_cache.get = remembered_key, told_get
    return reused


def main(folder: Path) -> None:
    from kfp import components, local

    job = read_json(folder / "job.json")
    local.init(
        runner=_runner(job), pipeline_root=job["store"], raise_on_error=True, enable_caching=True
    )
    reused = _watch_cache()
    pipeline = components.load_component_from_file(str(folder / "pipeline.yaml"))
    finished = pipeline(**job["arguments"])
    write_json(
        folder / "outcome.json",
        {
            "comparison": finished.outputs["comparison"].path,
            "page": finished.outputs["page"].path,
            "reused": reused,
        },
    )


def _runner(job: dict[str, Any]) -> Any:
    from kfp import local

    if job["runner"] == "subprocess":
        return local.SubprocessRunner(use_venv=False)
    from docker.types import Mount
    from kfp.local import docker_task_handler

    docker_task_handler.run_docker_container = _run_container
    # Settings and keys of those who are asked over the network; they are written nowhere.
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.match(name)}
    return local.DockerRunner(
        user=f"{os.getuid()}:{os.getgid()}",
        environment={**inherited, **job["environment"], "HOME": "/tmp"},
        labels={"bakeoff.run": job["id"]},
        mounts=[Mount(path, path, type="bind", read_only=not rw) for path, rw in job["mounts"]],
    )


def _run_container(
    client: Any, image: str, command: list[str], volumes: dict[str, Any], **options: Any
) -> int:
    """Run a container to its end; its exit code.

    kfp lets the engine remove a container at its end, and takes one that is gone for a success.
    """
    container = client.containers.run(
        image=image, command=command, volumes=volumes, detach=True, **options
    )
    try:
        for line in container.logs(stream=True):
            print(line.decode(errors="replace"), end="")
        return container.wait()["StatusCode"]
    finally:
        container.remove(force=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
