"""Options that several commands share, as the fields of a dataclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

Command = Callable[..., None]


def with_options(*, without: Collection[str] = (), **defaults: Any) -> Callable[[Command], Command]:
    """Give a command the fields of the dataclasses among its parameters as options, in their place.

    Args:
        without: fields that are no option of this command.
        defaults: of this command, where they are not the dataclass's.
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        groups = {
            name: hint
            for name, hint in hints.items()
            if isinstance(hint, type) and is_dataclass(hint)
        }
        parameters = []
        for name, parameter in inspect.signature(command).parameters.items():
            if name in groups:
                parameters += _options(groups[name], without, defaults)
            else:
                parameters.append(
                    parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[name])
                )

        @wraps(command)
        def called(**given: Any) -> None:
            for name, group in groups.items():
                own = {field.name for field in fields(group)} & given.keys()
                given[name] = group(**{option: given.pop(option) for option in own})
            command(**given)

        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return called

    return decorate


def _options(
    group: type[Any], without: Collection[str], defaults: dict[str, Any]
) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(field.name, field.default),
            annotation=hints[field.name],
        )
        for field in fields(group)
        if field.name not in without
    ]
