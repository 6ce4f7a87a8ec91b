"""How memory holds weights."""

from __future__ import annotations

import torch
from torch import Tensor


def as_stored(tensor: Tensor) -> Tensor:
    """A view of weights or their gradient in the order that memory holds them: before a fused step
    PyTorch 2.13 copies what it does not call contiguous, such as a convolution's with channels
    last.
    """
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return tensor.permute(0, 2, 3, 1) if last else tensor


def laid_out(values: Tensor, like: Tensor) -> Tensor:
    """Numbers in the order that memory holds those of `as_stored(like)`, (n,), as a view of its
    shape.
    """
    stored = as_stored(like)
    shaped = values.view(stored.shape)
    return shaped if stored is like else shaped.permute(0, 3, 1, 2)
