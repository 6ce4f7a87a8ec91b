"""The leaderboard in Markdown, for the KFP UI and for pasting into an issue."""

from __future__ import annotations

from typing import Any

from bakeoff.formats import count, decimal, duration
from bakeoff.report.summary import answer, hint, metric_of, validation_interval


def write_markdown(results: dict[str, Any]) -> str:
    """The answer in a sentence, and one table row a model; the chosen one is bold."""
    metric = metric_of(results)
    heading = metric.words[0].upper() + metric.words[1:]
    lines = [
        f"**{answer(results)}**",
        *(["", note] if (note := hint(results)) else []),
        "",
        f"| Model | {heading} | 95 % interval | F1 | Validation | 95 % interval | Training "
        "| Parameters |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in results["leaderboard"]:
        key, chosen = metric.key, row["model"] == results["winner"]["model"]
        cells = [
            f"**{row['model']}**" if chosen else row["model"],
            metric.show(row[key]),
            metric.show_interval(row[f"{key}_low"], row[f"{key}_high"]),
            decimal(row["f1"]),
            metric.show(row[f"validation_{key}"]),
            validation_interval(results, row),
            duration(row["train_seconds"]),
            count(row["parameters"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", results["winner"]["reason"], ""])
