"""The run `leaderboard` of a bake-off: all models side by side, and how sure differences are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bakeoff.tracking import charts

NAME = "leaderboard"


def log(wandb: Any, run: Any, results: Mapping[str, Any]) -> None:
    """Tables of the leaderboard and of the pairwise tests, and a summary of the winner.

    Args:
        wandb: the module.
        run: the W&B run.
        results: the content of results.json.
    """
    from bakeoff.evaluation.scores import METRICS

    board, winner = results["leaderboard"], results["winner"]
    key = METRICS[results["metric"]].key
    chosen = next(row for row in board if row["model"] == winner["model"])
    run.summary.update(
        {
            "winner": winner["model"],
            "reason": winner["reason"],
            "models": len(board),
            f"test/{key}": chosen[key],
            f"held_out/{key}": chosen[f"validation_{key}"],
        }
    )
    if run.starting_step:
        return
    run.log(
        {
            "leaderboard": charts.table(wandb, board),
            "comparisons": charts.table(wandb, results["comparisons"]),
        }
    )
