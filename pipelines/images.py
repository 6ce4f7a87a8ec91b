"""The graph of the studies of images: prepare → train → evaluate → compare → report."""

from typing import Any

from bakeoff.components.train_image_network import train_image_network
from bakeoff.pipelines.form import Outputs, pipeline
from bakeoff.pipelines.options import Options
from bakeoff.pipelines.steps import Steps
from bakeoff.plans import Plan


def images(plan: Plan, options: Options) -> Any:
    """The pipeline of a plan. Networks that start from the same autoencoder train in one task."""

    @pipeline(plan, options)
    def graph(form: dict[str, Any]) -> Outputs:
        steps = Steps(plan, options, form)
        dataset = steps.prepare()
        items = steps.tuned("networks", steps.planned["Output"], dataset)
        steps.train_each("networks", items, train_image_network, dataset)
        return steps.finish(dataset)

    return graph
