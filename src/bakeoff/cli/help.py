"""How `--help` shows options: by what they are about, and flags without a type."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup, TyperOption

PANELS = {
    "Who takes part": ("preset", "models", "model", "metric"),
    "Data": (
        *("data", "text_column", "image_column", "label_column", "image_size", "limit"),
        *("skip_bad_rows", "skip_bad_images", "drop_suspects", "class_level"),
    ),
    "Split": ("split", "split_column", "group_column", "time_column"),
    "How models train": (
        *("preprocessing", "glove", "word2vec", "freeze_vectors", "weights", "precision"),
        *("keep_sides", "changes", "tune", "seed", "seeds", "threads", "parallel"),
        *("resources", "parallelism", "workers", "no_cache"),
    ),
    "Where": (
        *("where", "gpus_per_worker", "rayjob", "runner", "image"),
        *("wandb", "wandb_suffix", "runs", "output"),
    ),
    "Cluster": (
        *("host", "namespace", "experiment", "name", "service_account", "pipeline_root"),
        *("wait", "cron", "upload"),
    ),
}
"""Heading → options, wherever a command has them."""


_HEADINGS = {name: heading for heading, names in PANELS.items() for name in names}


class Grouped(TyperGroup):
    """Commands whose options are shown under the headings of `PANELS`."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command and not isinstance(command, Grouped):
            for option in _without_types(command.get_params(ctx)):
                option.rich_help_panel = _HEADINGS.get(option.name or "", "Other")
        return command

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)
        _without_types(params)
        return params


def _without_types(params: list[Any]) -> list[TyperOption]:
    """The options among parameters; the type of a flag is nothing that a person gives."""
    options = [param for param in params if isinstance(param, TyperOption)]
    for option in options:
        if option.is_flag:
            option.metavar = ""
    return options
