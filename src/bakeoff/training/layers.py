"""The layers of a network as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def numbers_in(module: nn.Module) -> int:
    """How many numbers its parameters hold, frozen ones too."""
    return sum(parameter.numel() for parameter in module.parameters())


def layer_table(
    model: nn.Module, example: tuple[Tensor, ...], axes: Mapping[int, str]
) -> list[dict[str, Any]]:
    """One record a layer that computes something, in order of use.

    Args:
        model: any module.
        example: arguments of its forward.
        axes: names for sizes of the example that stand for any size, such as {3: "batch"}.

    Returns:
        Records with name, type, output_shape (as text) and parameters.
    """
    records: list[dict[str, Any]] = []
    hooks = []

    def describe(name: str) -> Any:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) else output
            shape = ", ".join(str(axes.get(size, size)) for size in first.shape)
            records.append(
                {
                    "name": name,
                    "type": type(module).__name__,
                    "output_shape": f"({shape})",
                    "parameters": numbers_in(module),
                }
            )

        return hook

    for name, module in model.named_modules():
        idle = isinstance(module, (nn.Identity, nn.modules.dropout._DropoutNd))
        if not list(module.children()) and not idle:
            hooks.append(module.register_forward_hook(describe(name)))
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            model(*example)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return records
