"""How long a search goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bakeoff.errors import UserError

LEAST_TRIALS = 2
"""The first trial has the settings that a model has anyway."""
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Budget:
    """Of all the trials of one search; a person gives one of the two."""

    trials: int = 0
    """Trials of each model, that of its own settings among them."""
    seconds: float = 0.0
    """After which no further trial begins, of all models together."""

    @classmethod
    def parse(cls, text: str) -> Budget:
        """
        >>> Budget.parse("20"), Budget.parse("1.5h")
        (Budget(trials=20, seconds=0.0), Budget(trials=0, seconds=5400.0))

        Raises:
            UserError: neither a number of trials nor a time.
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
        number, unit = found.groups() if found else ("", "")
        if not number or (not unit and "." in number):
            raise UserError(
                f"--tune {text}: give a number of trials of each model, as 20, or a time for all "
                "of them, as 30m, 90s or 2h"
            )
        if unit:
            if not float(number):
                raise UserError(f"--tune {text}: in no time nothing is tried; give more, as 30m")
            return cls(seconds=float(number) * _UNITS[unit])
        if int(number) < LEAST_TRIALS:
            raise UserError(
                f"--tune {text}: the first trial has the settings that a model has anyway; give "
                f"{LEAST_TRIALS} or more"
            )
        return cls(trials=int(number))
