"""The parameters of a pipeline: the form that a person fills in to start a run."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from kfp import dsl

from bakeoff.plans import Plan
from bakeoff.studies import STUDIES


class Outputs(NamedTuple):
    """What a pipeline ends with."""

    comparison: dsl.Artifact
    page: dsl.HTML


_ABOUT = {
    "data": "A data set by name ({named}), or the address of a {file}, such as s3://bucket/{example}.",
    "models": "Which models take part, divided by commas. This pipeline can train those that stand "
    "here at first, and a run may leave some out; {kept}others need a pipeline of their own.",
    "seed": "Fixes the split and the first training.",
    "seeds": "Trainings of each model that chance affects; their mean counts.",
    "preset": "How long networks train: {presets}. Data, limit and split are what this form says.",
    "settings": "What to change of models: rnn-64.training.epochs=8 of one, training.epochs=8 of "
    "all that have it, divided by commas, as --set of `bakeoff run`; empty changes nothing.",
    "metric": "What validation chooses the winner and the best epochs by: accuracy, macro-f1, "
    "balanced-accuracy, log-loss or auc.",
    "split": "Sizes or shares, train:validation:test.",
    "limit": "Rows used at most, sampled by class; 0 uses all.",
    "input_column": "Column of the data that holds the {input}.",
    "label_column": "Column of the data that holds the label.",
    "split_column": "Column that says train, validation or test; empty: a split is made.",
    "group_column": "Column with what stays on one side of the split, such as a patient or an "
    "author; empty: none.",
    "time_column": "Column with a time, to train on the past and test on the future; empty: none.",
    "skip_bad": "Leave out what cannot be used instead of refusing the data.",
    "image_size": "Pixels a side that images are brought to; 0 keeps their size.",
    "class_level": "Level of a folder's folders that are the classes; 0 finds it.",
}
_OF_IMAGES = ("image_size", "class_level")


def defaults(plan: Plan) -> dict[str, Any]:
    """The parameters of a plan's pipeline with its values, in the order of the form."""
    values = {name: getattr(plan, name) for name in _ABOUT}
    values["models"] = ", ".join(plan.models)
    values["input_column"] = plan.input_column or plan.modality
    if plan.modality == "text":
        for name in _OF_IMAGES:
            del values[name]
    return values


def pipeline(
    plan: Plan, deadline: int | None = None
) -> Callable[[Callable[[dict[str, Any]], Outputs]], Any]:
    """Make a pipeline of a function that is given the values of the form by name.

    Args:
        plan: whose values the form has at first.
        deadline: seconds after which a cluster ends a run.
    """
    form = defaults(plan)

    def made(graph: Callable[[dict[str, Any]], Outputs]) -> Any:
        def built(*values: Any) -> Outputs:
            return graph(dict(zip(form, values, strict=True)))

        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=value,
                annotation=type(value),
            )
            for name, value in form.items()
        ]
        built.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            parameters, return_annotation=Outputs
        )
        words = _words(plan)
        lines = [f"    {name}: {_ABOUT[name].format(**words)}" for name in form]
        built.__doc__ = "\n".join([STUDIES[plan.study].about, "", "Args:", *lines])
        return dsl.pipeline(
            name=plan.study,
            description=STUDIES[plan.study].about,
            pipeline_config=dsl.PipelineConfig(active_deadline_seconds=deadline),
        )(built)

    return made


def _words(plan: Plan) -> dict[str, str]:
    """What the descriptions say of a plan."""
    from bakeoff.data.sources import NAMED_SETS

    presets = STUDIES[plan.study].presets
    text = plan.modality == "text"
    kept = ", ".join(part.replace("_", " ") for part in plan.parts)
    return {
        "named": ", ".join(n for n, known in NAMED_SETS.items() if known.modality == plan.modality),
        "file": "CSV, TSV, JSONL or Parquet file" if text else "Parquet file of encoded images",
        "example": "reviews.csv" if text else "images.parquet",
        "kept": f"one at least stays of each of its parts ({kept}); ",
        "presets": ", ".join(
            f"{name} {preset.epochs_share:.0%} of the epochs" for name, preset in presets.items()
        ),
        "input": "text" if text else "encoded image",
    }
