"""What a comparison of images shows besides: its autoencoders, and what knew the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.artifacts import read_json, read_manifest

FROM_IMAGENET = ("stl10", "tiny-imagenet", "tiny_imagenet")
"""Beginnings of the names of data sets that were cut from ImageNet."""


def image_facts(evaluations: Sequence[Path], dataset: Path) -> dict[str, Any]:
    """What the report shows of images besides.

    Args:
        evaluations: "evaluations" artifacts.
        dataset: the "dataset" artifact they come from.

    Returns:
        autoencoders: their records, by name and seed; contaminated: the models that start from
        given weights, most likely ImageNet's, on pictures of ImageNet.
    """
    autoencoders = _records(evaluations, "autoencoder.json")
    source = read_manifest(dataset, "dataset")["facts"]["source"]["name"]
    pretrained = {
        record["model"]
        for record in _records(evaluations, "evaluation.json")
        if record["config"].get("weights")
    }
    return {
        "autoencoders": sorted(autoencoders, key=lambda record: (record["model"], record["seed"])),
        "contaminated": sorted(pretrained) if source.startswith(FROM_IMAGENET) else [],
    }


def _records(evaluations: Sequence[Path], name: str) -> list[dict[str, Any]]:
    return [read_json(path) for folder in evaluations for path in folder.glob(f"*/{name}")]
