"""The graph of the studies of texts: prepare → train → evaluate → compare → report."""

from typing import Any

from bakeoff.components.audit import audit
from bakeoff.components.choose_width import choose_width
from bakeoff.components.train_ensemble import train_ensemble
from bakeoff.components.train_text_classical import train_text_classical
from bakeoff.components.train_text_network import train_text_network
from bakeoff.pipelines.form import Outputs, pipeline
from bakeoff.pipelines.options import Options
from bakeoff.pipelines.steps import Steps
from bakeoff.plans import Plan


def texts(plan: Plan, options: Options) -> Any:
    """The pipeline of a plan; a part without models is left out of the graph."""

    @pipeline(plan, options)
    def graph(form: dict[str, Any]) -> Outputs:
        steps = Steps(plan, options, form)
        planned = steps.planned
        prepared = steps.prepare()
        audited = steps.add(
            audit,
            "look for wrong labels",
            dataset=prepared,
            seed=form["seed"],
            drop=plan.drop_suspects,
        ).outputs["audited"]
        # Without a need to wait for it, the audit only feeds the report.
        dataset = audited if plan.drop_suspects else prepared
        if "classical" in plan.parts:
            items = steps.tuned("classical", planned["classical"], dataset)
            steps.train("classical", train_text_classical, dataset=dataset, items=items)
        if "networks" in plan.parts:
            items = steps.tuned("networks", planned["Output"], dataset)
            steps.train_each("networks", items, train_text_network, dataset)
        if "networks_of_chosen_width" in plan.parts:
            # The width travels in the items: kfp.local hands a loop item to every task-output
            # parameter that is read inside a loop.
            chosen = steps.add(
                choose_width,
                "choose width",
                models=steps.models["networks"],
                later=planned["networks_of_chosen_width"],
            )
            items = steps.tuned("networks_of_chosen_width", chosen.output, dataset)
            steps.train_each("networks_of_chosen_width", items, train_text_network, dataset)
        if plan.ensemble:
            steps.train(
                "ensemble",
                train_ensemble,
                model=plan.ensemble,
                settings=planned["ensemble_settings"],
                fingerprint=planned["ensemble_fingerprint"],
                seeds=form["seeds"],
                **steps.models,
            )
        return steps.finish(audited)

    return graph
