"""The leaderboard in Markdown, for the KFP UI and for pasting into an issue."""

from __future__ import annotations

from typing import Any

from bakeoff.formats import count, decimal, duration, interval, percent
from bakeoff.report.summary import answer


def write_markdown(results: dict[str, Any]) -> str:
    """The answer in a sentence, and one table row a model; the chosen one is bold."""
    lines = [
        f"**{answer(results)}**",
        "",
        "| Model | Accuracy | 95 % interval | F1 | Validation | Training | Parameters |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in results["leaderboard"]:
        chosen = row["model"] == results["winner"]["model"]
        cells = [
            f"**{row['model']}**" if chosen else row["model"],
            percent(row["accuracy"]),
            interval(row["accuracy_low"], row["accuracy_high"]),
            decimal(row["f1"]),
            percent(row["validation_accuracy"]),
            duration(row["train_seconds"]),
            count(row["parameters"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", results["winner"]["reason"], ""])
