"""What may be said of RayJobs beside what is said of the task: it changes no result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from bakeoff.errors import UserError, unknown_name

VARIABLE = "BAKEOFF_RAYJOB"
"""Variable: JSON, the fields of `RayJobSettings` that are not the default."""


@dataclass(frozen=True, kw_only=True)
class RayJobSettings:
    """How RayJobs are run."""

    service_account: str = "bakeoff-ray"
    """Of Ray's pods: it needs no right, and its token is not mounted."""
    queue: str = ""
    """Kueue's local queue."""
    priority_class: str = ""
    """Of Ray's pods."""
    ephemeral_storage: str = ""
    """Disk of each pod that trains, such as 20Gi: data set, models and Ray's own files."""
    attempts: int = 3
    """RayJobs at most, where what failed may succeed another time."""
    pre_running_minutes: int = 20
    """For all pods to start."""
    active_hours: int = 24
    """For one try of a training; KubeRay ends it then."""
    heartbeat_minutes: int = 10
    """Without a sign of the step, after which a training ends itself."""

    @property
    def minutes(self) -> int:
        """After which a step that waits for them has ended by itself, all tries together."""
        return self.attempts * (
            self.pre_running_minutes + 60 * self.active_hours + _BETWEEN_MINUTES
        )

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, int) and value < 1:
                raise UserError(f"RayJobs: {name} is {value}; give a whole number from 1 on")
        if self.ephemeral_storage and not _is_amount(self.ephemeral_storage):
            raise UserError(
                f"RayJobs: ephemeral_storage is {self.ephemeral_storage!r}, which Kubernetes does "
                "not know as an amount; give one such as 20Gi"
            )

    @classmethod
    def of_task(cls) -> RayJobSettings:
        """Those of this process's environment.

        Raises:
            UserError: there is no such setting, or no such value.
        """
        try:
            given = json.loads(os.environ.get(VARIABLE) or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise UserError(f'{VARIABLE} is no JSON object; give one, such as {{"queue": "team"}}')
        known = {one.name: type(one.default) for one in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise unknown_name(f"setting in {VARIABLE}", name, known)
            if type(value) is not known[name]:
                raise UserError(f"{VARIABLE}: {name} is {value!r}; give {_WORDS[known[name]]}")
        return cls(**given)

    @classmethod
    def of_pairs(cls, pairs: Iterable[str]) -> RayJobSettings:
        """
        >>> RayJobSettings.of_pairs(["queue=team", "attempts=1"]).attempts
        1

        Raises:
            UserError: there is no such setting, or no such value.
        """
        known: dict[str, Any] = {one.name: type(one.default) for one in fields(cls)}
        given: dict[str, Any] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                raise UserError(f"--rayjob {pair}: give NAME=VALUE, such as queue=team")
            if name not in known:
                raise unknown_name("setting of RayJobs", name, known)
            if known[name] is int and not value.isdecimal():
                raise UserError(f"--rayjob {pair}: give a whole number")
            given[name] = known[name](value)
        return cls(**given)

    def changed(self) -> str:
        """What `VARIABLE` holds."""
        return json.dumps(
            {k: v for k, v in asdict(self).items() if v != getattr(type(self), k)}, sort_keys=True
        )


def _is_amount(quantity: str) -> bool:
    """
    >>> _is_amount("20Gi"), _is_amount("20GB"), _is_amount("0")
    (True, False, False)
    """
    from kubernetes.utils.quantity import parse_quantity

    try:
        amount = parse_quantity(quantity)
    except ValueError:
        return False
    return bool(amount.is_finite() and amount > 0)


_BETWEEN_MINUTES = 30
"""For one try, to make it, to notice its end and to see it gone."""
_WORDS = {int: "a whole number", str: "a text"}
