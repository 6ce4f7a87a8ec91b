"""How a pipeline is compiled: its image, its resources, and what differs on a laptop."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kfp import dsl, kubernetes

from bakeoff.code_hash import code_hash
from bakeoff.container import IMAGE
from bakeoff.data.sources import fingerprint
from bakeoff.tracking.identity import VARIABLE as PLAN


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a step asks of a cluster. Limits equal requests, so that no neighbour slows a timing."""

    cpu: str
    memory: str
    minutes: int
    """The step is ended after this long; a hang never holds a node for a night."""
    retries: int
    """Training goes on from nothing on a new pod, so it is tried less often."""


RESOURCES = {
    "prepare": Resources(cpu="1", memory="4Gi", minutes=60, retries=3),
    "train-text-classical": Resources(cpu="2", memory="8Gi", minutes=120, retries=1),
    "train-text-network": Resources(cpu="2", memory="4Gi", minutes=720, retries=1),
    "train-image-network": Resources(cpu="4", memory="8Gi", minutes=1440, retries=1),
    "audit": Resources(cpu="1", memory="4Gi", minutes=60, retries=3),
    "train-ensemble": Resources(cpu="1", memory="2Gi", minutes=30, retries=3),
    "choose-width": Resources(cpu="1", memory="2Gi", minutes=15, retries=3),
    "evaluate": Resources(cpu="2", memory="4Gi", minutes=60, retries=3),
    "compare": Resources(cpu="1", memory="4Gi", minutes=30, retries=3),
    "report": Resources(cpu="1", memory="2Gi", minutes=15, retries=3),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of a compilation that do not change any result."""

    image: str = IMAGE
    local: bool = False
    """For kfp.local: no retries, no Kubernetes settings, the hash of the installed code in the
    cache key. On a cluster the image, pinned by digest, is the code."""
    code: str = ""
    """Identity of the code where that is not the installed package: the id of a local image."""
    parallelism: int = 0
    """Networks trained at the same time; 0 leaves it to the cluster."""
    wandb: str = ""
    """Mode of W&B on the cluster; the key comes from the secret `wandb` (key `api-key`)."""
    plan: Mapping[str, str] = field(default_factory=dict)
    """What steps on the cluster must know of the plan (`bakeoff.tracking.identity`)."""

    def code_hash(self, component: Callable) -> str:
        if not self.local:
            return ""
        name = component.component_spec.name.replace("-", "_")
        return self.code or code_hash(f"bakeoff.components.{name}")

    def content_hash(self, path: str) -> str:
        """Hash of a file that a step reads besides its inputs; names that are no file have none."""
        return fingerprint(path) if self.local and ("://" in path or Path(path).is_file()) else ""

    def apply(self, task: dsl.PipelineTask) -> dsl.PipelineTask:
        """Give a task its image, resources, retries, time limit and caching."""
        task.set_container_image(self.image)
        name = task.component_spec.name
        # Steps are pure functions of their inputs, so the same inputs may reuse the outputs. What
        # stands behind a name or an address is known here by its hash; on a cluster it may change.
        task.set_caching_options(enable_caching=self.local or name != "prepare")
        if self.local:
            return task
        wanted = RESOURCES[name]
        task.set_cpu_request(wanted.cpu).set_cpu_limit(wanted.cpu)
        task.set_memory_request(wanted.memory).set_memory_limit(wanted.memory)
        task.set_retry(wanted.retries, backoff_duration="30s", backoff_factor=2)
        kubernetes.set_timeout(task, seconds=wanted.minutes * 60)
        if name.startswith(("train", "compare")):
            task.set_env_variable(PLAN, json.dumps(self.plan))
        if self.wandb and name.startswith(("train", "evaluate")):
            task.set_env_variable("WANDB_MODE", self.wandb)
            if self.wandb == "online":
                kubernetes.use_secret_as_env(
                    task, secret_name="wandb", secret_key_to_env={"api-key": "WANDB_API_KEY"}
                )
        return task
