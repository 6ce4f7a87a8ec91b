"""Commands that hold a bake-off, write it down for a cluster, or say who may take part."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.app import app
from bakeoff.cli.options import (
    Changes,
    ClassLevel,
    DropSuspects,
    FreezeVectors,
    Glove,
    GroupColumn,
    Image,
    Json,
    KeepSides,
    Limit,
    Metric,
    MetricName,
    Models,
    OnCluster,
    OwnImageColumn,
    OwnLabelColumn,
    OwnTextColumn,
    Parallelism,
    Precision,
    Preprocessing,
    Preset,
    PresetImageSize,
    RayJobChanges,
    RayWorkers,
    Resources,
    Runner,
    Runs,
    Seed,
    Seeds,
    Size,
    SkipBadImages,
    SkipBadRows,
    Split,
    SplitColumn,
    StudyData,
    StudyOrData,
    TimeColumn,
    Tune,
    WandbMode,
    WandbSuffix,
    Weights,
    Where,
    WhereOnCluster,
    Word2vec,
    names,
    rayjob_settings,
    refuse_threads,
)


@app.command()
def run(
    study: StudyOrData,
    preset: Preset = "quick",
    models: Models = "",
    data: StudyData = None,
    text_column: OwnTextColumn = "",
    image_column: OwnImageColumn = "",
    label_column: OwnLabelColumn = "",
    split_column: SplitColumn = "",
    group_column: GroupColumn = "",
    time_column: TimeColumn = "",
    image_size: PresetImageSize = None,
    class_level: ClassLevel = 0,
    split: Split = "",
    limit: Limit = None,
    skip_bad_rows: SkipBadRows = False,
    skip_bad_images: SkipBadImages = False,
    drop_suspects: DropSuspects = False,
    preprocessing: Preprocessing = "",
    glove: Glove = "",
    word2vec: Word2vec = "",
    freeze_vectors: FreezeVectors = False,
    weights: Weights = "",
    precision: Precision = "",
    keep_sides: KeepSides = False,
    changes: Changes = None,
    metric: MetricName = Metric.accuracy,
    seed: Seed = 0,
    seeds: Seeds = 1,
    tune: Tune = "",
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
    from bakeoff.running.hold import hold, planned, threads_of

    chosen, said = planned(
        study,
        preset,
        models=names(models),
        data=data,
        text_column=text_column,
        image_column=image_column,
        label_column=label_column,
        split_column=split_column,
        group_column=group_column,
        time_column=time_column,
        image_size=image_size,
        class_level=class_level,
        split=split,
        limit=limit,
        skip_bad_rows=skip_bad_rows,
        skip_bad_images=skip_bad_images,
        drop_suspects=drop_suspects,
        preprocessing=preprocessing,
        glove=glove,
        word2vec=word2vec,
        freeze_vectors=freeze_vectors,
        weights=weights,
        precision=precision,
        keep_sides=keep_sides,
        changes=changes or (),
        metric=metric.value,
        seed=seed,
        seeds=seeds,
        tune=tune,
        threads=threads_of(threads, parallel, workers),
        workers=workers,
    )
    # Whoever ends this process ends its steps too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    hold(
        chosen,
        said=said,
        root=runs,
        runner=runner.value,
        wandb=wandb.value if wandb else None,
        wandb_suffix=wandb_suffix,
        image=image,
        parallel=parallel,
        where=where.value,
        gpus=gpus_per_worker,
        command=shlex.join(["bakeoff", *sys.argv[1:]]),
    )


@app.command()
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
        Path, typer.Option(help="YAML file to write; with `all`, the folder.", metavar="FILE")
    ],
    preset: Preset = "full",
    models: Models = "",
    data: StudyData = None,
    text_column: OwnTextColumn = "",
    image_column: OwnImageColumn = "",
    label_column: OwnLabelColumn = "",
    drop_suspects: DropSuspects = False,
    preprocessing: Preprocessing = "",
    glove: Glove = "",
    word2vec: Word2vec = "",
    freeze_vectors: FreezeVectors = False,
    weights: Weights = "",
    precision: Precision = "",
    keep_sides: KeepSides = False,
    changes: Changes = None,
    metric: MetricName = Metric.accuracy,
    seed: Seed = 0,
    seeds: Seeds = 1,
    tune: Tune = "",
    threads: Annotated[int, typer.Option(help="CPU threads of a training.", min=1)] = 2,
    where: OnCluster = WhereOnCluster.inline,
    workers: RayWorkers = 1,
    rayjob: RayJobChanges = None,
    image: Image = "",
    resources: Resources = Size.standard,
    parallelism: Parallelism = 0,
    wandb: Annotated[
        WandbMode | None,
        typer.Option(help="Weights & Biases on the cluster; online reads the secret `wandb`."),
    ] = None,
    wandb_suffix: WandbSuffix = "",
) -> None:
    """Write a pipeline as YAML for a KFP 2.x cluster.

    Data, split, models, seeds, preset and settings stay parameters that each run may change.
    """
    refuse_threads(resources, threads)
    from bakeoff.pipelines.compiling import compile_components, compile_plan
    from bakeoff.pipelines.options import Options
    from bakeoff.running.hold import planned
    from bakeoff.studies import STUDIES

    rayjobs = rayjob_settings(where, workers, rayjob)
    written = []
    for name in STUDIES if study == "all" else [study]:
        chosen, said = planned(
            name,
            preset,
            models=names(models),
            data=data,
            elsewhere=True,
            text_column=text_column,
            image_column=image_column,
            label_column=label_column,
            drop_suspects=drop_suspects,
            preprocessing=preprocessing,
            glove=glove,
            word2vec=word2vec,
            freeze_vectors=freeze_vectors,
            weights=weights,
            precision=precision,
            keep_sides=keep_sides,
            changes=changes or (),
            metric=metric.value,
            seed=seed,
            seeds=seeds,
            tune=tune,
            threads=threads,
            workers=workers,
        )
        options = Options(
            image=image or _default_image(),
            resources=resources.value,
            parallelism=parallelism,
            rayjob=rayjobs,
            wandb=wandb.value if wandb else "",
            wandb_suffix=wandb_suffix,
        )
        written.append(output / f"{name}.yaml" if study == "all" else output)
        compile_plan(chosen, options, written[-1])
        if said:
            print(f"note: {said}", file=sys.stderr)
    if study == "all":
        written += compile_components(output / "components", image or _default_image())
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


def _default_image() -> str:
    from bakeoff.container import IMAGE

    return IMAGE
