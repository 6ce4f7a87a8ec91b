"""How a pipeline is compiled: its image, its resources, and what differs on a laptop."""

import json
from dataclasses import dataclass
from pathlib import Path

from kfp import dsl, kubernetes

from bakeoff.code_hash import code_hash
from bakeoff.container import CODE, IMAGE
from bakeoff.data.sources import fingerprint
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

    def content_hash(self, path: str) -> str:
        """Hash of a file that a step reads besides its inputs; names that are no file have none."""
        return fingerprint(path) if self.local and ("://" in path or Path(path).is_file()) else ""

    def apply(self, task: dsl.PipelineTask, plan: Plan) -> dsl.PipelineTask:
        """Give a task of a plan its image, resources, retries, time limit and caching."""
        task.set_container_image(self.image)
        name = task.component_spec.name
        # Steps are pure functions of their inputs, so the same inputs may reuse the outputs. What
        # stands behind a name or an address is known here by its hash; on a cluster it may change.
        task.set_caching_options(enable_caching=self.local or name != "prepare")
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
    return code_hash(component, without=(_OTHER_MODALITY[modality],))
