"""The steps that every graph has, with what a compilation adds to them."""

from __future__ import annotations

from typing import Any

from kfp import dsl

from bakeoff.components.compare import compare
from bakeoff.components.evaluate import evaluate
from bakeoff.components.plan import plan as plan_run
from bakeoff.components.prepare import prepare
from bakeoff.components.report import report
from bakeoff.components.tune import tune
from bakeoff.pipelines.form import Outputs
from bakeoff.pipelines.options import Options
from bakeoff.plans import Plan

_SEVERAL = {
    "networks": "train a network",
    "networks_of_chosen_width": "train a network of chosen width",
}
"""What all trainings of a loop of many are called: KFP tells them apart by their parameters
alone."""
_NAMED = 3
"""Models that the title of a loop names."""
_TRIALS = {
    "classical": "trials_of_classical",
    "networks": "trials",
    "networks_of_chosen_width": "trials_of_chosen_width",
}
"""Part whose models a search may change → what `compare` takes its trials as."""
_COMPARED = ("preset", "metric", "seed", "seeds")


class Steps:
    """Adds steps to the graph that is being built, and remembers what they trained."""

    def __init__(self, plan: Plan, options: Options, form: dict[str, Any]) -> None:
        """`form` holds the values of the pipeline's parameters by name."""
        self._plan, self._options = plan, options
        self._form = {"preset": plan.preset, **form}
        self._test: Any = None
        self._loops: set[str] = set()
        self._models: dict[str, Any] = {}
        self._trials: dict[str, Any] = {}
        self.planned = self.add(
            plan_run,
            "plan the run",
            study=plan.study,
            graph={part: ", ".join(models) for part, models in plan.parts.items()},
            **self._known_to(plan_run),
            **options.versions(plan),
        ).outputs
        """What this run trains, part by part. The items of networks are called Output: kfp.local
        loops over no other output of a task."""

    def _of_form(self, *names: str) -> dict[str, Any]:
        return {"study": self._plan.study, **{name: self._form[name] for name in names}}

    def _known_to(self, component: Any) -> dict[str, Any]:
        """What the form holds of a component's inputs."""
        known = component.component_spec.inputs
        return {name: value for name, value in self._form.items() if name in known}

    @property
    def models(self) -> dict[str, Any]:
        """Models by the part of the graph that trained them, as one later step takes them."""
        # Compiling turns a Collected into the input of the one task that takes it.
        return {
            name: dsl.Collected(output) if name in self._loops else output
            for name, output in self._models.items()
        }

    def add(self, component: Any, title: str, **arguments: Any) -> Any:
        """One task, by what a person calls it."""
        task = self._options.apply(component(**arguments), self._plan)
        return task.set_display_name(title)

    def prepare(self) -> Any:
        """The dataset; the test split goes to `evaluate` alone."""
        prepared = self.add(
            prepare,
            "prepare data",
            modality=self._plan.modality,
            data_hash=self.planned["data_hash"],
            **self._known_to(prepare),
        )
        self._test = prepared.outputs["test"]
        return prepared.outputs["dataset"]

    def train(self, part: str, component: Any, **arguments: Any) -> None:
        """A task that trains all models of a part."""
        title = "train classical models" if part == "classical" else f"train {part}"
        task = self.add(component, title, **self._of_form("preset", "seed"), **arguments)
        [self._models[part]] = task.outputs.values()

    def tuned(self, part: str, items: Any, dataset: Any) -> Any:
        """The items of a part; with the best settings, where a search is asked for."""
        budget = self._plan.searches.get(part)
        if not budget:
            return items
        task = self.add(
            tune,
            "search settings",
            dataset=dataset,
            items=items,
            budget=budget,
            threads=self._plan.threads,
            **self._of_form("preset", "metric"),
        )
        self._trials[_TRIALS[part]] = task.outputs["trials"]
        return task.outputs["Output"]

    def train_each(self, part: str, items: Any, component: Any, dataset: Any) -> None:
        """A loop of trainings, one an item."""
        loop = dsl.ParallelFor(
            items, name=part.replace("_", " "), parallelism=self._options.at_a_time
        )
        names = self._plan.parts[part]
        title = f"train {' or '.join(names)}" if len(names) <= _NAMED else _SEVERAL[part]
        with loop as item:
            task = self.add(
                component,
                title,
                dataset=dataset,
                model=item.model,
                seed=item.seed,
                settings=item.settings,
                fingerprint=item.fingerprint,
                threads=self._plan.threads,
                workers=self._plan.workers,
                **self._of_form("preset"),
            )
            [self._models[part]] = task.outputs.values()
        self._loops.add(part)

    def finish(self, dataset: Any) -> Outputs:
        """Evaluate and compare all that was trained, and draw the report."""
        evaluated = self.add(evaluate, "evaluate on test", test=self._test, **self.models)
        compared = self.add(
            compare,
            "compare models",
            dataset=dataset,
            evaluations=evaluated.outputs["evaluations"],
            pairs=self.planned["pairs"],
            **self._trials,
            **self._of_form(*_COMPARED),
        ).outputs["comparison"]
        drawn = self.add(report, "draw report", comparison=compared)
        return Outputs(comparison=compared, page=drawn.outputs["page"])
