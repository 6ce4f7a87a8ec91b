"""Writing pipelines and components as YAML that a KFP 2.x backend takes."""

import shlex
import tempfile
import warnings
from pathlib import Path
from typing import Any

from bakeoff.artifacts import make_folder, written_atomically
from bakeoff.data.sources import NAMED_SETS, location
from bakeoff.errors import UserError
from bakeoff.pipelines.options import Options
from bakeoff.plans import Plan
from bakeoff.tuning.budget import Budget

COMPONENTS = (
    "plan",
    "prepare",
    "audit",
    "train_text_classical",
    "train_text_network",
    "train_image_network",
    "choose_width",
    "tune",
    "train_ensemble",
    "evaluate",
    "compare",
    "report",
)


def compile_plan(plan: Plan, options: Options, path: Path) -> None:
    """Write the pipeline of a plan to `path`, atomically.

    Raises:
        UserError: it cannot be written, or is for a cluster and names a file of this machine, or
            searches for longer than a step may take there.
    """
    from bakeoff.pipelines.images import images
    from bakeoff.pipelines.texts import texts

    if not options.local:
        refuse_local_files(plan)
        _refuse_long_search(plan, options)
    graph = {"text": texts, "image": images}[plan.modality]
    _write(graph(plan, options), path)


def refuse_local_files(plan: Plan) -> None:
    """Raise a UserError if a plan for a cluster names a file of this machine."""
    files = [file for file in plan.files if Path(file).is_absolute()]
    if plan.data not in NAMED_SETS and "://" not in plan.data:
        files.append(location(plan.data))
    for source in files:
        path = Path(source)
        name = path.name if path.suffix else f"{path.name}.parquet"  # Folders have no address.
        here = shlex.quote(source if path.suffix else name)
        there = shlex.quote(f"s3://bucket/{name}")
        upload = "" if path.is_dir() else ", or bakeoff submit --upload s3://bucket"
        where = "is on this machine, where" if path.exists() else "has no address, and"
        raise UserError(
            f"{source} {where} no step on a cluster can read it: put it to S3 (aws s3 cp {here} "
            f"{there}{upload}) and give its address, {there}"
        )


def _refuse_long_search(plan: Plan, options: Options) -> None:
    longest = options.resources_of("tune").minutes * 60
    if any(Budget.parse(budget).seconds >= longest for budget in plan.searches.values()):
        longer = "" if options.resources == "large" else ", or --resources large"
        raise UserError(
            f"--tune {plan.tune}: on a cluster a search is ended after {longest // 3600} hours; "
            f"give less time, or a number of trials{longer}"
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


def _write(what: Any, path: Path) -> None:
    from kfp import compiler

    make_folder(path.parent)
    with tempfile.TemporaryDirectory(prefix="bakeoff-compiled-") as folder:
        compiled = Path(folder) / "compiled.yaml"  # kfp chooses the format by the ending.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiler.Compiler().compile(what, str(compiled))
        content = compiled.read_bytes()
    with written_atomically(path) as temporary:
        temporary.write_bytes(content)
