"""The checkpoint of a training: one safetensors file, written atomically."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
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
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    # A tensor may not share memory with another one in the file.
    owned = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    with explained_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{_FILE}.{os.getpid()}.tmp"
        save_file(owned, temporary, metadata={"facts": json.dumps(facts)})
        temporary.replace(folder / _FILE)


def load_checkpoint(
    folder: Path, model: nn.Module, optimizers: Optimizers
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Take over a checkpoint; returns its facts and the best weights, or None without one."""
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(folder / _FILE, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            for key in file.keys():  # noqa: SIM118 (no mapping)
                part, _, name = key.partition("/")
                parts.setdefault(part, {})[name] = file.get_tensor(key)
    except (FileNotFoundError, SafetensorError):
        return None
    model.load_state_dict(parts["model"])
    optimizers.load_state(parts["optimizers"])
    torch.set_rng_state(parts["random"]["cpu"])
    if "cuda" in parts["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(parts["random"]["cuda"])
    return facts, parts["best"]
