"""Writing pipelines and components as YAML that a KFP 2.x backend takes."""

import warnings
from pathlib import Path

from bakeoff.artifacts import explained_write_errors
from bakeoff.data.sources import location
from bakeoff.errors import UserError
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
    """Write the pipeline of a plan to `path`, atomically.

    Raises:
        UserError: it cannot be written, or is for a cluster and names a file of this machine.
    """
    from bakeoff.pipelines.images import images
    from bakeoff.pipelines.sentiment import sentiment

    if not options.local:
        _refuse_local([location(plan.data), *plan.files])
    graph = {"text": sentiment, "image": images}[plan.modality]
    _write(graph(plan, options), path)


def _refuse_local(sources: list[str]) -> None:
    for source in sources:
        if Path(source).is_absolute():
            raise UserError(
                f"{source} is on this machine, where no step on a cluster can read it: give an "
                f"address instead, such as s3://bucket/{Path(source).name}"
            )


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
