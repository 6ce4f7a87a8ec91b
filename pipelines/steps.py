"""The steps that every graph has, with what a compilation adds to them."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from kfp import dsl

from bakeoff.components.compare import compare
from bakeoff.components.evaluate import evaluate
from bakeoff.components.prepare import prepare
from bakeoff.components.report import report
from bakeoff.pipelines.options import Options
from bakeoff.plans import Plan
from bakeoff.studies import STUDIES


class Outputs(NamedTuple):
    """What a pipeline ends with."""

    comparison: dsl.Artifact
    page: dsl.HTML


class Steps:
    """Adds steps to the graph that is being built, and remembers what they evaluated."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self._plan, self._options = plan, options
        self._test: Any = None
        self._loops: set[str] = set()
        self._models: dict[str, Any] = {}
        self._evaluations: dict[str, Any] = {}

    @property
    def models(self) -> dict[str, Any]:
        """Models by the loop or task that trained them, as one later step takes them."""
        return self._collected(self._models)

    def _collected(self, outputs: dict[str, Any]) -> dict[str, Any]:
        # Compiling turns a Collected into the input of the one task that takes it.
        return {
            name: dsl.Collected(output) if name in self._loops else output
            for name, output in outputs.items()
        }

    def add(self, component: Any, **arguments: Any) -> Any:
        """One task."""
        return self._options.apply(component(**arguments), self._plan)

    def prepare(self, **arguments: Any) -> Any:
        """The dataset; the test split goes to `evaluate` alone."""
        prepared = self.add(
            prepare, modality=self._plan.modality, seed=self._plan.seed, **arguments
        )
        self._test = prepared.outputs["test"]
        return prepared.outputs["dataset"]

    def train(self, name: str, component: Any, **arguments: Any) -> None:
        """A task that trains, and the evaluation of its models."""
        trained = self.add(component, **arguments).outputs["models"]
        self._models[name] = trained
        self._evaluations[name] = self._evaluated(trained)

    def train_each(self, loop: str, items: Any, component: Any, dataset: Any) -> None:
        """A loop of trainings, each evaluated at once."""
        with dsl.ParallelFor(items, name=loop, parallelism=self._options.parallelism) as item:
            trained = self.add(
                component,
                dataset=dataset,
                model=item.model,
                seed=item.seed,
                configs=item.configs,
                files_hash=item.files_hash,
                threads=self._plan.threads,
                workers=self._plan.workers,
            ).outputs["models"]
            self._models[loop] = trained
            self._evaluations[loop] = self._evaluated(trained)
        self._loops.add(loop)

    def _evaluated(self, models: Any) -> Any:
        return self.add(evaluate, models=models, test=self._test).outputs["evaluations"]

    def finish(self, dataset: Any) -> Outputs:
        """Compare all that was evaluated, and draw the report."""
        plan = self._plan
        settings = {
            "study": plan.study,
            "preset": plan.preset,
            "seed": plan.seed,
            "seeds": plan.seeds,
            "metric": plan.metric,
            "pairs": [list(pair) for pair in STUDIES[plan.study].pairs],
        }
        compared = self.add(
            compare,
            dataset=dataset,
            settings=json.dumps(settings),
            **self._collected(self._evaluations),
        ).outputs["comparison"]
        drawn = self.add(report, comparison=compared)
        return Outputs(comparison=compared, page=drawn.outputs["page"])


def loop_items(plan: Plan, options: Options, names: Sequence[str]) -> list[dict[str, Any]]:
    """The items of a loop over the networks of these names."""
    items = plan.items(names)
    for item in items:
        item["files_hash"] = "".join(options.content_hash(file) for file in item.pop("files"))
    return items
