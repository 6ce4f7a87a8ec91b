"""What the history of a training says: one record an epoch, as the training loop writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bakeoff.evaluation.scores import METRICS


def best_epoch(history: Sequence[dict[str, Any]], metric: str = "accuracy") -> dict[str, Any]:
    """The epoch whose weights are kept: the best on validation by the metric (a name in
    `bakeoff.evaluation.scores.METRICS`), of equals the one with the lowest loss; where the metric
    means nothing, the lowest loss.
    """
    chosen = METRICS[metric]

    def merit(record: dict[str, Any]) -> tuple[float, float]:
        score, loss = record[f"validation_{chosen.key}"], record["validation_loss"]
        return (
            -math.inf if score is None else chosen.merit(score),
            -math.inf if math.isnan(loss) else -loss,
        )

    return max(history, key=merit)


def finished(
    history: Sequence[dict[str, Any]], epochs: int, patience: int, metric: str = "accuracy"
) -> bool:
    """Whether all `epochs` are done, or the last `patience` of them (0: no number) brought nothing
    better by the metric.
    """
    if not history:
        return False
    waited = history[-1]["epoch"] - best_epoch(history, metric)["epoch"]
    return len(history) >= epochs or 0 < patience <= waited
