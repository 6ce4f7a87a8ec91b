"""Commands that hold a bake-off, write it down for a cluster, or say who may take part."""

from __future__ import annotations

import shlex
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.app import app
from bakeoff.cli.option_groups import with_options
from bakeoff.cli.options import Image, Json, Runs, StudyOrData, WandbMode, WandbSuffix
from bakeoff.cli.planning import OF_EACH_RUN, BakeOff, Compilation


class Where(StrEnum):
    inline = "inline"
    ray = "ray"


class Runner(StrEnum):
    subprocess = "subprocess"
    docker = "docker"


@app.command()
@with_options(preset="quick")
def run(
    study: StudyOrData,
    *,
    asked: BakeOff,
    threads: Annotated[
        int,
        typer.Option(
            help="CPU threads of a training, or of each of its workers; default: all cores, shared "
            "by --parallel and --workers.",
            min=0,
        ),
    ] = 0,
    where: Annotated[
        Where,
        typer.Option(
            help="Where networks train: in their step, or by workers on Ray, which starts on this "
            "machine unless RAY_ADDRESS names one."
        ),
    ] = Where.inline,
    workers: Annotated[
        int, typer.Option(help="Processes that share the batches of a training on Ray.", min=1)
    ] = 1,
    gpus_per_worker: Annotated[
        int | None,
        typer.Option(
            help="GPUs of each worker on Ray; default: 1 where there are any.", min=0, max=1
        ),
    ] = None,
    parallel: Annotated[
        int,
        typer.Option(
            help="Networks trained at the same time; 2 finishes a long line-up soonest.",
            min=1,
            max=2,
        ),
    ] = 1,
    runner: Annotated[
        Runner, typer.Option(help="Where steps run: in this environment, or in the image.")
    ] = Runner.subprocess,
    image: Image = "",
    wandb: Annotated[
        WandbMode | None,
        typer.Option(help="Weights & Biases; default: online with a key, else offline."),
    ] = None,
    wandb_suffix: WandbSuffix = "",
    runs: Runs = Path("runs"),
) -> None:
    """Hold a bake-off on this machine, from data to report.

    What an earlier run finished with the same data, code and settings is reused, so an
    interrupted run goes on where it stopped.
    """
    from bakeoff.running.hold import hold, threads_of
    from bakeoff.running.options import Setup

    chosen, said = asked.planned(
        study, threads=threads_of(threads, parallel, workers), workers=workers
    )
    # Whoever ends this process ends its steps too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    setup = Setup(
        runner=runner.value,
        image=image,
        parallel=parallel,
        where=where.value,
        gpus_per_worker=gpus_per_worker,
        wandb=wandb.value if wandb else None,
        wandb_suffix=wandb_suffix,
        runs=runs,
        command=shlex.join(["bakeoff", *sys.argv[1:]]),
    )
    hold(chosen, setup, said)


@app.command()
@with_options(without=OF_EACH_RUN)
def compile(
    study: Annotated[
        str,
        typer.Argument(
            help="A study; the data, for text or images: a name or an address; or: all (every "
            "pipeline and component).",
            metavar="STUDY|DATA|all",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            help="YAML file to write, or a folder for it; with `all`, the folder.",
            metavar="FILE|FOLDER",
        ),
    ],
    asked: BakeOff,
    compilation: Compilation,
) -> None:
    """Write a pipeline as YAML for a KFP 2.x cluster.

    Data, split, models, seeds, preset and settings stay parameters that each run may change.
    """
    options = compilation.options()
    from bakeoff.pipelines.compiling import compile_components, compile_plan
    from bakeoff.studies import STUDIES

    written = []
    for name in STUDIES if study == "all" else [study]:
        chosen, said = asked.planned(
            name, elsewhere=True, threads=compilation.threads, workers=compilation.workers
        )
        in_folder = study == "all" or output.is_dir()
        written.append(output / f"{chosen.study}.yaml" if in_folder else output)
        compile_plan(chosen, options, written[-1])
        if said:
            print(f"note: {said}", file=sys.stderr)
    if study == "all":
        written += compile_components(output / "components", options.image)
    for path in written:
        print(path)


@app.command()
def models(
    name: Annotated[
        str,
        typer.Argument(
            help="A study (text, images, sentiment, autoencoder, resnet), or a model.",
            metavar="STUDY|MODEL",
        ),
    ] = "sentiment",
    json: Json = False,
) -> None:
    """List the models that can take part in a study, or the settings of one."""
    from bakeoff.errors import unknown_name
    from bakeoff.report.terminal import models_table, settings_table, show_json, show_table
    from bakeoff.studies import STUDIES
    from bakeoff.training.settings import to_dict

    owners = {model: study for study in STUDIES.values() for model in study.models}
    if name not in STUDIES and name not in owners:
        raise unknown_name("study or model", name, [*STUDIES, *owners])
    study = STUDIES.get(name) or owners[name]
    known = {model: {"model": model, **to_dict(config)} for model, config in study.models.items()}
    if name in STUDIES:
        show_json(list(known.values())) if json else show_table(models_table(study.overview))
    elif json:
        show_json(known[name])
    else:
        print(f"{name}: {study.sentences[name]}")
        print(f"takes part in: {', '.join(study.lineups_with(name)) or 'no preset or line-up'}\n")
        show_table(settings_table(to_dict(study.models[name])))
