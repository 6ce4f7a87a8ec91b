"""The parameters of a pipeline: the form that a person fills in to start a run."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kfp import dsl

from bakeoff.evaluation.scores import METRICS
from bakeoff.pipelines.options import Options
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
_CHOICES: dict[str, Callable[[Plan], Iterable[str]]] = {
    "preset": lambda plan: STUDIES[plan.study].presets,
    "metric": lambda _: METRICS,
}
"""Field → the words it may hold, of a plan: KFP's form shows a list of them, and its API refuses
others. kfp itself has no way to write them down."""
_OF_IMAGES = ("image_size",)


def defaults(plan: Plan, local: bool = False) -> dict[str, Any]:
    """The fields of a plan that a run of its pipeline may change, with its values, in the order of
    the form.
    """
    values = {name: getattr(plan, name) for name in _ABOUT}
    values["models"] = ", ".join(plan.models)
    values["input_column"] = plan.columns.input
    absent = set(_OF_IMAGES) if plan.modality == "text" else set()
    if not local:
        absent.add("class_level")  # A cluster reads files.
    presets = list(STUDIES[plan.study].presets.values())
    if all(preset.settings == presets[0].settings for preset in presets):
        absent.add("preset")  # Beside what the form has, it would change nothing.
    return {name: value for name, value in values.items() if name not in absent}


def shown(name: str, modality: str) -> str:
    """What the form calls a field of a plan, of which KFP's pages show the name alone: as the
    command line does.

    >>> shown("input_column", "text"), shown("skip_bad", "image"), shown("seed", "image")
    ('text_column', 'skip_bad_images', 'seed')
    """
    rows = "rows" if modality == "text" else "images"
    return {"input_column": f"{modality}_column", "skip_bad": f"skip_bad_{rows}"}.get(name, name)


def given(run: Mapping[str, Any], modality: str) -> dict[str, Any]:
    """What the form held in a run of a pipeline, as KFP's API tells the run: fields of a plan."""
    spec = run.get("pipeline_spec", {})
    spec = spec.get("pipeline_spec", spec)
    fields = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    changed = run.get("runtime_config", {}).get("parameters", {})
    values = {}
    for name in _ABOUT:
        field = shown(name, modality)
        if field in fields:
            value = changed.get(field, fields[field].get("defaultValue"))
            whole = fields[field].get("parameterType") == "NUMBER_INTEGER"
            values[name] = int(value or 0) if whole else value
    return values


def pipeline(plan: Plan, options: Options) -> Callable[[Callable[[dict[str, Any]], Outputs]], Any]:
    """Make a pipeline of a function that is given the values of the form by name of the field.

    Args:
        plan: whose values the form has at first.
        options: of the compilation.
    """
    form = defaults(plan, options.local)

    def made(graph: Callable[[dict[str, Any]], Outputs]) -> Any:
        def built(*values: Any) -> Outputs:
            return graph(dict(zip(form, values, strict=True)))

        parameters = [
            inspect.Parameter(
                shown(name, plan.modality),
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
        lines = [
            f"    {shown(name, plan.modality)}: {_ABOUT[name].format(**words)}" for name in form
        ]
        built.__doc__ = "\n".join([STUDIES[plan.study].about, "", "Args:", *lines])
        built_pipeline = dsl.pipeline(
            name=plan.study,
            description=STUDIES[plan.study].about,
            pipeline_config=dsl.PipelineConfig(active_deadline_seconds=options.deadline),
        )(built)
        parameters_of = built_pipeline.pipeline_spec.root.input_definitions.parameters
        for name in form.keys() & _CHOICES.keys():
            for word in _CHOICES[name](plan):
                parameters_of[name].literals.add().string_value = word
        return built_pipeline

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
