"""What a comparison of images shows besides: the autoencoders that took part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_json


def image_facts(evaluations: Sequence[Path]) -> dict[str, Any]:
    """The records of autoencoders, by name and seed.

    Args:
        evaluations: "evaluations" artifacts.
    """
    records = [
        read_json(path) for folder in evaluations for path in folder.glob("*/autoencoder.json")
    ]
    return {"autoencoders": sorted(records, key=lambda record: (record["model"], record["seed"]))}
