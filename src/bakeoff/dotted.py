"""Settings of nested configurations by dotted path: `training.learning_rate`.

A configuration is a frozen dataclass whose annotations say what its fields may hold: bool, int,
float, str, Literal words, lists and tuples of these, another configuration, each with None where
that is allowed, and numbers within a `Range`. Presets, `--set` and searches change them here.
"""

from __future__ import annotations

import difflib
import math
import os
import reprlib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from numbers import Real
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bakeoff.errors import UserError, unknown_name

T = TypeVar("T")

_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


@dataclass(frozen=True)
class Range:
    """The least and the greatest value of a number, as metadata of its annotation."""

    least: float = -math.inf
    most: float = math.inf
    least_excluded: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.least if self.least_excluded else value >= self.least
        return above and value <= self.most

    def __str__(self) -> str:
        low = f"{'more than' if self.least_excluded else 'at least'} {self.least:g}"
        high = f"at most {self.most:g}"
        said = [low] * (self.least > -math.inf) + [high] * (self.most < math.inf)
        return " and ".join(said)


Count = Annotated[int, Range(1)]
CountOrNone = Annotated[int, Range(0)]
"""Of what 0 stands for none, or for no limit."""
Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, least_excluded=True)]
NotNegative = Annotated[float, Range(0)]


@dataclass(frozen=True)
class Times:
    """Instead of a value: the number that stands there, times a factor; a whole one stays whole
    and at least 1.
    """

    factor: float

    def of(self, value: Any) -> float:
        """
        >>> Times(1 / 6).of(40), Times(1 / 60).of(10), Times(0.5).of(0.3)
        (7, 1, 0.15)
        """
        product = self.factor * value
        return max(1, round(product)) if isinstance(value, int) else product


def settings_of(config: Any) -> dict[str, Any]:
    """Every setting of a configuration by its path; what is None has none below it."""
    found: dict[str, Any] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            found |= {f"{field.name}.{path}": held for path, held in settings_of(value).items()}
        else:
            found[field.name] = value
    return found


def changed(config: T, changes: Mapping[str, Any]) -> T:
    """The configuration with other values.

    Args:
        config: a frozen dataclass.
        changes: path → value; text is read as what the field holds, as "8" or "true", and a `Times`
            multiplies what stands there.

    Raises:
        UserError: no such setting, or a value that it cannot have.
    """
    return _changed(config, changes, "", config)


def _changed(config: Any, changes: Mapping[str, Any], above: str, root: Any) -> Any:
    """`config`, which is at `above` in `root`, with all of its changes at once."""
    kinds = _kinds(config)
    new: dict[str, Any] = {}
    below: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        held = getattr(config, name) if name in kinds else None
        if name not in kinds or (rest and not is_dataclass(held)):
            raise unknown_setting(above + path, settings_of(root))
        if rest:
            below.setdefault(name, {})[rest] = value
            continue
        if is_dataclass(held) and not (_is_none(value) and type(None) in get_args(kinds[name])):
            paths = [f"{above}{path}.{inside}" for inside in settings_of(held)]
            raise UserError(f"{above}{path} holds several settings; name one: {', '.join(paths)}")
        try:
            wanted = value.of(held) if isinstance(value, Times) else value
            new[name] = _read(name, kinds[name], wanted)
        except _WrongValueError as wrong:
            raise UserError(f"{above}{path}={value}: {wrong}") from None
    for name, inside in below.items():
        new[name] = _changed(getattr(config, name), inside, f"{above}{name}.", root)
    return replace(config, **new)


def unknown_setting(path: str, known: Iterable[str], further: Iterable[str] = ()) -> UserError:
    """The error for a path that leads nowhere.

    Args:
        path: what there is not.
        known: paths, of which the nearest are named, or those that end alike, or all.
        further: more paths that may be meant, never all named.
    """
    known = list(known)
    near = difflib.get_close_matches(path, [*known, *further], n=2, cutoff=0.8)
    if not near:
        last = {known_path.rpartition(".")[2]: known_path for known_path in reversed(known)}
        words = difflib.get_close_matches(path.rpartition(".")[2], last, n=2, cutoff=0.6)
        near = [last[word] for word in words]
    hint = f"did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known)}"
    return UserError(f"unknown setting {path!r}: {hint}")


def check(config: Any) -> None:
    """See that every field holds what its annotation allows; a dataclass's `__post_init__`.

    Raises:
        UserError: one does not.
    """
    for name, kind in _kinds(config).items():
        value = getattr(config, name)
        try:
            _read(name, kind, value)
        except _WrongValueError as wrong:
            raise UserError(f"{name}={value}: {wrong}") from None


def argument(name: str, kind: Any, value: Any) -> Any:
    """The value of a function's argument, as its annotation has it; a path may be text, and text
    no number.

    Raises:
        UserError: it cannot have that value.
    """
    value = os.fspath(value) if isinstance(value, os.PathLike) else value
    try:
        found = _read(name, kind, value)
        if isinstance(value, str) and not isinstance(found, str):
            raise _WrongValueError(f"give {found}, which is no text")
    except _WrongValueError as wrong:
        raise UserError(f"{name}={' '.join(reprlib.repr(value).split())}: {wrong}") from None
    return found


class _WrongValueError(Exception):
    """What a field holds instead."""


def _kinds(config: Any) -> dict[str, Any]:
    """Field → its annotation."""
    return _kinds_of(type(config))  # type: ignore[arg-type]


@cache
def _kinds_of(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls)}


def _is_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.lower() == "none")


def _read(name: str, kind: Any, value: Any) -> Any:
    """The value of field `name` as `kind` has it, read from text if need be."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        number = _read(name, arguments[0], value)
        for allowed in arguments[1:]:
            if number not in allowed:
                raise _WrongValueError(f"must be {allowed}")
        return number
    if origin in (Union, types.UnionType):
        if type(None) in arguments and _is_none(value):
            return None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return _read(name, kind, value)
    if origin is Literal:
        if value not in arguments:
            raise unknown_name(name, str(value), [word or "''" for word in arguments])
        return value
    if origin in (list, tuple):
        return origin(_read(name, arguments[0], item) for item in _items(value))
    return _plain(kind, value)


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):
        inside = value.strip().removeprefix("[").removesuffix("]")
        return [item.strip() for item in inside.split(",") if item.strip()]
    if isinstance(value, list | tuple):
        return list(value)
    raise _WrongValueError("must be a list, as 1,2,3")


def _plain(kind: type, value: Any) -> Any:
    """A bool, int, float, str or whole configuration."""
    if isinstance(value, str) and kind is not str:
        value = _parsed(kind, value.strip())
    if kind is bool:
        if not isinstance(value, bool):
            raise _WrongValueError("must be true or false")
    elif kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise _WrongValueError("must be a number")
        if kind is int and value % 1:
            raise _WrongValueError("must be a whole number")
        return kind(value)  # type: ignore[call-overload]
    elif not isinstance(value, kind):
        raise _WrongValueError("must be text" if kind is str else "must be a configuration")
    return value


def _parsed(kind: type, text: str) -> Any:
    if kind is bool:
        return _WORDS.get(text.lower(), text)
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
