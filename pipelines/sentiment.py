"""The graph of the `sentiment` study: prepare → train → evaluate → compare → report."""

import json
from typing import Any

from kfp import dsl

from bakeoff.components.audit import audit
from bakeoff.components.choose_width import choose_width
from bakeoff.components.train_ensemble import train_ensemble
from bakeoff.components.train_text_classical import train_text_classical
from bakeoff.components.train_text_network import train_text_network
from bakeoff.pipelines.options import Options
from bakeoff.pipelines.steps import Outputs, Steps, loop_items
from bakeoff.plans import Plan
from bakeoff.studies import STUDIES
from bakeoff.training.settings import to_dict


def sentiment(plan: Plan, options: Options) -> Any:
    """The pipeline of a plan; a part without models is left out of the graph."""
    # Without RNNs of several widths nothing waits for a choice.
    first = loop_items(plan, options, [n for n in plan.networks if n not in plan.waiting])
    later = loop_items(plan, options, plan.waiting)

    @dsl.pipeline(name=plan.study, description=STUDIES[plan.study].about)
    def graph(
        data: str = plan.data,
        data_hash: str = "",
        input_column: str = plan.input_column,
        label_column: str = plan.label_column,
        split_column: str = plan.split_column,
        group_column: str = plan.group_column,
        time_column: str = plan.time_column,
        skip_bad: bool = plan.skip_bad,
        split: str = plan.split,
        limit: int = plan.limit,
        networks: list = first,
        networks_of_chosen_width: list = later,
    ) -> Outputs:
        steps = Steps(plan, options)
        prepared = steps.prepare(
            data=data,
            data_hash=data_hash,
            input_column=input_column,
            label_column=label_column,
            split_column=split_column,
            group_column=group_column,
            time_column=time_column,
            skip_bad=skip_bad,
            split=split,
            limit=limit,
        )
        audited = steps.add(
            audit, dataset=prepared, seed=plan.seed, drop=plan.drop_suspects
        ).outputs["audited"]
        # Without a need to wait for it, the audit only feeds the report.
        dataset = audited if plan.drop_suspects else prepared
        if plan.classical:
            configs = {name: to_dict(config) for name, config in plan.classical.items()}
            steps.train(
                "classical",
                train_text_classical,
                dataset=dataset,
                configs=json.dumps(configs),
                seed=plan.seed,
            )
        if first:
            steps.train_each("networks", networks, train_text_network, dataset)
        if later:
            # The width travels in the items: kfp.local hands a loop item to every task-output
            # parameter that is read inside a loop.
            chosen = steps.add(
                choose_width, models=steps.models["networks"], later=networks_of_chosen_width
            )
            steps.train_each("networks_of_chosen_width", chosen.output, train_text_network, dataset)
        if plan.ensemble:
            steps.train(
                "ensemble",
                train_ensemble,
                model=plan.ensemble,
                config=json.dumps(to_dict(plan.models[plan.ensemble])),
                seed=plan.seed,
                seeds=plan.seeds,
                **steps.models,
            )
        return steps.finish(audited)

    return graph
