"""Changed settings as text: `rnn-64.training.epochs=8, hidden=64`, each as `--set` has one.

So they travel between the steps of a pipeline, and so a person writes them in its form. A comma
divides two of them only where the next one's name and `=` follow: values may hold commas.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bakeoff.dotted import settings_of
from bakeoff.errors import UserError

_ABSENT = object()
_NEXT = re.compile(r",\s*(?=[\w.@*-]+=)")


def listed(text: str) -> list[str]:
    """The changes in a text.

    >>> listed("epochs=8, preprocessing=report,-drop-stop-words, rnn-64.hidden=9")
    ['epochs=8', 'preprocessing=report,-drop-stop-words', 'rnn-64.hidden=9']
    """
    return [change for one in _NEXT.split(text) if (change := one.strip())]


def joined(changes: Iterable[str]) -> str:
    """The text that holds these changes.

    Raises:
        UserError: a value looks as if another change began in it.
    """
    changes = list(changes)
    text = ", ".join(changes)
    if listed(text) != changes:
        wrong = next(change for change in changes if listed(change) != [change])
        raise UserError(
            f"{wrong} cannot be passed on: leave spaces, and commas before =, out of it"
        )
    return text


def merged(text: str, changes: Mapping[str, Any]) -> str:
    """The text with further changes, path → value, instead of those to the same paths."""
    kept = [change for change in listed(text) if change.partition("=")[0] not in changes]
    return joined([*kept, *(f"{path}={as_text(value)}" for path, value in changes.items())])


def minimum_beside(path: str) -> str:
    """The least number of steps beside a number of epochs, which who changes that sets to 0: asked
    for one epoch, a small data set is trained for one; "" beside other settings.

    >>> minimum_beside("pretraining.training.epochs"), minimum_beside("hidden")
    ('pretraining.training.least_steps', '')
    """
    found = path.endswith("training.epochs")
    return f"{path.removesuffix('epochs')}least_steps" if found else ""


def difference(old: Mapping[str, Any], new: Mapping[str, Any], named: Collection[str] = ()) -> str:
    """The changes that make some configurations of others: of all that have a setting at once,
    where it is told of all of them and has the same value. What `minimum_beside` a change says is
    told.

    Args:
        old: name → configuration.
        new: the same names → configurations of the same kinds.
        named: settings, MODEL.PATH, that are told even if they are the same in both.
    """
    before = {name: settings_of(config) for name, config in old.items()}
    after = {name: settings_of(config) for name, config in new.items()}
    told = {
        name: {
            path
            for path, value in settings.items()
            if before[name].get(path, _ABSENT) != value or f"{name}.{path}" in named
        }
        for name, settings in after.items()
    }
    for paths in told.values():
        paths |= {minimum_beside(path) for path in paths}
    changes: dict[str, None] = {}
    for name, settings in after.items():
        for path, value in settings.items():
            if path not in told[name]:
                continue
            everyone = [n for n, held in before.items() if path in held]
            shared = name in everyone and all(
                path in told[n] and after[n].get(path, _ABSENT) == value for n in everyone
            )
            changes[f"{'' if shared else f'{name}.'}{path}={as_text(value)}"] = None
    return joined(changes)


def as_text(value: Any) -> str:
    """A setting's value as it is read again.

    >>> as_text(True), as_text(None), as_text((1, 2)), as_text(0.1)
    ('true', 'none', '1,2', '0.1')
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(as_text(item) for item in value)
    return str(value)
