"""What the steps of a pipeline may use on a cluster, and what they ask of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kfp import dsl, kubernetes


@dataclass(frozen=True, kw_only=True)
class Size:
    """A cluster's, as far as steps depend on it.

    Steps ask for less than they may use, so that a node has room for them beside what else runs
    there, the pods of KFP that start steps among it.
    """

    about: str
    memory: int
    """GiB that no step exceeds."""
    scale: int
    """Times that a step has its memory and its minutes, and a search the CPUs of one trial."""
    asked: float
    """Of the memory that a step may use, the share that it asks for."""
    spared: int
    """Thousandths of the CPUs that a step may use, which it does not ask for."""
    most_asked: int
    """Thousandths of a CPU that a step asks for at most."""
    parallelism: int
    """Networks trained at the same time; 0: as many as there is room for."""


SIZES = {
    "small": Size(
        about="a laptop: 4 CPUs and 8 GiB for KFP and all steps, or a node of two CPUs",
        memory=3,
        scale=1,
        asked=1 / 4,
        spared=750,
        most_asked=400,
        parallelism=1,
    ),
    "standard": Size(
        about="nodes with room for 8 GiB and the threads of a training",
        memory=8,
        scale=1,
        asked=1 / 2,
        spared=500,
        most_asked=1_000_000,
        parallelism=0,
    ),
    "large": Size(
        about="nodes with room for 32 GiB, for large data",
        memory=32,
        scale=4,
        asked=1 / 2,
        spared=500,
        most_asked=1_000_000,
        parallelism=0,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a step may use where there is room."""

    memory: int
    """GiB it never exceeds."""
    minutes: int
    """The step is ended after this long, unless it waits for a RayJob, which has limits of its own;
    a hang never holds a node for a night."""
    retries: int
    """How often a pod that was lost is replaced: KFP repeats nothing that ended by itself. What
    begins anew then, and took long, is tried less often."""
    threaded: bool = False
    """Computes on as many CPUs as trainings have threads; others on one."""
    searches: bool = False
    """Runs as many trainings at a time as it has CPUs for."""

    def scaled(self, size: Size) -> Resources:
        """On a cluster of this size."""
        return replace(
            self,
            memory=min(self.memory * size.scale, size.memory),
            minutes=self.minutes * size.scale,
        )

    def apply(self, task: dsl.PipelineTask, threads: int, size: Size) -> None:
        """Write them into a task of a plan with this many threads a training."""
        threads = threads if self.threaded else 1
        cpus = threads * size.scale if self.searches else threads
        memory = 1024 * self.memory
        asked = min(1000 * cpus - size.spared, size.most_asked)
        task.set_cpu_request(f"{asked}m").set_cpu_limit(str(cpus))
        task.set_memory_request(f"{memory * size.asked:.0f}Mi").set_memory_limit(f"{memory}Mi")
        # Libraries would start as many threads as the node has CPUs, and wait for each other.
        task.set_env_variable("OMP_NUM_THREADS", str(threads))
        task.set_retry(self.retries, backoff_duration="30s", backoff_factor=2)
        kubernetes.set_timeout(task, seconds=self.minutes * 60)


RESOURCES = {
    "plan": Resources(memory=1, minutes=15, retries=3),
    "prepare": Resources(memory=4, minutes=60, retries=3),
    "train-text-classical": Resources(memory=8, minutes=120, retries=1, threaded=True),
    "train-text-network": Resources(memory=4, minutes=720, retries=3, threaded=True),
    "train-image-network": Resources(memory=8, minutes=1440, retries=3, threaded=True),
    "tune": Resources(memory=8, minutes=1440, retries=3, threaded=True, searches=True),
    "audit": Resources(memory=4, minutes=60, retries=3),
    "train-ensemble": Resources(memory=2, minutes=30, retries=3),
    "choose-width": Resources(memory=2, minutes=15, retries=3),
    "evaluate": Resources(memory=4, minutes=120, retries=3, threaded=True),
    "compare": Resources(memory=4, minutes=30, retries=3),
    "report": Resources(memory=2, minutes=15, retries=3),
}
