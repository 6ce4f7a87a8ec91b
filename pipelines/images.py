"""The graph of the studies of images: prepare → train → evaluate → compare → report."""

from typing import Any

from kfp import dsl

from bakeoff.components.train_image_network import train_image_network
from bakeoff.pipelines.options import Options
from bakeoff.pipelines.steps import Outputs, Steps, loop_items
from bakeoff.plans import Plan
from bakeoff.studies import STUDIES


def images(plan: Plan, options: Options) -> Any:
    """The pipeline of a plan. Networks that start from the same autoencoder train in one task."""
    items = loop_items(plan, options, list(plan.networks))

    @dsl.pipeline(name=plan.study, description=STUDIES[plan.study].about)
    def graph(
        data: str = plan.data,
        data_hash: str = "",
        input_column: str = plan.input_column,
        label_column: str = plan.label_column,
        split_column: str = plan.split_column,
        group_column: str = plan.group_column,
        time_column: str = plan.time_column,
        image_size: int = plan.image_size,
        class_level: int = plan.class_level,
        skip_bad: bool = plan.skip_bad,
        split: str = plan.split,
        limit: int = plan.limit,
        networks: list = items,
    ) -> Outputs:
        steps = Steps(plan, options)
        dataset = steps.prepare(
            data=data,
            data_hash=data_hash,
            input_column=input_column,
            label_column=label_column,
            split_column=split_column,
            group_column=group_column,
            time_column=time_column,
            image_size=image_size,
            class_level=class_level,
            skip_bad=skip_bad,
            split=split,
            limit=limit,
        )
        steps.train_each("networks", networks, train_image_network, dataset)
        return steps.finish(dataset)

    return graph
