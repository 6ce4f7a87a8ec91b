"""What one run trains in the parts of a compiled graph.

Which parts a graph has, and which models each may train, is fixed when it is compiled. A run may
leave models out, and change seeds and settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bakeoff import events
from bakeoff.artifacts import settings_hash
from bakeoff.changes import listed
from bakeoff.data.beforehand import refuse_unreadable
from bakeoff.data.sources import NAMED_SETS, fingerprint
from bakeoff.errors import UserError, unknown_name
from bakeoff.lineup import changes_of, trained_together
from bakeoff.plans import plan
from bakeoff.studies import STUDIES

Item = dict[str, Any]
"""What one training is given: model (names), seed, settings (see `bakeoff.changes`) and
fingerprint, which differs where configurations, or files that they name, do."""


class Run(NamedTuple):
    """What the parts of a graph train in one run, and on which data."""

    networks: list[Item]
    classical: list[Item]
    """They train in one task."""
    networks_of_chosen_width: list[Item]
    ensemble_settings: str
    ensemble_fingerprint: str
    pairs: list[list[str]]
    """Models whose difference the report tests: first against second."""
    data_hash: str


def run_of(
    study: str,
    *,
    graph: Mapping[str, str],
    models: str,
    settings: str,
    data: str,
    versions: Mapping[str, str],
    **chosen: Any,
) -> Run:
    """What the trainings of one run of a graph are given.

    Args:
        study: a name in `STUDIES`.
        graph: part (see `Plan.parts`) → the names of its models, divided by commas.
        models: names among them, divided by commas; none means all.
        settings: what is changed of the models (see `bakeoff.changes`).
        data: a name, path or address.
        versions: path or address → hash of its content, of what is not to be looked at here.
        chosen: further arguments of `plans.plan`; what decides results is not empty.

    Raises:
        UserError: a name, a setting or a value that is not known, models that this graph does not
            train, a part of it that is left without one, or data that cannot be read, as far as
            its header tells.
    """
    known = {part: _names(names) for part, names in graph.items()}
    everyone = [name for names in known.values() for name in names]
    for name in _names(models):
        if name not in everyone:
            raise unknown_name("model of this pipeline", name, everyone)
    names = _names(models) or everyone
    made = plan(study, models=names, changes=listed(settings), data=data, **chosen)
    for field, value in {"data": data, **chosen}.items():
        if value == "" and getattr(made, field):
            raise UserError(f"{field} is empty: give one, such as {getattr(made, field)}")
    _refuse_other_parts(known, made.parts, models=f"models={', '.join(names)}")

    def version(source: str) -> str:
        return versions.get(source) or data_version(source)

    def item(names: Sequence[str], seed: int) -> Item:
        configs = {name: made.models[name] for name in names}
        files = [file for name in names if (file := made.file_of(name))]
        return {
            "model": ", ".join(names),
            "seed": seed,
            "settings": changes_of(study, made.preset, configs, made.named),
            "fingerprint": settings_hash([trained_together(configs), [version(f) for f in files]]),
        }

    def items(part: str) -> list[Item]:
        return [
            item(names, seed)
            for seed in made.training_seeds
            for names in made.network_tasks
            if names[0] in made.parts.get(part, [])
        ]

    events.tell(f"{study}, {made.preset}: {', '.join(names)}; seeds {made.training_seeds}")
    ensemble = item([made.ensemble] if made.ensemble else [], made.seed)
    data_hash = versions.get(data)
    if not data_hash:
        data_hash = fingerprint(data)
        refuse_unreadable(data, made.modality, made.columns)
    return Run(
        networks=items("networks"),
        classical=[item([name], made.seed) for name in made.classical],
        networks_of_chosen_width=items("networks_of_chosen_width"),
        ensemble_settings=ensemble["settings"],
        ensemble_fingerprint=ensemble["fingerprint"],
        pairs=[list(pair) for pair in STUDIES[study].pairs if set(pair) <= set(made.models)],
        data_hash=data_hash,
    )


def data_version(source: str) -> str:
    """A hash that changes when what stands behind a name, path or address does; "" where nothing
    of ours does, as behind names of vectors and weights that packages bring.
    """
    named = source not in NAMED_SETS and "://" not in source and not Path(source).exists()
    return "" if named else fingerprint(source)


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name for one in text.split(",") if (name := one.strip())))


def _refuse_other_parts(
    known: Mapping[str, Sequence[str]], left: Mapping[str, Sequence[str]], models: str
) -> None:
    """Raise a UserError if a part of the graph has no model, or another part of it has one."""
    compiled = "or compile a pipeline of the models you want"
    if moved := [n for n in left.get("networks", []) if n not in known.get("networks", [])]:
        raise UserError(
            f"{models}: this pipeline chooses the width of {', '.join(moved)}; keep RNNs of two "
            f"widths, from which it is chosen, {compiled}"
        )
    for part, trained in known.items():
        if part not in left:
            raise UserError(
                f"{models}: this pipeline trains {', '.join(trained)} in its part {part}; keep at "
                f"least one of them, {compiled}"
            )
