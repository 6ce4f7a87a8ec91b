"""What the steps of a line-up train: configurations, looked up by name.

A step is told a study, a preset, names and what is changed of them; the registry says the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bakeoff.changes import difference, listed
from bakeoff.configured import Change, Configs, with_settings
from bakeoff.errors import unknown_name
from bakeoff.studies import Config, get_study
from bakeoff.training.settings import to_dict
from bakeoff.vision.configs import ImageNetwork


def registered(study: str, preset: str, names: Iterable[str]) -> Configs:
    """The configurations of models as a preset has them.

    Raises:
        UserError: a name that is not known.
    """
    known = get_study(study)
    if preset not in known.presets:
        raise unknown_name("preset", preset, known.presets)
    configs = {}
    for name in names:
        if name not in known.models:
            raise unknown_name("model", name, [*known.lineups, *known.models])
        configs[name] = known.models[name]
    return Change(settings=known.presets[preset].settings).applied(configs)


def changes_of(
    study: str, preset: str, configs: Mapping[str, Config], named: Collection[str] = ()
) -> str:
    """What is changed of the registered configurations, as `configurations` takes it; what is
    `named`, as MODEL.PATH, is told even if it is as registered.
    """
    return difference(registered(study, preset, configs), configs, named)


def configurations(study: str, preset: str, models: str, settings: str) -> dict[str, Any]:
    """What a task trains, name → configuration as JSON holds it; autoencoders come before what
    starts from them.

    Args:
        study: a name in `STUDIES`.
        preset: a name in its presets.
        models: names, divided by commas.
        settings: what is changed of them (see `bakeoff.changes`).

    Raises:
        UserError: a name or setting that is not known, or a value it cannot have.
    """
    names = [name.strip() for name in models.split(",") if name.strip()]
    configs = with_settings(
        registered(study, preset, names), listed(settings), get_study(study).models
    )
    return trained_together(configs)


def trained_together(configs: Mapping[str, Config]) -> dict[str, Any]:
    """What a task trains, as JSON holds it, with the autoencoders that its networks start from."""
    before = {
        start.name: to_dict(start)
        for config in configs.values()
        if isinstance(config, ImageNetwork) and (start := config.pretraining)
    }
    return before | {name: to_dict(config) for name, config in configs.items()}
