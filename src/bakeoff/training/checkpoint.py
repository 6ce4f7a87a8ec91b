"""The checkpoint of a training: one safetensors file, written atomically."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, nn

from bakeoff.artifacts import explained_write_errors
from bakeoff.training.optimization import Optimizers

_FILE = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    best: dict[str, Tensor],
    optimizers: Optimizers,
    facts: dict[str, Any],
) -> None:
    """Save all that the next epoch depends on; `facts` is what JSON can hold."""
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    tensors |= {f"optimizers/{name}": tensor for name, tensor in optimizers.state().items()}
    # A tensor may not share memory with another one in the file, nor leave gaps in its own.
    owned = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    owned["facts"] = torch.frombuffer(bytearray(json.dumps(facts).encode()), dtype=torch.uint8)
    with explained_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{_FILE}.{os.getpid()}.tmp"
        save_file(owned, temporary)
        temporary.replace(folder / _FILE)


def load_checkpoint(
    folder: Path, model: nn.Module, optimizers: Optimizers
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Take over a checkpoint; returns its facts and the best weights, or None without one."""
    try:
        # Read in one go: a file that is replaced while it is read stays the old one.
        tensors = load((folder / _FILE).read_bytes())
    except (FileNotFoundError, SafetensorError):
        return None
    facts = json.loads(bytes(tensors.pop("facts").tolist()))
    parts: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, tensor in tensors.items():
        part, _, name = key.partition("/")
        parts[part][name] = tensor
    model.load_state_dict(parts["model"])
    optimizers.load_state(parts["optimizers"])
    return facts, parts["best"]
