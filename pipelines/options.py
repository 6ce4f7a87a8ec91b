"""How a pipeline is compiled: its image, its resources, and what differs on a laptop."""

import json
import os
from dataclasses import dataclass, replace

from kfp import dsl, kubernetes

from bakeoff.cluster.passed_on import EVERYTHING, TO_RAY_ALONE
from bakeoff.cluster.settings import VARIABLE as RAYJOB
from bakeoff.cluster.settings import RayJobSettings
from bakeoff.code_hash import accelerator, code_hash
from bakeoff.container import CODE, IMAGE
from bakeoff.data.sources import location
from bakeoff.parts import data_version
from bakeoff.pipelines.resources import RESOURCES, SIZES, Resources
from bakeoff.plans import Plan
from bakeoff.remote import KFP_KEYS, KFP_SECRET, S3_KEYS, S3_SECRET
from bakeoff.tracking.identity import RUN, SUFFIX
from bakeoff.tracking.identity import VARIABLE as IDENTITY
from bakeoff.tracking.mode import DESTINATION
from bakeoff.training.settings import BESIDE, CHECKPOINTS, WHERE

DEADLINE = 7 * 24 * 3600
"""Seconds after which a run on a cluster ends: a step that no node has room for never starts, and
its own limit counts from its start.
"""
_RUN_LABEL = "metadata.labels['pipeline/runid']"
"""Where a pod of KFP has the id of its run."""
LOOKED_UP = ("bakeoff.lineup",)
"""Where trainings find their configurations. What it finds is in the fingerprint that they are
given, so that another configuration of one model trains that model alone again."""
_OTHER_MODALITY = {"text": "bakeoff.vision", "image": "bakeoff.text"}
"""What no step of a modality runs, although what is for both imports it."""
_ELSEWHERE = ("bakeoff.cluster",)
"""What no step on this machine runs."""
NETWORKS = ("train-text-network", "train-image-network")
ANEW = ("plan", "report")
"""Steps that every run on a cluster does: what stands behind an address may have changed, and of
steps that were all reused KFP tells nobody where their results are."""
READERS = ("plan", "prepare", "tune", *NETWORKS)
"""Steps that read what a person names by address: data, word vectors, weights."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of a compilation that do not change any result."""

    image: str = IMAGE
    local: bool = False
    """For kfp.local: no retries, no Kubernetes settings, and in each task's environment, which is
    in the cache key, a hash of the code it runs."""
    code: str = ""
    """Identity of the code where that is not the installed package: the id of a local image."""
    on_cpus: bool = False
    """Networks train on CPUs, whatever GPU there is: the cache keeps what they make apart."""
    cached: bool = True
    """Steps may reuse what the same ones of earlier runs made, on a cluster."""
    resources: str = "standard"
    """What the steps may use: a name in `SIZES`."""
    parallelism: int = 0
    """Networks trained at the same time; 0 takes what the size says."""
    rayjob: RayJobSettings | None = None
    """Networks train on RayJobs, which are run so."""
    wandb: str = ""
    """Mode of W&B on the cluster; project, entity and server are those of this environment, the key
    comes from the secret `wandb` (key `api-key`)."""
    wandb_suffix: str = ""
    """Ends the ids of W&B runs."""

    @property
    def at_a_time(self) -> int:
        """Networks trained at the same time; 0 leaves it to the cluster."""
        return self.parallelism or SIZES[self.resources].parallelism

    @property
    def deadline(self) -> int | None:
        """Seconds after which a cluster ends a run, whatever it waits for."""
        if self.local:
            return None
        of_rayjob = 60 * self.rayjob.minutes if self.rayjob else 0
        return DEADLINE * SIZES[self.resources].scale + of_rayjob

    def versions(self, plan: Plan) -> dict[str, dict[str, str]]:
        """Hashes of what a plan's steps read besides each other's outputs, where they are part of
        what is compiled: on this machine, for the cache. On a cluster a run looks them up.
        """
        if not self.local:
            return {}
        sources = [location(plan.data), *plan.files]
        return {"versions": {source: data_version(source) for source in sources}}

    def apply(self, task: dsl.PipelineTask, plan: Plan) -> dsl.PipelineTask:
        """Give a task of a plan its image, resources, retries, time limit and caching."""
        task.set_container_image(self.image)
        name = task.component_spec.name
        # Steps are pure functions of their inputs, so the same inputs may reuse the outputs.
        reused = self.local or (self.cached and name not in ANEW)
        task.set_caching_options(enable_caching=reused)
        if self.local:
            # Nothing else may stand here: what differs from run to run would never be reused.
            code = self.code or _code_of(name, plan.modality)
            on_cpus = self.on_cpus and name in NETWORKS and accelerator()
            return task.set_env_variable(CODE, f"{code}-cpu" if on_cpus else code)
        self.resources_of(name).apply(task, plan.threads, SIZES[self.resources])
        # With what KFP sets itself, this is Pod Security's standard `restricted`.
        kubernetes.set_security_context(task, run_as_non_root=True)
        if name.startswith(("train", "tune", "compare")):
            # The rest of a plan may be changed when a run is started.
            task.set_env_variable(IDENTITY, json.dumps({"study": plan.study}))
            kubernetes.use_field_path_as_env(task, env_name=RUN, field_path=_RUN_LABEL)
        if name in NETWORKS:
            self._place(task)
        if name in READERS:
            self._hand_keys(task, store_needed=bool(self.rayjob) and name in NETWORKS)
        if name in (*NETWORKS, "tune"):
            # What a lost pod had done lies in KFP's store, where its successor goes on from.
            task.set_env_variable(CHECKPOINTS, BESIDE)
        if self.wandb and name.startswith(("train", "tune", "evaluate", "compare")):
            task.set_env_variable("WANDB_MODE", self.wandb)
            for variable in DESTINATION:
                if value := os.environ.get(variable):
                    task.set_env_variable(variable, value)
            if self.wandb_suffix:
                task.set_env_variable(SUFFIX, self.wandb_suffix)
            if self.wandb == "online":
                kubernetes.use_secret_as_env(
                    task, secret_name="wandb", secret_key_to_env={"api-key": "WANDB_API_KEY"}
                )
        return task

    def resources_of(self, name: str) -> Resources:
        """What a step may use: one that waits for RayJobs, the time of these."""
        usual = RESOURCES[name].scaled(SIZES[self.resources])
        if self.rayjob and name in NETWORKS:
            return replace(usual, minutes=self.rayjob.minutes)
        return usual

    def _place(self, task: dsl.PipelineTask) -> None:
        """Say where a task's networks train."""
        task.component_spec.task_config_passthroughs = EVERYTHING
        if self.rayjob:
            task.component_spec.task_config_passthroughs = TO_RAY_ALONE
            task.set_env_variable(WHERE, "rayjob")
            task.set_env_variable(RAYJOB, self.rayjob.changed())

    def _hand_keys(self, task: dsl.PipelineTask, *, store_needed: bool) -> None:
        """Give the keys of KFP's own store and of `s3://`, by the secrets that hold them.

        Args:
            task: one that reads or writes by address.
            store_needed: whether it does nothing without the store.
        """
        for secret, keys, optional in (
            (KFP_SECRET, KFP_KEYS, not store_needed),
            (S3_SECRET, S3_KEYS, True),
        ):
            kubernetes.use_secret_as_env(
                task,
                secret_name=secret,
                secret_key_to_env={key: variable for variable, key in keys.items()},
                optional=optional,
            )


def _code_of(step: str, modality: str) -> str:
    component = f"bakeoff.components.{step.replace('-', '_')}"
    looked_up = LOOKED_UP if step.startswith(("train-", "tune")) else ()
    return code_hash(component, without=(_OTHER_MODALITY[modality], *looked_up, *_ELSEWHERE))
