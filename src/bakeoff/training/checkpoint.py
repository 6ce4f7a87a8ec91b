"""The checkpoint of a training: one safetensors file, whole or absent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from bakeoff.training.optimization import Optimizers
from bakeoff.training.places import Place, read_whole, write_whole

_FILE = "checkpoint.safetensors"


class Checkpoint(NamedTuple):
    """What a checkpoint holds besides the weights and the optimisers."""

    facts: dict[str, Any]
    best: dict[str, Tensor]
    """The weights of the best epoch."""
    own: dict[str, Tensor]
    """What each worker has of its own, (workers, ...)."""


def save_checkpoint(
    folder: Place,
    model: nn.Module,
    best: Mapping[str, Tensor],
    optimizers: Optimizers,
    facts: Mapping[str, Any],
    own: Mapping[str, Tensor] | None = None,
) -> None:
    """Save all that what follows depends on; `facts` is what JSON can hold.

    Raises:
        UserError: it cannot be written.
    """
    parts = {
        "model": model.state_dict(),
        "best": best,
        "optimizers": optimizers.state(),
        "own": own or {},
    }
    # A tensor may not share memory with another one in the file, nor leave gaps in its own.
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for part, state in parts.items()
        for name, tensor in state.items()
    }
    tensors["facts"] = torch.frombuffer(bytearray(json.dumps(facts).encode()), dtype=torch.uint8)
    write_whole(folder, _FILE, save(tensors))


def load_checkpoint(folder: Place, model: nn.Module, optimizers: Optimizers) -> Checkpoint | None:
    """Take over weights and optimisers of a checkpoint; None where there is none, or no whole one.

    Raises:
        UserError: it cannot be read.
    """
    content = read_whole(folder, _FILE)
    if content is None:
        return None
    try:
        tensors = load(content)
    except SafetensorError:
        return None
    facts = json.loads(bytes(tensors.pop("facts").tolist()))
    parts: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, tensor in tensors.items():
        part, _, name = key.partition("/")
        parts[part][name] = tensor
    model.load_state_dict(parts["model"])
    optimizers.load_state(parts["optimizers"])
    return Checkpoint(facts, parts["best"], parts["own"])
