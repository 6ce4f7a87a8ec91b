"""What a training elsewhere, by workers of a Ray, must know of this process's environment."""

from __future__ import annotations

import os

from bakeoff.tracking.mode import DESTINATION

_NAMES = {
    *("WANDB_MODE", *DESTINATION, "GOMP_SPINCOUNT"),
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"),
}


def handed_on() -> dict[str, str]:
    """The variables whose values no one has to keep to himself; no key of anything."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("BAKEOFF_") or name in _NAMES
    }
