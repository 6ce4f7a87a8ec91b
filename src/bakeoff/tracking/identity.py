"""Which bake-off a W&B run belongs to, and which of its trainings it is."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bakeoff import events
from bakeoff.artifacts import artifact_hash, read_manifest, settings_hash
from bakeoff.environment import revision
from bakeoff.errors import UserError

VARIABLE = "BAKEOFF_PLAN"
"""Variable: JSON, what steps must know of the plan they are part of: study, preset, and a hash of
everything in it (settings)."""
RUN = "BAKEOFF_RUN"
"""Variable: the id of the pipeline run on a cluster that steps belong to, each run another bake-off
to W&B; on one machine there is none."""
RAYJOB = "BAKEOFF_RAYJOB_NAME"
"""Variable: the RayJob on which steps train."""
SUFFIX = "BAKEOFF_WANDB_SUFFIX"
"""Variable: what is appended to the ids of W&B runs, as W&B takes no id again that was deleted."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Of the models that one step trains.

    What a plan leaves open, above all the data on a cluster, comes from the dataset. Preparing it
    again is another bake-off; going on with an interrupted one, or repeating a step of it, is not.
    """

    group: str = ""
    """Names the bake-off: study, preset and a hash of plan, data and commit."""
    key: str = ""
    """Hash of what decides the step's result: data, code and settings."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What is worth comparing in W&B beside hyper-parameters: study, preset, commit, the pipeline
    run and the RayJob, data, data_hash and the rows of each split."""
    dataset: Mapping[str, Any] = field(default_factory=dict)
    """The part of `about` that is the data's, and `preparation`."""

    @classmethod
    def of_step(cls, dataset: Path, key: Any = "") -> Identity:
        """Of a step of this process's plan that reads a "dataset" artifact.

        Args:
            dataset: the artifact.
            key: what decides the step's result, as JSON holds it.
        """
        facts = read_manifest(dataset, "dataset")["facts"]
        source = facts.get("source", {})
        identity = cls._of(
            {
                "data": source.get("name", ""),
                "data_hash": source.get("fingerprint", ""),
                "rows": facts.get("sizes", {}),
                "preparation": facts.get("preparation", ""),
            },
            [key, artifact_hash(dataset)],
        )
        events.emit("group", group=identity.group)
        return identity

    @classmethod
    def of_mixture(cls, models: Path, key: Any) -> Identity:
        """Of a step of this process's plan that mixes models, of which one artifact is given."""
        return cls._of(cls.of_models(models).dataset, key)

    @classmethod
    def of_models(cls, models: Path, kind: str = "models") -> Identity:
        """That of the step which made a "models" artifact, or one of "trials"."""
        return cls(**read_manifest(models, kind)["facts"].get("identity", {}))

    @classmethod
    def _of(cls, dataset: Mapping[str, Any], key: Any) -> Identity:
        plan = json.loads(os.environ.get(VARIABLE) or "{}")
        commit, run, rayjob = revision(), os.environ.get(RUN), os.environ.get(RAYJOB)
        of_run = [run] if run else []
        digest = settings_hash([plan, dict(dataset), commit, *of_run])[:8]
        shown = {name: value for name, value in dataset.items() if name != "preparation"}
        on_a_cluster = {n: v for n, v in (("kfp_run", run), ("rayjob", rayjob)) if v}
        named = {name: plan[name] for name in ("study", "preset") if name in plan}
        return cls(
            group="-".join([*named.values(), digest]),
            key=settings_hash([key, dataset.get("preparation"), *of_run]),
            about={**named, "commit": commit, **on_a_cluster, **shown},
            dataset=dict(dataset),
        )

    def facts(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return asdict(self)

    def run_id(self, model: str, seed: int | None) -> str:
        """The id of a training's W&B run, in characters that W&B allows; without a seed of what is
        no training.
        """
        digest = hashlib.sha256(f"{self.key}\n{model}\n{seed}".encode()).hexdigest()[:10]
        parts = [re.sub(r"[^A-Za-z0-9_-]+", "-", model)[:80], digest]
        if seed is not None:
            parts.insert(1, f"seed{seed}")
        return suffixed("-".join(parts), os.environ.get(SUFFIX, ""))

    def of_whole(self) -> Identity:
        """Of what belongs to the bake-off as a whole, not to a training."""
        return replace(self, key=self.group)


def check_suffix(suffix: str) -> None:
    """Raise a UserError for characters that W&B does not allow in ids."""
    if suffix and not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", suffix):
        raise UserError(
            f"--wandb-suffix {suffix!r}: use up to 32 letters, digits, - and _, such as second"
        )


def suffixed(run_id: str, suffix: str) -> str:
    """The id with a suffix; without one as it is."""
    return f"{run_id}-{suffix}" if suffix else run_id
