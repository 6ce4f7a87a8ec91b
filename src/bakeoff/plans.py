"""The plan of one bake-off: everything that decides its result, put together and checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bakeoff.artifacts import settings_hash
from bakeoff.data.sources import refuse_credentials
from bakeoff.data.splitting import SplitSpec
from bakeoff.errors import UserError, unknown_name
from bakeoff.studies import STUDIES, Config, Preset, Study, get_study
from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.text.networks.width import decides, follows
from bakeoff.training.settings import Ensemble, TrainingSettings, to_dict
from bakeoff.vision.configs import PRECISIONS, ImageNetwork


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
    image_size: int = 0
    """Pixels a side that images are brought to; 0 keeps them."""
    skip_bad: bool = False
    """Leave out what cannot be used instead of refusing the data."""
    drop_suspects: bool = False
    """Leave rows with a likely label error out of training."""
    models: dict[str, Config] = field(default_factory=dict)
    seed: int = 0
    seeds: int = 1
    threads: int = 2

    @property
    def classical(self) -> dict[str, Config]:
        """The models that train in one task on shared features."""
        return {n: c for n, c in self.models.items() if isinstance(c, LinearText | TreeText)}

    @property
    def modality(self) -> str:
        return STUDIES[self.study].modality

    @property
    def epochs(self) -> float:
        """The share of their epochs that image networks train."""
        return STUDIES[self.study].presets[self.preset].epochs

    @property
    def networks(self) -> dict[str, TextNetwork | ImageNetwork]:
        """The models that train once a seed."""
        return {n: c for n, c in self.models.items() if isinstance(c, TextNetwork | ImageNetwork)}

    @property
    def groups(self) -> list[list[str]]:
        """The networks by the task that trains them: those with the same pretraining share one."""
        groups: dict[Any, list[str]] = {}
        for name, config in self.networks.items():
            shared = config.pretraining if isinstance(config, ImageNetwork) else None
            groups.setdefault(shared or name, []).append(name)
        return list(groups.values())

    @property
    def files(self) -> list[str]:
        """What networks read besides the data: word vectors and weights, by path or address."""
        files = (_file_of(config) for config in self.networks.values())
        return [file for file in dict.fromkeys(files) if file]

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

    def items(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """What the tasks of a loop over networks are given, one a seed and group: model (the
        names), seed, lineup (JSON, name → configuration; autoencoders before what starts from
        them) and the files it names.
        """
        networks = self.networks
        return [
            {
                "model": ", ".join(group),
                "seed": seed,
                "lineup": json.dumps(
                    {
                        **_with_pretraining(networks[group[0]]),
                        **{name: to_dict(networks[name]) for name in group},
                    }
                ),
                "files": [file for name in group if (file := _file_of(networks[name]))],
            }
            for seed in self.training_seeds
            for group in self.groups
            if group[0] in names
        ]

    @property
    def training_seeds(self) -> list[int]:
        return list(range(self.seed, self.seed + self.seeds))

    @property
    def group(self) -> str:
        """Names the bake-off in W&B; the same for an interrupted run and its continuation."""
        return f"{self.study}-{self.preset}-{settings_hash(repr(self))[:8]}"


def _file_of(config: TextNetwork | ImageNetwork) -> str:
    return config.vectors if isinstance(config, TextNetwork) else config.weights


def _with_pretraining(config: TextNetwork | ImageNetwork) -> dict[str, Any]:
    pretraining = config.pretraining if isinstance(config, ImageNetwork) else None
    return {pretraining.name: to_dict(pretraining)} if pretraining else {}


def plan(
    study: str,
    preset: str,
    *,
    models: Sequence[str] = (),
    preprocessing: str = "",
    glove: str = "",
    word2vec: str = "",
    freeze_vectors: bool = False,
    weights: str = "",
    precision: str = "",
    keep_sides: bool = False,
    **settings: Any,
) -> Plan:
    """The plan of a bake-off, checked.

    Args:
        study: a name in `STUDIES`.
        preset: a name in its presets.
        models: names in its registry or its line-ups; none means the preset's line-up.
        preprocessing: replaces the preprocessing of every model, where given.
        glove: file or address of the vectors of models with GloVe, instead of GloVe 6B 50d.
        word2vec: the same for models with word2vec, instead of training them; or google-news.
        freeze_vectors: keep pretrained vectors as they are.
        weights: what ResNets start from, instead of from scratch: imagenet, or a file.
        precision: of image networks, instead of their own.
        keep_sides: mirror no picture; digits never are.
        settings: further fields of `Plan`; empty ones take the preset's or study's value.

    Raises:
        UserError: a name that is not known.
    """
    known = get_study(study)
    if preset not in known.presets:
        raise unknown_name("preset", preset, known.presets)
    chosen = known.presets[preset]
    settings = {name: value for name, value in settings.items() if value not in (None, "")}
    names = [n for name in models or chosen.models for n in known.lineups.get(name, [name])]
    lineup = {name: _model(known, name) for name in names}
    if all(isinstance(config, Ensemble) for config in lineup.values()):
        raise UserError(f"{', '.join(lineup)} mixes other models: name some beside it")
    for option, vectors, file in (
        ("--glove", "glove-6b-50d", glove),
        ("--word2vec", "word2vec", word2vec),
    ):
        if file:
            path = _absolute(file, "word vectors")
            lineup = _changed(option, lineup, {"vectors": vectors}, vectors=path)
    if freeze_vectors:
        lineup = _changed("--freeze-vectors", lineup, {}, freeze_vectors=True)
    if weights:
        source = weights if weights == "imagenet" else _absolute(weights, "weights")
        lineup = _changed("--weights", lineup, {"encoder": "resnet18"}, weights=source)
    if precision:
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
        lineup = _changed("--precision", lineup, {}, precision=precision)
        lineup = {name: _pretrained_alike(config) for name, config in lineup.items()}
    if preprocessing:
        from bakeoff.text.preprocessing import parse

        parse(preprocessing)
        lineup = _changed("--preprocessing", lineup, {}, preprocessing=preprocessing)
    if settings.get("seeds", 1) < 1:
        raise UserError(f"--seeds {settings['seeds']}: at least one seed is needed")
    if known.modality == "image" and settings.get("drop_suspects"):
        raise UserError("--drop-suspects reads texts: leave it out of a study of images")
    refuse_credentials(settings.get("data", ""))
    if "split" in settings:
        SplitSpec.parse(settings["split"])
    defaults = {
        "data": chosen.data or known.data,
        "split": chosen.split,
        "limit": chosen.limit,
        "image_size": chosen.image_size,
    }
    settings = {**defaults, **settings}
    lineup = {name: _shortened(config, chosen) for name, config in lineup.items()}
    if keep_sides or settings["data"] == "digits":
        lineup = {name: _unmirrored(config) for name, config in lineup.items()}
    return Plan(study=study, preset=preset, models=lineup, **settings)


def _pretrained_alike(config: Config) -> Config:
    """The configuration whose autoencoder trains in its own precision."""
    if not isinstance(config, ImageNetwork) or not config.pretraining:
        return config
    return replace(config, pretraining=replace(config.pretraining, precision=config.precision))


_SHORT_STEPS = 78
"""Steps of a shortened training at least, two epochs of the digits: fewer leave a ResNet on a small
set at chance."""


def _shortened(config: Config, preset: Preset) -> Config:
    """The configuration with the preset's share of its epochs, on whole and unmixed pictures of
    full size in their own colours: what others teach takes longer to learn.
    """
    if not isinstance(config, ImageNetwork) or preset.epochs == 1:
        return config

    def shorter(settings: TrainingSettings) -> TrainingSettings:
        epochs = max(1, round(preset.epochs * settings.epochs))
        batch = preset.batch_size or settings.batch_size
        return replace(settings, epochs=epochs, batch_size=batch, least_steps=_SHORT_STEPS)

    pretraining = config.pretraining and replace(
        config.pretraining, training=shorter(config.pretraining.training)
    )
    return replace(
        config,
        pictures=replace(config.pictures, growth=0.0, crop=1.0, color=0.0, cutmix=0.0),
        crops_at_test=1.0,
        training=shorter(config.training),
        pretraining=pretraining,
    )


def _unmirrored(config: Config) -> Config:
    """The configuration without any mirroring of pictures."""
    if not isinstance(config, ImageNetwork):
        return config
    pretraining = config.pretraining and replace(
        config.pretraining, pictures=replace(config.pretraining.pictures, flip=False)
    )
    pictures = replace(config.pictures, flip=False)
    return replace(config, pictures=pictures, pretraining=pretraining, flip_at_test=False)


def _changed(
    option: str, lineup: dict[str, Config], where: dict[str, Any], **fields: Any
) -> dict[str, Config]:
    """The line-up with `fields` set in the models that have them and whose settings are `where`.

    Raises:
        UserError: there is none.
    """
    chosen = {
        name
        for name, config in lineup.items()
        if all(hasattr(config, field) for field in fields)
        and all(getattr(config, field, None) == value for field, value in where.items())
    }
    if not chosen:
        raise UserError(
            f"{option} changes none of these models: {', '.join(lineup)}; leave it out, or choose "
            "others with --models"
        )
    return {n: replace(c, **fields) if n in chosen else c for n, c in lineup.items()}


def _absolute(source: str, what: str) -> str:
    """A file's path for steps that run elsewhere; names and addresses as they are."""
    refuse_credentials(source)
    if "://" in source or source == "google-news":
        return source
    if not Path(source).is_file():
        raise UserError(f"no such file of {what}: {source}")
    return str(Path(source).resolve())


def _model(study: Study, name: str) -> Config:
    if name not in study.models:
        raise unknown_name("model", name, [*study.lineups, *study.models])
    return study.models[name]
