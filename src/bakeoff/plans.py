"""The plan of one bake-off: everything that decides its result, put together and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bakeoff.artifacts import settings_hash
from bakeoff.changes import difference
from bakeoff.configured import OPTIONS, UNMIRRORED, Change, checked, named, optioned, with_settings
from bakeoff.data.columns import Columns
from bakeoff.data.decoding import LEAST_SIDE
from bakeoff.data.sources import refuse_credentials
from bakeoff.data.splitting import SplitSpec
from bakeoff.dotted import settings_of
from bakeoff.errors import UserError, unknown_name
from bakeoff.evaluation.scores import ACCURACY, get_metric
from bakeoff.lineup import registered
from bakeoff.studies import STUDIES, Config, get_study
from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.text.networks.width import decides, follows
from bakeoff.text.spaces import space_of as text_space
from bakeoff.training.settings import MOST_SEED, Ensemble, to_dict
from bakeoff.tuning.budget import Budget
from bakeoff.tuning.spaces import searched
from bakeoff.vision.configs import ImageNetwork
from bakeoff.vision.spaces import space_of as image_space

JUDGED_BY = "training.metric"
"""The setting that holds the metric of the bake-off."""
MOST_SEEDS = 1000
MOST_SIDE = 4096
"""Pixels a side: beyond, no machine holds a data set."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides the result of one bake-off."""

    study: str
    preset: str
    data: str
    split: str
    limit: int = 0
    input_column: str = ""
    """The column with the text or the encoded image; "" is "text" or "image"."""
    label_column: str = "label"
    split_column: str = ""
    """The column that says train, validation or test."""
    group_column: str = ""
    """The column with what stays on one side of the split."""
    time_column: str = ""
    """The column by which the past trains and the future tests."""
    image_size: int = 0
    """Pixels a side that images are brought to; 0 keeps them."""
    class_level: int = 0
    """Level of a folder's folders that are the classes; 0 finds it."""
    skip_bad: bool = False
    """Leave out what cannot be used instead of refusing the data."""
    drop_suspects: bool = False
    """Leave rows with a likely label error out of training."""
    metric: str = "accuracy"
    """What the winner, the width and the best epoch of networks are best in, on validation."""
    models: dict[str, Config] = field(default_factory=dict)
    seed: int = 0
    seeds: int = 1
    threads: int = 2
    """CPU threads of each worker of a training."""
    workers: int = 1
    """Processes that share the batches of a training."""
    tune: str = ""
    """Trials of each model's settings, or the time for all, as `tuning.budget` reads it."""
    named: tuple[str, ...] = field(default=(), repr=False)
    """Settings, MODEL.PATH, that a person named: a search holds them, whatever their value."""

    @property
    def classical(self) -> dict[str, Config]:
        """The models that train in one task on shared features."""
        return {n: c for n, c in self.models.items() if isinstance(c, LinearText | TreeText)}

    @property
    def modality(self) -> str:
        return STUDIES[self.study].modality

    @property
    def columns(self) -> Columns:
        """Those of the data."""
        return Columns.of(
            self.modality,
            self.input_column,
            self.label_column,
            self.split_column,
            self.group_column,
            self.time_column,
        )

    @property
    def epochs_share(self) -> float:
        """The share of their epochs that the preset has networks train."""
        return STUDIES[self.study].presets[self.preset].epochs_share

    @property
    def networks(self) -> dict[str, TextNetwork | ImageNetwork]:
        """The models that train once a seed."""
        return {n: c for n, c in self.models.items() if isinstance(c, TextNetwork | ImageNetwork)}

    @property
    def network_tasks(self) -> list[list[str]]:
        """The networks by the task that trains them: those with the same pretraining share one."""
        tasks: dict[Any, list[str]] = {}
        for name, config in self.networks.items():
            shared = config.pretraining if isinstance(config, ImageNetwork) else None
            tasks.setdefault(shared or name, []).append(name)
        return list(tasks.values())

    @property
    def files(self) -> list[str]:
        """What networks read besides the data: word vectors and weights, by path or address."""
        return [file for file in dict.fromkeys(map(self.file_of, self.networks)) if file]

    def file_of(self, name: str) -> str:
        """What a model reads besides the data; "" where that is nothing."""
        config = self.models[name]
        if isinstance(config, TextNetwork):
            return config.vectors
        return config.weights if isinstance(config, ImageNetwork) else ""

    @property
    def ensemble(self) -> str | None:
        """The model that mixes the others, where one takes part."""
        return next((n for n, c in self.models.items() if isinstance(c, Ensemble)), None)

    @property
    def waiting(self) -> list[str]:
        """The networks whose width is chosen from RNNs of several widths, which train first."""
        configs = {name: to_dict(config) for name, config in self.networks.items()}
        widths = {config["hidden"] for config in configs.values() if decides(config)}
        return [n for n, config in configs.items() if len(widths) > 1 and follows(config)]

    @property
    def parts(self) -> dict[str, list[str]]:
        """The models by the part of the graph that trains them; a part without models is absent.

        Networks whose width is chosen wait for those in `networks`; `classical` and `ensemble` are
        one task each, the others loops.
        """
        first = [name for name in self.networks if name not in self.waiting]
        parts = {
            "classical": list(self.classical),
            "networks": first,
            "networks_of_chosen_width": self.waiting,
            "ensemble": [self.ensemble] if self.ensemble else [],
        }
        return {part: names for part, names in parts.items() if names}

    @property
    def searches(self) -> dict[str, str]:
        """The parts whose models have their settings searched first, each with its budget: of a
        time, a share for each model.
        """
        if not self.tune:
            return {}
        seconds = Budget.parse(self.tune).seconds
        searched = {part: len(names) for part, names in self.parts.items() if part != "ensemble"}
        each = seconds / sum(searched.values())
        return {part: f"{each * n:.12g}s" if seconds else self.tune for part, n in searched.items()}

    @property
    def settings(self) -> str:
        """What options changed of the models and `--set` named, as `changes` of the same plan."""
        usual = plan(
            self.study,
            self.preset,
            models=list(self.models),
            data=self.data,
            metric=self.metric,
        )
        return difference(usual.models, self.models, self.named)

    @property
    def training_seeds(self) -> list[int]:
        return list(range(self.seed, self.seed + self.seeds))

    @property
    def identity(self) -> dict[str, str]:
        """What its steps must know of it to say which bake-off they belong to."""
        held = self.named if self.tune else ()
        return {
            "study": self.study,
            "preset": self.preset,
            "settings": settings_hash([repr(self), *held] if held else repr(self)),
        }


def plan(
    study: str,
    preset: str,
    *,
    models: Sequence[str] = (),
    changes: Sequence[str] = (),
    **given: Any,
) -> Plan:
    """The plan of a bake-off, checked.

    Args:
        study: a name in `STUDIES`.
        preset: a name in its presets.
        models: names in its registry or its line-ups; none means the preset's models.
        changes: `MODEL.PATH=VALUE`, settings of single models or of all that have them.
        given: options in `bakeoff.configured.OPTIONS` and further fields of `Plan`; empty ones take
            the preset's or study's value.

    Raises:
        UserError: a name that is not known, or settings that do not fit.
    """
    known = get_study(study)
    if preset not in known.presets:
        raise unknown_name("preset", preset, known.presets)
    chosen = known.presets[preset]
    names = [n for name in models or chosen.models for n in known.lineups.get(name, [name])]
    configs = registered(study, preset, names)
    if all(isinstance(config, Ensemble) for config in configs.values()):
        raise UserError(f"{', '.join(configs)} mixes other models: name some beside it")
    options = {name: given.pop(name, None) for name in OPTIONS}
    settings = {
        "data": chosen.data or known.data,
        "split": chosen.split,
        "limit": chosen.limit,
        "image_size": chosen.image_size,
        **{name: value for name, value in given.items() if value not in (None, "")},
    }
    seeds = settings.get("seeds", 1)
    if seeds < 1:
        raise UserError(f"--seeds {seeds}: at least one seed is needed")
    if seeds > MOST_SEEDS:
        raise UserError(f"--seeds {seeds:,}: give {MOST_SEEDS} at most; each trains every network")
    last = settings.get("seed", 0) + seeds - 1
    if not 0 <= last <= MOST_SEED:
        raise UserError(f"seed {last:,} is beyond {MOST_SEED:,}: lower --seed or --seeds")
    if known.modality == "image" and settings.get("drop_suspects"):
        raise UserError("--drop-suspects reads texts: leave it out of a study of images")
    refuse_credentials(settings["data"])
    SplitSpec.parse(settings["split"]).refuse_beyond(settings["limit"])
    side = settings["image_size"]
    if side and not LEAST_SIDE <= side <= MOST_SIDE:
        raise UserError(
            f"image size {side:,}: give {LEAST_SIDE} to {MOST_SIDE:,} pixels a side, or 0 to keep "
            "that of the images"
        )
    if settings.get("class_level", 0) < 0:
        raise UserError(
            f"--class-level {settings['class_level']}: give a level from 1 on, or 0 to find it"
        )
    if settings["data"] == "digits":
        configs = UNMIRRORED.applied(configs)
    metric = get_metric(settings.get("metric", ACCURACY.name)).name
    configs = Change(settings={JUDGED_BY: metric}).applied(configs)
    usual = configs
    configs = with_settings(optioned(configs, options), changes, known.models)
    for name, config in configs.items():
        if settings_of(config).get(JUDGED_BY, metric) != metric:
            raise UserError(
                f"--set {name}.{JUDGED_BY}: all models of a bake-off are judged alike; give "
                "--metric, for all of them"
            )
    asked_for = named(configs, changes, known.models)
    made = Plan(study=study, preset=preset, models=configs, named=asked_for, **settings)
    if made.tune:
        _check_search(made, usual)
    made.columns.check()
    return replace(made, models=checked(configs, known.models, made.waiting))


def _check_search(made: Plan, usual: Mapping[str, Config]) -> None:
    """Raises:
    UserError: --tune is no budget, or of one of the models nothing is left to search.
    """
    Budget.parse(made.tune)
    for name, config in made.models.items():
        if isinstance(config, Ensemble):
            continue
        declared = image_space(config) if isinstance(config, ImageNetwork) else text_space(config)
        before = settings_of(usual[name])
        held = [
            path
            for path, value in settings_of(config).items()
            if before.get(path) != value or f"{name}.{path}" in made.named
        ]
        try:
            searched(config, declared, held)
        except UserError as error:
            raise UserError(f"--tune: {name}: {error}") from None
