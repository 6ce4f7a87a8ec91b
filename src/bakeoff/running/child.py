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

from bakeoff.artifacts import read_json, write_json
from bakeoff.running.store import cache_folder, store

_INHERITED = re.compile(r"(WANDB|AWS)_|(https?|no)_proxy$", re.IGNORECASE)


def main(folder: Path) -> None:
    from kfp import components, local

    from bakeoff.running.cache import use_store_cache

    job, root = read_json(folder / "job.json"), folder.parent
    local.init(
        runner=_runner(job),
        pipeline_root=str(store(root) / job["id"]),
        raise_on_error=True,
        enable_caching=True,
        cache_root=str(cache_folder(root)),
    )
    cache = use_store_cache(root)
    pipeline = components.load_component_from_file(str(folder / "pipeline.yaml"))
    finished = pipeline(**job["arguments"])
    write_json(
        folder / "outcome.json",
        {
            "comparison": finished.outputs["comparison"].path,
            "reused": cache.reused,
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
