"""Optimisers and the learning rate over time."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.training.layout import as_stored
from bakeoff.training.settings import TrainingSettings

FINAL_SHARE = 0.01
"""Share of the peak learning rate at the end of a falling schedule."""


class Optimizers:
    """The chosen Adam for most parameters, a lazy one for embeddings with sparse gradients; one
    schedule.

    A row of a sparse embedding is touched only in steps whose batch holds its word, which makes a
    step's cost independent of the vocabulary. Sparse gradients are not clipped: Adam's step does
    not grow with a gradient's scale.
    """

    def __init__(self, model: nn.Module, settings: TrainingSettings, total_steps: int) -> None:
        self._settings = settings
        self._total_steps = total_steps
        sparse = {
            id(module.weight)
            for module in model.modules()
            if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
        }
        trainable = [p for p in model.parameters() if p.requires_grad]
        self.dense = [p for p in trainable if id(p) not in sparse]
        """Parameters with dense gradients."""
        self._stored = [nn.Parameter(as_stored(p.detach())) for p in self.dense]
        matrices = [p for p in self._stored if p.ndim > 1]
        vectors = [p for p in self._stored if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
        self.all: list[torch.optim.Optimizer] = [
            kind([group for group in groups if group["params"]], fused=True)
        ]
        self.sparse = [p for p in trainable if id(p) in sparse]
        """Parameters with sparse gradients."""
        if self.sparse:
            self.all.append(torch.optim.SparseAdam(self.sparse))
        self.steps = 0
        self._set_rate()

    @property
    def learning_rate(self) -> float:
        """The rate of the last step, or of the first where there was none."""
        return self._rate(max(self.steps - 1, 0))

    def _rate(self, done: int) -> float:
        """The rate of the step after `done` others."""
        return self._settings.learning_rate * rate_share(
            done / self._total_steps, self._settings.schedule, self._settings.warmup
        )

    def step(self) -> None:
        """Clip, update, clear the gradients, and move the schedule on."""
        if self._settings.clip_norm:
            nn.utils.clip_grad_norm_(self.dense, self._settings.clip_norm)
        for parameter, stored in zip(self.dense, self._stored, strict=True):
            stored.grad = None if parameter.grad is None else as_stored(parameter.grad)
            parameter.grad = None
        for optimizer in self.all:
            optimizer.step()
            optimizer.zero_grad()
        self.steps += 1
        self._set_rate()

    def _set_rate(self) -> None:
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = self._rate(self.steps)

    def state(self) -> dict[str, Tensor]:
        """All state as tensors: "<optimiser>.<parameter>.<name>" and "steps"."""
        tensors = {"steps": torch.tensor(self.steps)}
        for number, optimizer in enumerate(self.all):
            for index, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    tensors[f"{number}.{index}.{name}"] = torch.as_tensor(value)
        return tensors

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        states: list[dict[int, dict[str, Any]]] = [{} for _ in self.all]
        for key, tensor in tensors.items():
            if key == "steps":
                self.steps = int(tensor)
                continue
            number, index, name = key.split(".", 2)
            states[int(number)].setdefault(int(index), {})[name] = tensor
        for optimizer, state in zip(self.all, states, strict=True):
            if isinstance(optimizer, torch.optim.SparseAdam):
                for values in state.values():
                    values["step"] = int(values["step"])
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        self._set_rate()


def rate_share(done: float, schedule: str, warmup: float) -> float:
    """Share of the peak learning rate.

    Args:
        done: share of all steps done, 0 to 1.
        schedule: "cosine", "linear" or "constant".
        warmup: share of all steps in which the rate rises linearly.
    """
    if done < warmup or warmup == 1:
        # Never 0, so that the first step counts.
        return max(done / warmup, FINAL_SHARE)
    fallen = min((done - warmup) / (1 - warmup), 1.0)
    shares = {
        "cosine": FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * fallen)) / 2,
        "linear": 1 - (1 - FINAL_SHARE) * fallen,
        "constant": 1.0,
    }
    return shares[schedule]
