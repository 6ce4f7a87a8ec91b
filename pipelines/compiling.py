"""Writing pipelines and components as YAML that a KFP 2.x backend takes."""

import warnings
from pathlib import Path

from bakeoff.artifacts import explained_write_errors
from bakeoff.pipelines.options import Options
from bakeoff.plans import Plan

COMPONENTS = (
    "prepare",
    "audit",
    "train_text_classical",
    "train_text_network",
    "train_image_network",
    "choose_width",
    "train_ensemble",
    "evaluate",
    "compare",
    "report",
)


def compile_plan(plan: Plan, options: Options, path: Path) -> None:
    """Write the pipeline of a plan to `path`, atomically."""
    from bakeoff.pipelines.images import images
    from bakeoff.pipelines.sentiment import sentiment

    graph = {"text": sentiment, "image": images}[plan.modality]
    _write(graph(plan, options), path)


def compile_components(folder: Path, image: str) -> list[Path]:
    """Write every component, for others to load into their pipelines; returns the files."""
    from importlib import import_module

    paths = []
    for name in COMPONENTS:
        component = getattr(import_module(f"bakeoff.components.{name}"), name)
        container = component.component_spec.implementation.container
        container.image = image
        paths.append(folder / f"{name.replace('_', '-')}.yaml")
        _write(component, paths[-1])
    return paths


def _write(what, path: Path) -> None:
    from kfp import compiler

    with explained_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # kfp chooses the format by the ending.
        temporary = path.with_name(f".{path.stem}.tmp.yaml")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiler.Compiler().compile(what, str(temporary))
        temporary.replace(path)
