"""torchvision beside a CPU build of torch.

PyPI's torchvision is built for CUDA. Where its extension does not load, importing it fails: it
attaches shapes to operators that the extension would have declared. Their declarations are enough
for models and transforms; the operators themselves, which only detection needs, stay absent.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def models() -> ModuleType:
    """The module torchvision.models."""
    _declare_operators()
    import torchvision.models

    return torchvision.models


@cache
def _declare_operators() -> torch.library.Library | None:
    """The library that holds the declarations, which last as long as it does."""
    spec = find_spec("torchvision")
    assert spec is not None
    assert spec.origin is not None
    try:
        torch.ops.load_library(Path(spec.origin).with_name("_C.so"))
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in _OPERATORS:
            library.define(operator)
        return library
    return None
