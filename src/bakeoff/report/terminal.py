"""The leaderboard on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.report.formats import count, decimal, duration, percent, size

if TYPE_CHECKING:
    from rich.table import Table


def leaderboard_table(results: dict[str, Any]) -> Table:
    """One row a model, best test accuracy first; the model that validation chose is marked."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", no_wrap=True)
    for heading in ("accuracy", "95\u202f%", "F1", "valid.", "training", "parameters", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in results["leaderboard"]:
        chosen = row["model"] == results["winner"]["model"]
        table.add_row(
            Text(f"{'★' if chosen else ' '} {row['model']}"),
            percent(row["accuracy"]),
            f"{100 * row['accuracy_low']:.1f}–{100 * row['accuracy_high']:.1f}",
            decimal(row["f1"]),
            percent(row["validation_accuracy"]),
            duration(row["train_seconds"]),
            count(row["parameters"]),
            size(row["size_bytes"]),
            style="bold" if chosen else "",
        )
    return table
