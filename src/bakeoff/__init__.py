"""bakeoff: which model should I use, how sure is that, and what does it cost?

Importing the package is cheap; torch, kfp, wandb and ray are imported where they are used.

    import bakeoff

    result = bakeoff.run("sentiment", data=frame)  # as `bakeoff run`
    result.predict(["What a film!"])
    bakeoff.load("latest")  # the result of an earlier run
    bakeoff.look("tickets.csv")  # as `bakeoff data look`
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bakeoff.errors import UserError

if TYPE_CHECKING:
    from bakeoff.running.hold import run
    from bakeoff.running.look import look
    from bakeoff.running.result import load

__version__ = "0.1.0"
__all__ = ["UserError", "load", "look", "run"]

if not TYPE_CHECKING:
    # Imported by name when asked for: steps run this module too, and none of those.
    _HOMES = {
        "run": "bakeoff.running.hold",
        "load": "bakeoff.running.result",
        "look": "bakeoff.running.look",
    }

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'bakeoff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
