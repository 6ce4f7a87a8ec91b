"""The configurations of a bake-off's models: what the registry says, changed by what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bakeoff.changes import minimum_beside
from bakeoff.data.sources import refuse_credentials
from bakeoff.dotted import changed, settings_of, unknown_setting
from bakeoff.errors import UserError
from bakeoff.studies import Config
from bakeoff.training.settings import Ensemble
from bakeoff.vision.configs import ImageNetwork

Configs = dict[str, Config]
"""Name of a model → its configuration."""

_NAMED = {
    "vectors": ("word vectors", ("", "glove-6b-50d", "word2vec", "google-news")),
    "weights": ("weights", ("", "imagenet")),
}
"""Setting that names a file → what of, and the values that are none."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Other settings for the models that have them."""

    settings: Mapping[str, Any]
    """Path → value."""
    asked_by: str = ""
    """The option, which must change a model; "" may change none."""
    where: Callable[[Mapping[str, Any]], bool] = lambda _: True
    """Whether a model with these settings is meant."""

    def applied(self, configs: Configs) -> Configs:
        """The configurations after the change.

        Raises:
            UserError: an option changes none, or a setting cannot have the value.
        """
        mine = {name: self._of(config) for name, config in configs.items()}
        if self.asked_by and not any(mine.values()):
            raise UserError(
                f"{self.asked_by} changes none of these models: {', '.join(configs)}; leave it "
                "out, or choose others with --models"
            )
        try:
            return {name: changed(config, mine[name]) for name, config in configs.items()}
        except UserError as error:
            raise UserError(f"{self.asked_by}: {error}" if self.asked_by else str(error)) from None

    def _of(self, config: Config) -> dict[str, Any]:
        held = settings_of(config)
        if not self.where(held):
            return {}
        return {path: value for path, value in self.settings.items() if path in held}


def _having(**held: Any) -> Callable[[Mapping[str, Any]], bool]:
    return lambda settings: all(settings.get(path) == value for path, value in held.items())


UNMIRRORED = Change(
    settings={"pictures.flip": False, "pretraining.pictures.flip": False, "flip_at_test": False}
)
"""No picture is mirrored, neither in training nor when it is classified."""

OPTIONS: dict[str, Callable[[Any], Change]] = {
    "glove": lambda file: Change(settings={"vectors": file}, where=_having(vectors="glove-6b-50d")),
    "word2vec": lambda file: Change(settings={"vectors": file}, where=_having(vectors="word2vec")),
    "freeze_vectors": lambda frozen: Change(
        settings={"freeze_vectors": frozen}, where=lambda held: bool(held.get("vectors"))
    ),
    "weights": lambda source: Change(
        settings={"weights": source}, where=_having(encoder="resnet18")
    ),
    "precision": lambda name: Change(settings={"precision": name, "pretraining.precision": name}),
    "preprocessing": lambda spec: Change(settings={"preprocessing": spec}),
    "keep_sides": lambda _: UNMIRRORED,
}
"""Option of the command line → what it changes, given its value."""


def optioned(configs: Configs, given: Mapping[str, Any]) -> Configs:
    """The configurations after the options that are given.

    Args:
        configs: of the models that take part.
        given: option → value; "" and False are not given.

    Raises:
        UserError: an option changes none of them, or they cannot have its value.
    """
    for name, change in OPTIONS.items():
        if given.get(name):
            asked = replace(change(given[name]), asked_by=f"--{name.replace('_', '-')}")
            configs = asked.applied(configs)
    return configs


def with_settings(configs: Configs, asked: Sequence[str], known: Iterable[str]) -> Configs:
    """The configurations after `MODEL.PATH=VALUE`s; `PATH=VALUE` and `*.PATH=VALUE` mean every
    model that has such a setting, and of two for the same setting the later counts. Epochs that are
    asked for are no more on a small data set, unless least_steps is asked for too.

    Args:
        configs: of the models that take part.
        asked: as `--set` has them.
        known: models that could take part.

    Raises:
        UserError: no such model or setting, or a value it cannot have.
    """
    changes = _by_model(configs, asked, known)
    result = {}
    for name, config in configs.items():
        for path in list(changes[name]):
            if minimum := minimum_beside(path):
                changes[name].setdefault(minimum, "0")
        try:
            result[name] = changed(config, changes[name])
        except UserError as error:
            raise UserError(f"--set {name}: {error}") from None
    return result


def named(configs: Configs, asked: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The settings, MODEL.PATH, that are asked for, whether or not that changes them; the arguments
    are those of `with_settings`.
    """
    changes = _by_model(configs, asked, known)
    return tuple(sorted(f"{name}.{path}" for name, paths in changes.items() for path in paths))


def _by_model(
    configs: Configs, asked: Sequence[str], known: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Name of each model → path → value, as asked for; the arguments are those of
    `with_settings`.
    """
    changes: dict[str, dict[str, str]] = {name: {} for name in configs}
    for text in asked:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set {text}: write MODEL.PATH=VALUE, as rnn-64.training.epochs=8")
        for name, path in _meant(configs, key, known):
            changes[name][path] = value
    return changes


def _meant(configs: Configs, key: str, known: Iterable[str]) -> list[tuple[str, str]]:
    """The models and the path in them that the left side of a `--set` means."""
    # Names of models hold dots, and one may begin with another: resnet18-center@0.1.
    names = [name for name in {*configs, *known} if key.startswith(f"{name}.")]
    if names:
        name = max(names, key=len)
        if name not in configs:
            raise UserError(f"--set {key}: {name} takes no part; name it with --models")
        return [(name, key.removeprefix(f"{name}."))]
    path = key.removeprefix("*.")
    meant = [(name, path) for name, config in configs.items() if path in settings_of(config)]
    if not meant:
        paths = {path for config in configs.values() for path in settings_of(config)}
        of_models = {f"{n}.{path}" for n, config in configs.items() for path in settings_of(config)}
        raise unknown_setting(path, sorted(paths), sorted(of_models))
    return meant


def checked(configs: Configs, original: Mapping[str, Config], waiting: Iterable[str]) -> Configs:
    """The configurations with absolute paths of the files they name, for steps that run elsewhere.

    Args:
        configs: of the models that take part.
        original: as they were before they were asked to change.
        waiting: models whose width is chosen.

    Raises:
        UserError: they name what there is not, or do not fit each other.
    """
    from bakeoff.text.preprocessing import parse

    pretrainings: dict[str, Any] = {}
    for name, config in configs.items():
        if isinstance(config, ImageNetwork) and (start := config.pretraining):
            if pretrainings.setdefault(start.name, start) != start:
                raise UserError(
                    f"{name} starts from another {start.name} than the models before it: change "
                    "pretraining in all of them, as with --set '*.pretraining.training.epochs=8'"
                )
        elif not isinstance(config, ImageNetwork | Ensemble):
            parse(config.preprocessing)
    for name in waiting:
        if settings_of(configs[name])["hidden"] != settings_of(original[name])["hidden"]:
            raise UserError(
                f"--set {name}.hidden: the RNNs decide its width; leave all but one of them out, "
                f"or add --set {name}.width_role="
            )
    return {name: changed(config, _files(config)) for name, config in configs.items()}


def _files(config: Config) -> dict[str, str]:
    """Setting → absolute path or address, of those that name a file."""
    held = settings_of(config)
    return {
        path: _absolute(held[path], what)
        for path, (what, names) in _NAMED.items()
        if held.get(path, "") not in names
    }


def _absolute(source: str, what: str) -> str:
    refuse_credentials(source)
    if "://" in source:
        return source
    if not Path(source).is_file():
        raise UserError(f"no such file of {what}: {source}")
    return str(Path(source).resolve())
