"""How a pipeline is compiled: its image, its resources, and what differs on a laptop."""

import json
from dataclasses import dataclass

from kfp import dsl, kubernetes

from bakeoff.code_hash import code_hash
from bakeoff.container import CODE, IMAGE
from bakeoff.data.sources import location
from bakeoff.parts import data_version
from bakeoff.plans import Plan
from bakeoff.tracking.identity import VARIABLE as IDENTITY


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a step may use, and asks of a cluster: less, so that a node which is as large has room
    for it beside what else runs there, the pods of KFP that start steps among it.
    """

    memory: int
    """GiB it never exceeds; half of it is asked for."""
    minutes: int
    """The step is ended after this long; a hang never holds a node for a night."""
    retries: int
    """Training goes on from nothing on a new pod, so it is tried less often."""
    threaded: bool = False
    """Computes on as many CPUs as trainings have threads; others on one."""

    def apply(self, task: dsl.PipelineTask, threads: int) -> None:
        """Write them into a task of a plan with this many threads a training."""
        cpus = threads if self.threaded else 1
        task.set_cpu_request(f"{1000 * cpus - 500}m").set_cpu_limit(str(cpus))
        task.set_memory_request(f"{self.memory / 2:g}Gi").set_memory_limit(f"{self.memory}Gi")
        task.set_retry(self.retries, backoff_duration="30s", backoff_factor=2)
        kubernetes.set_timeout(task, seconds=self.minutes * 60)


RESOURCES = {
    "plan": Resources(memory=2, minutes=15, retries=3),
    "prepare": Resources(memory=4, minutes=60, retries=3),
    "train-text-classical": Resources(memory=8, minutes=120, retries=1, threaded=True),
    "train-text-network": Resources(memory=4, minutes=720, retries=1, threaded=True),
    "train-image-network": Resources(memory=8, minutes=1440, retries=1, threaded=True),
    "audit": Resources(memory=4, minutes=60, retries=3),
    "train-ensemble": Resources(memory=2, minutes=30, retries=3),
    "choose-width": Resources(memory=2, minutes=15, retries=3),
    "evaluate": Resources(memory=4, minutes=60, retries=3, threaded=True),
    "compare": Resources(memory=4, minutes=30, retries=3),
    "report": Resources(memory=2, minutes=15, retries=3),
}
DEADLINE = 7 * 24 * 3600
"""Seconds of a run on a cluster."""
LOOKED_UP = ("bakeoff.lineup",)
"""Where trainings find their configurations. What it finds is in the fingerprint that they are
given, so that another configuration of one model trains that model alone again."""
_OTHER_MODALITY = {"text": "bakeoff.vision", "image": "bakeoff.text"}
"""What no step of a modality runs, although what is for both imports it."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of a compilation that do not change any result."""

    image: str = IMAGE
    local: bool = False
    """For kfp.local: no retries, no Kubernetes settings, and in each task's environment, which is
    in the cache key, a hash of the code it runs."""
    code: str = ""
    """Identity of the code where that is not the installed package: the id of a local image."""
    parallelism: int = 0
    """Networks trained at the same time; 0 leaves it to the cluster."""
    wandb: str = ""
    """Mode of W&B on the cluster; the key comes from the secret `wandb` (key `api-key`)."""

    @property
    def deadline(self) -> int | None:
        """Seconds after which a cluster ends a run, whatever it waits for."""
        return None if self.local else DEADLINE

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
        # Steps are pure functions of their inputs, so the same inputs may reuse the outputs. What
        # stands behind an address may change: on a cluster each run looks, in `plan`.
        task.set_caching_options(enable_caching=self.local or name != "plan")
        if self.local:
            # Nothing else may stand here: what differs from run to run would never be reused.
            return task.set_env_variable(CODE, self.code or _code_of(name, plan.modality))
        RESOURCES[name].apply(task, plan.threads)
        if name.startswith(("train", "compare")):
            task.set_env_variable(IDENTITY, json.dumps(plan.identity))
        if self.wandb and name.startswith(("train", "evaluate")):
            task.set_env_variable("WANDB_MODE", self.wandb)
            if self.wandb == "online":
                kubernetes.use_secret_as_env(
                    task, secret_name="wandb", secret_key_to_env={"api-key": "WANDB_API_KEY"}
                )
        return task


def _code_of(step: str, modality: str) -> str:
    component = f"bakeoff.components.{step.replace('-', '_')}"
    looked_up = LOOKED_UP if step.startswith("train-") else ()
    return code_hash(component, without=(_OTHER_MODALITY[modality], *looked_up))
