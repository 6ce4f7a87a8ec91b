"""What a search may change in a configuration: settings by dotted path, each with its values."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Self

from bakeoff.dotted import changed, settings_of
from bakeoff.errors import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class _Interval:
    """What lies between two numbers, these too."""

    low: float
    high: float

    def bounds(self) -> tuple[Any, ...]:
        return self.low, self.high

    def holding(self, value: float) -> Self:
        return replace(self, low=min(self.low, value), high=max(self.high, value))


class Uniform(_Interval):
    """Every number from `low` to `high` alike."""

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high)


class LogUniform(_Interval):
    """Every order of magnitude from `low`, which is more than 0, to `high` alike."""

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=True)


@dataclass(frozen=True)
class Integers(_Interval):
    """Every whole number from `low` to `high` alike."""

    low: int
    high: int

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high)


@dataclass(frozen=True)
class Choice:
    """One of these values."""

    values: tuple[Any, ...]

    def bounds(self) -> tuple[Any, ...]:
        return self.values

    def holding(self, value: Any) -> Choice:
        return self if value in self.values else Choice((*self.values, value))

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)


Dimension = Uniform | LogUniform | Integers | Choice
Space = Mapping[str, Dimension]
"""Path of a setting → its values."""


def searched(config: Any, declared: Space, held: Collection[str] = ()) -> dict[str, Dimension]:
    """The space in which a configuration is searched: what is declared for it, without what is
    held, and wide enough for the values it has, which are the first trial.

    Args:
        config: a frozen dataclass.
        declared: path → values.
        held: paths of settings that stay as they are.

    Raises:
        UserError: a path leads nowhere, a setting cannot have a value, there is but one value, or
            nothing is left to search.
    """
    settings = settings_of(config)
    space = {}
    for path, dimension in declared.items():
        _check(config, path, dimension)
        if path not in held:
            space[path] = dimension.holding(settings[path])
    if not space:
        kept = f": {', '.join(declared)} are held by --set" if declared else ""
        raise UserError(f"nothing is left to search{kept}; leave one of them out, or --tune")
    return space


def _check(config: Any, path: str, dimension: Dimension) -> None:
    values = dimension.bounds()
    settings = settings_of(config)
    fractions = isinstance(dimension, Uniform | LogUniform)
    if path in settings and fractions and not isinstance(settings[path], float):
        raise UserError(f"search space of {path}: it holds no fractions; give Integers or Choice")
    for value in values:
        changed(config, {path: value})
    if isinstance(dimension, Choice):
        if len(set(values)) < 2:
            raise UserError(f"search space of {path}: a choice needs two values at least")
    elif not dimension.low < dimension.high:
        raise UserError(
            f"search space of {path}: {dimension.low:g} is not below {dimension.high:g}"
        )
    numbers = [*values, settings[path]]
    if isinstance(dimension, LogUniform) and min(numbers) <= 0:
        raise UserError(
            f"search space of {path}: {min(numbers):g} has no logarithm; give Uniform, or begin "
            "above 0"
        )


def grid(space: Space, most: int) -> list[dict[str, Any]]:
    """Everything in a space, path → value; nothing where that is infinite, or more than `most`.

    >>> grid({"layers": Integers(1, 2), "keep": Choice(("head",))}, 2)
    [{'layers': 1, 'keep': 'head'}, {'layers': 2, 'keep': 'head'}]
    """
    held: list[Sequence[Any]] = []
    for dimension in space.values():
        if isinstance(dimension, Uniform | LogUniform):
            return []
        if isinstance(dimension, Integers):
            held.append(range(dimension.low, dimension.high + 1))
        else:
            held.append(dimension.values)
    if math.prod(map(len, held)) > most:
        return []
    return [dict(zip(space, values, strict=True)) for values in product(*held)]


def described(space: Space) -> dict[str, dict[str, Any]]:
    """A space as JSON holds it; infinite nowhere.

    >>> described({"dropout": Uniform(0, 0.5)})
    {'dropout': {'kind': 'Uniform', 'low': 0, 'high': 0.5}}
    """
    for dimension in space.values():
        numbers = [value for value in dimension.bounds() if isinstance(value, float)]
        assert all(map(math.isfinite, numbers))
    return {
        path: {"kind": type(dimension).__name__, **asdict(dimension)}
        for path, dimension in space.items()
    }
