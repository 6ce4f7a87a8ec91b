"""The steps that every graph has, with what a compilation adds to them."""

import json
from typing import NamedTuple

from kfp import dsl

from bakeoff.components.compare import compare
from bakeoff.components.evaluate import evaluate
from bakeoff.components.prepare import prepare
from bakeoff.components.report import report
from bakeoff.pipelines.options import Options
from bakeoff.studies import STUDIES, Plan


class Outputs(NamedTuple):
    """What a pipeline ends with."""

    comparison: dsl.Artifact
    page: dsl.HTML


class Steps:
    """Adds steps to the graph that is being built, and remembers what they evaluated."""

    def __init__(self, plan: Plan, options: Options):
        self._plan, self._options = plan, options
        self._test = None
        self._evaluations = {}
        self.models = {}
        """Models by the loop or task that trained them, as later steps take them."""

    def add(self, component, **arguments):
        """One task."""
        code_hash = self._options.code_hash(component)
        return self._options.apply(component(**arguments, code_hash=code_hash))

    def prepare(self, **arguments):
        """The dataset; the test split goes to `evaluate` alone."""
        prepared = self.add(
            prepare, modality=self._plan.modality, seed=self._plan.seed, **arguments
        )
        self._test = prepared.outputs["test"]
        return prepared.outputs["dataset"]

    def train(self, name, component, **arguments):
        """A task that trains, and the evaluation of its models."""
        trained = self.add(component, **arguments).outputs["models"]
        self.models[name] = trained
        self._evaluations[name] = self._evaluated(trained)

    def train_each(self, loop, items, component, dataset):
        """A loop of trainings, each evaluated at once."""
        with dsl.ParallelFor(items, name=loop, parallelism=self._options.parallelism) as item:
            trained = self.add(
                component,
                dataset=dataset,
                model=item.model,
                seed=item.seed,
                lineup=item.lineup,
                files_hash=item.files_hash,
                threads=self._plan.threads,
            ).outputs["models"]
            evaluated = self._evaluated(trained)
        self.models[loop] = dsl.Collected(trained)
        self._evaluations[loop] = dsl.Collected(evaluated)

    def _evaluated(self, models):
        return self.add(evaluate, models=models, test=self._test).outputs["evaluations"]

    def finish(self, dataset) -> Outputs:
        """Compare all that was evaluated, and draw the report."""
        plan = self._plan
        settings = {
            "study": plan.study,
            "preset": plan.preset,
            "seed": plan.seed,
            "seeds": plan.seeds,
            "pairs": [list(pair) for pair in STUDIES[plan.study].pairs],
        }
        compared = self.add(
            compare, dataset=dataset, settings=json.dumps(settings), **self._evaluations
        ).outputs["comparison"]
        drawn = self.add(report, comparison=compared)
        return Outputs(comparison=compared, page=drawn.outputs["page"])


def loop_items(plan: Plan, options: Options, names: list) -> list:
    """The items of a loop over the networks of these names."""
    items = plan.items(names)
    for item in items:
        item["files_hash"] = "".join(options.content_hash(file) for file in item.pop("files"))
    return items
