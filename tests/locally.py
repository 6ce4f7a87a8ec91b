"""Runs of plans in this environment."""

from bakeoff.running.local import run_locally
from bakeoff.running.options import Setup


def run_here(plan, runs, watch=lambda _: None, *, wandb="disabled", where="inline", image=""):
    setup = Setup(
        runner="subprocess",
        image=image,
        parallel=1,
        where=where,
        gpus_per_worker=None,
        wandb=wandb,
        wandb_suffix="",
        runs=runs,
    )
    return run_locally(plan, setup, watch)
