"""What the history of a training says: one record an epoch, as the training loop writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def best_epoch(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The epoch whose weights are kept: the highest validation accuracy, of equals the lowest
    loss; where accuracy means nothing, the lowest loss.
    """

    def merit(record: dict[str, Any]) -> tuple[float, float]:
        loss = record["validation_loss"]
        return record["validation_accuracy"] or 0.0, -math.inf if math.isnan(loss) else -loss

    return max(history, key=merit)


def finished(history: Sequence[dict[str, Any]], epochs: int, patience: int) -> bool:
    """Whether all `epochs` are done, or the last `patience` of them brought nothing better."""
    if not history:
        return False
    waited = history[-1]["epoch"] - best_epoch(history)["epoch"]
    return len(history) >= epochs or waited >= patience
