"""Runs a compiled pipeline with kfp.local: `python -m bakeoff.running.child RUN_FOLDER`.

A process of its own, because kfp.local prints, logs and patches `builtins.print`; the parent reads
its events and its one answer, outcome.json.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.artifacts import read_json, write_json


class _CacheHits(logging.Handler):
    """Collects the tasks whose outputs kfp.local took from its cache."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "cache hit" in message:
            self.tasks.append(message.split("cache hit")[0].replace("Task", "").strip(" '\x1b"))
            events.emit("reused", task=self.tasks[-1])


def main(folder: Path) -> None:
    from kfp import components, local

    job = read_json(folder / "job.json")
    local.init(
        runner=_runner(job), pipeline_root=job["store"], raise_on_error=True, enable_caching=True
    )
    hits = _CacheHits()
    logging.getLogger().addHandler(hits)
    pipeline = components.load_component_from_file(str(folder / "pipeline.yaml"))
    finished = pipeline(**job["arguments"])
    write_json(
        folder / "outcome.json",
        {
            "comparison": finished.outputs["comparison"].path,
            "page": finished.outputs["page"].path,
            "reused": hits.tasks,
        },
    )


def _runner(job: dict[str, Any]) -> Any:
    from kfp import local

    if job["runner"] == "subprocess":
        return local.SubprocessRunner(use_venv=False)
    from docker.types import Mount

    return local.DockerRunner(
        user=f"{os.getuid()}:{os.getgid()}",
        environment={**job["environment"], "HOME": "/tmp"},
        labels={"bakeoff.run": job["id"]},
        mounts=[Mount(path, path, type="bind", read_only=not rw) for path, rw in job["mounts"]],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
