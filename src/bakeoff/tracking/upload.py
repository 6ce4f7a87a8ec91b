"""A W&B run of what has finished: the same records, at once and as long as they take.

Where a server hangs that may be for ever: who calls this sets a limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bakeoff.errors import UserError
from bakeoff.tracking import records
from bakeoff.tracking.connection import explained, settled
from bakeoff.tracking.identity import Identity
from bakeoff.tracking.run import Run, Task

INIT_SECONDS = 15.0


class Upload(Run):
    """A context that opens the run where it stands on the server, or a new one.

    Raises:
        UserError: on entering, and from every method: W&B does not take it.
    """

    def __init__(
        self,
        run_id: str,
        name: str,
        config: Mapping[str, Any],
        *,
        job: str,
        identity: Identity,
        project: str,
        scratch: Path,
    ) -> None:
        settings = {
            "project": project,
            "group": identity.group,
            "name": name,
            "id": run_id,
            "job_type": job,
            "config": records.without_secrets({**identity.about, **config}),
            "dir": str(scratch),
        }
        super().__init__("disabled", settings, identity)
        self.url = self.entity = ""
        self.is_new = True
        """Whether nothing was recorded there before."""

    def __enter__(self) -> Upload:
        import wandb

        self._wandb = wandb
        settings = settled(wandb, self._settings, init=INIT_SECONDS, measured=False)
        start = {**self._settings, "settings": settings, "reinit": "create_new"}
        try:
            self._run = wandb.init(mode="online", resume="allow", **start)
            records.define_metrics(self._run)
        except wandb.Error as error:
            raise UserError(f"W&B {explained(error, self._settings['id'])}") from None
        self.url, self.entity = self._run.url or "", self._run.entity
        self.is_new = self._run.starting_step == 0
        return self

    def submit(self, task: Task) -> None:
        """Do the work now."""
        try:
            task(self._wandb, self._run)
        except Exception as error:
            raise UserError(f"W&B {explained(error, self._settings['id'])}") from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._run.finish(exit_code=0 if kind is None else 1)
        except Exception as refused:
            if error is None:
                raise UserError(f"W&B {explained(refused, self._settings['id'])}") from None


def upload_folders(
    folders: Sequence[Path], run_id: str, project: str, entity: str, scratch: Path
) -> None:
    """Upload what the client recorded offline of one run, in order, system metrics included, also
    where it was uploaded before; its log goes into `scratch`.

    Raises:
        UserError: W&B does not take it.
    """
    place = ["--id", run_id, "--project", project, "--entity", entity, "--include-synced"]
    silence = {"WANDB_SILENT": "false", "WANDB_ERROR_REPORTING": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "sync", *place, *map(str, folders)],
        env={**os.environ, **silence, "WANDB_DIR": str(scratch)},
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    refused = [line for line in done.stderr.splitlines() if "ERROR" in line]
    if done.returncode or refused:
        line = (refused or done.stderr.splitlines() or ["no reason given"])[-1]
        raise UserError(f"W&B {explained(RuntimeError(line), run_id)}")


def owner(run_id: str, project: str) -> str:
    """The W&B entity that a run belongs to; "" where the server has no such run.

    Raises:
        UserError: the server cannot be asked.
    """
    import wandb

    try:
        return wandb.Api(timeout=int(INIT_SECONDS)).run(f"{project}/{run_id}").entity
    except ValueError:
        return ""
    except wandb.Error as error:
        if "not find" in str(error):
            return ""
        raise UserError(f"W&B {explained(error, run_id)}") from None
