"""Weights & Biases: one run a model, and no run that W&B could fail or slow."""

from bakeoff.tracking.identity import Identity
from bakeoff.tracking.leaderboard import NAME as LEADERBOARD
from bakeoff.tracking.mode import resolve_mode
from bakeoff.tracking.run import Run, open_run

__all__ = ["LEADERBOARD", "Identity", "Run", "open_run", "resolve_mode"]
