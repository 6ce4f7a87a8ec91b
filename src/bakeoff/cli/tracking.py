"""Commands that bring what a bake-off left to Weights & Biases."""

from __future__ import annotations

from pathlib import Path

from bakeoff.cli.app import app
from bakeoff.cli.options import LastSuffix, Run, Runs


@app.command()
def sync(run: Run = "latest", wandb_suffix: LastSuffix = None, runs: Runs = Path("runs")) -> None:
    """Upload a run to Weights & Biases: what was recorded offline, and what is missing there.

    Then the W&B Report is built. After an interruption the same command goes on; what is there
    already is not repeated.
    """
    from bakeoff.running.activity import current
    from bakeoff.running.runs import find_run
    from bakeoff.running.sync import report_to_wandb, sync
    from bakeoff.tracking.mode import go_online

    found = find_run(runs, run)
    go_online()
    with current() as now:

        def told(name: str, url: str) -> None:
            now("" if url else f"uploading {name}")
            if url:
                print(f"{name}\t{url}", flush=True)

        sync(found, wandb_suffix, told)
        now("building the report")
        address = report_to_wandb(found, wandb_suffix)
    print(address)
