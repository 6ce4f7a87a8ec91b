"""What a comparison of texts shows besides: preprocessing on a review, the choice of a width."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_json
from bakeoff.data.splits import read_split
from bakeoff.text.networks.width import choice, follows
from bakeoff.text.preprocessing import explain, parse

_EXAMPLE_CHARACTERS = 400


def text_facts(evaluations: Sequence[Path], dataset: Path) -> dict[str, Any]:
    """Each preprocessing of the line-up (and the report's) shown step by step on a review, how many
    training texts it left without a word, and the choice of a width.

    Args:
        evaluations: "evaluations" artifacts.
        dataset: the "dataset" artifact they come from.
    """
    records = [
        read_json(path) for folder in evaluations for path in folder.glob("*/evaluation.json")
    ]
    configs = [record["config"] for record in records]
    names = {config["preprocessing"] for config in configs if "preprocessing" in config}
    review = _short(min(read_split(dataset, "train").inputs[:50], key=_distance))
    examples = [
        {"name": name, "text": review, "steps": explain(review, parse(name))}
        for name in sorted(names | {"report"})
    ]
    emptied = {
        record["config"]["preprocessing"]: record["facts"]["emptied_texts"]
        for record in records
        if record["facts"].get("emptied_texts")
    }
    facts: dict[str, Any] = {"preprocessing_examples": examples, "emptied_texts": emptied}
    if (chosen := choice(records)) and any(follows(config) for config in configs):
        facts["choice"] = {"sentence": chosen.sentence, "table": chosen.table}
    return facts


def _distance(text: str) -> float:
    """Reviews with markup and of a readable length make the clearest example."""
    return abs(len(text) - _EXAMPLE_CHARACTERS) + (0 if "<" in text else _EXAMPLE_CHARACTERS)


def _short(text: str) -> str:
    return text if len(text) <= 2 * _EXAMPLE_CHARACTERS else text[: 2 * _EXAMPLE_CHARACTERS] + "…"
