"""The command line. Each command is a few lines around a function of the package."""

from __future__ import annotations

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff import __version__
from bakeoff.errors import UserError

if TYPE_CHECKING:
    from bakeoff.studies import Plan

app = typer.Typer(
    name="bakeoff",
    help="Which model should I use, how sure is that, and what does it cost?\n\n"
    "Start with: bakeoff run sentiment",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
_TYPER_INTERRUPTED = 130
"""Typer turns Ctrl-C into this exit code and says nothing."""
data_app = typer.Typer(help="Look at and prepare data without training.", no_args_is_help=True)
app.add_typer(data_app, name="data")


class Runner(StrEnum):
    subprocess = "subprocess"
    docker = "docker"


class WandbMode(StrEnum):
    online = "online"
    offline = "offline"
    disabled = "disabled"


Study = Annotated[str, typer.Argument(help="What to compare, for example: sentiment.")]
Run = Annotated[str, typer.Argument(help="Name of a run, or: latest.")]
Runs = Annotated[
    Path, typer.Option("--runs", help="Folder that holds all runs.", envvar="BAKEOFF_RUNS")
]
Preset = Annotated[
    str, typer.Option(help="How much data: quick (minutes), full (all rows) or paper.")
]
Models = Annotated[
    str, typer.Option(help="Names separated by commas; see: bakeoff models.", metavar="A,B")
]
Data = Annotated[
    str,
    typer.Option(
        help="A named data set, or a CSV, TSV, JSONL or Parquet file by path or s3:// address.",
        metavar="NAME|PATH",
    ),
]
TextColumn = Annotated[str, typer.Option(help="Column of --data that holds the text.")]
LabelColumn = Annotated[str, typer.Option(help="Column of --data that holds the label.")]
Split = Annotated[
    str,
    typer.Option(
        help="Sizes or ratios, instead of the preset's: 36000:4000:10000 or 0.7:0.1:0.2.",
        metavar="TRAIN:VALIDATION:TEST",
    ),
]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Leave out rows without text or label.")
]
Limit = Annotated[
    int | None,
    typer.Option(help="Rows used at most, sampled by class; default: the preset's; 0: all.", min=0),
]
DropSuspects = Annotated[
    bool,
    typer.Option("--drop-suspects", help="Leave training rows out whose label is likely wrong."),
]
Seed = Annotated[int, typer.Option(help="Fixes the split and the first training.", min=0)]
Seeds = Annotated[int, typer.Option(help="Trainings of each model that chance affects.", min=1)]
Preprocessing = Annotated[
    str,
    typer.Option(
        help="For every model, instead of its own: default, report, or steps added and left out.",
        metavar="report,-drop-stop-words,+stem-porter",
    ),
]
Glove = Annotated[
    str,
    typer.Option(
        help="GloVe text file, by path or address, instead of GloVe 6B 50d.", metavar="FILE"
    ),
]
Word2vec = Annotated[
    str,
    typer.Option(
        help="word2vec file, by path or address, or google-news (downloaded once), instead of "
        "vectors trained on the training split.",
        metavar="FILE",
    ),
]
FreezeVectors = Annotated[
    bool, typer.Option("--freeze-vectors", help="Keep pretrained word vectors as they are.")
]
Image = Annotated[str, typer.Option(help="Container image of the steps.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"bakeoff {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    study: Study,
    preset: Preset = "quick",
    models: Models = "",
    data: Data = "",
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    split: Split = "",
    limit: Limit = None,
    skip_bad_rows: SkipBadRows = False,
    drop_suspects: DropSuspects = False,
    preprocessing: Preprocessing = "",
    glove: Glove = "",
    word2vec: Word2vec = "",
    freeze_vectors: FreezeVectors = False,
    seed: Seed = 0,
    seeds: Seeds = 1,
    threads: Annotated[
        int,
        typer.Option(
            help="CPU threads of a training; default: all cores, shared by --parallel.", min=0
        ),
    ] = 0,
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
    runs: Runs = Path("runs"),
) -> None:
    """Hold a bake-off on this machine, from data to report.

    What an earlier run finished with the same data, code and settings is reused, so an
    interrupted run goes on where it stopped.
    """
    from bakeoff.evaluation.environment import cores
    from bakeoff.running.local import run_locally
    from bakeoff.running.progress import Progress

    chosen = _plan(
        study,
        preset,
        models,
        data=data,
        text_column=text_column,
        label_column=label_column,
        split=split,
        limit=limit,
        skip_bad_rows=skip_bad_rows,
        drop_suspects=drop_suspects,
        preprocessing=preprocessing,
        glove=glove,
        word2vec=word2vec,
        freeze_vectors=freeze_vectors,
        seed=seed,
        seeds=seeds,
        threads=threads or max(cores() // parallel, 1),
    )
    # Whoever ends this process ends its steps too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Progress(chosen) as progress:
        finished = run_locally(
            chosen,
            root=runs,
            runner=runner.value,
            wandb=wandb.value if wandb else None,
            image=image or _default_image(),
            watch=progress.see,
            parallel=parallel,
        )
    progress.show(finished)


@app.command()
def compile(
    study: Annotated[str, typer.Argument(help="A study, or: all (every pipeline and component).")],
    output: Annotated[
        Path, typer.Option(help="YAML file to write; with `all`, the folder.", metavar="FILE")
    ],
    preset: Preset = "full",
    models: Models = "",
    data: Data = "",
    preprocessing: Preprocessing = "",
    glove: Glove = "",
    word2vec: Word2vec = "",
    freeze_vectors: FreezeVectors = False,
    seed: Seed = 0,
    seeds: Seeds = 1,
    threads: Annotated[int, typer.Option(help="CPU threads of a training.", min=1)] = 2,
    image: Image = "",
    parallelism: Annotated[
        int, typer.Option(help="Networks trained at a time; 0: as many as there is room.", min=0)
    ] = 0,
    wandb: Annotated[
        WandbMode | None,
        typer.Option(help="Weights & Biases on the cluster; online reads the secret `wandb`."),
    ] = None,
) -> None:
    """Write a pipeline as YAML for a KFP 2.x cluster.

    The data set, its columns, the split and the limit stay parameters of the pipeline.
    """
    from bakeoff.pipelines.compiling import compile_components, compile_plan
    from bakeoff.pipelines.options import Options
    from bakeoff.studies import STUDIES

    written = []
    for name in STUDIES if study == "all" else [study]:
        chosen = _plan(
            name,
            preset,
            models,
            data=data,
            preprocessing=preprocessing,
            glove=glove,
            word2vec=word2vec,
            freeze_vectors=freeze_vectors,
            seed=seed,
            seeds=seeds,
            threads=threads,
        )
        options = Options(
            image=image or _default_image(),
            parallelism=parallelism,
            wandb=wandb.value if wandb else "",
            group=chosen.group,
        )
        written.append(output / f"{name}.yaml" if study == "all" else output)
        compile_plan(chosen, options, written[-1])
    if study == "all":
        written += compile_components(output / "components", image or _default_image())
    for path in written:
        print(path)


@app.command()
def models(
    study: Study = "sentiment",
    json: Json = False,
) -> None:
    """List the models that can take part, with every hyper-parameter under --json."""
    from bakeoff.report.terminal import models_table, show_json, show_table
    from bakeoff.studies import get_study
    from bakeoff.text.configs import to_dict

    known = {name: to_dict(config) for name, config in get_study(study).models.items()}
    if json:
        show_json([{"model": name, **config} for name, config in known.items()])
    else:
        show_table(models_table(known))


@data_app.command("list")
def list_data() -> None:
    """List the data sets that need no path."""
    from bakeoff.data.sources import NAMED_SETS
    from bakeoff.report.terminal import names_table, show_table

    show_table(names_table("data set", {name: known.about for name, known in NAMED_SETS.items()}))


@data_app.command("prepare")
def prepare_data(
    output: Annotated[Path, typer.Option(help="Folder for dataset/ and test/.", metavar="FOLDER")],
    data: Data = "imdb-25k",
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    split: Split = "0.7:0.1:0.2",
    limit: Annotated[int, typer.Option(help="Rows used at most; 0: all.", min=0)] = 0,
    skip_bad_rows: SkipBadRows = False,
    seed: Seed = 0,
) -> None:
    """Clean and split labelled texts, duplicates on one side, as a bake-off's first step does."""
    from bakeoff.artifacts import read_manifest
    from bakeoff.data.prepare import prepare
    from bakeoff.report.terminal import dataset_table, show_table

    dataset = output / "dataset"
    prepare(
        dataset,
        output / "test",
        source=data,
        split=split,
        seed=seed,
        limit=limit,
        text_column=text_column,
        label_column=label_column,
        skip_bad_rows=skip_bad_rows,
    )
    show_table(dataset_table(read_manifest(dataset)["facts"]))
    print(output)


@app.command()
def report(run: Run = "latest", json: Json = False, runs: Runs = Path("runs")) -> None:
    """Print a run's leaderboard and the address of its report."""
    from bakeoff.report.terminal import leaderboard_table, show_json, show_table
    from bakeoff.running.runs import find_run

    found = find_run(runs, run)
    if json:
        show_json(found.results["leaderboard"])
    else:
        show_table(leaderboard_table(found.results))
        print(found.report.resolve().as_uri())


@app.command()
def predict(
    run: Run,
    text: Annotated[
        str | None, typer.Argument(help="A text, or a file with one text a line; default: stdin.")
    ] = None,
    model: Annotated[str, typer.Option(help="Default: the winner of the run.")] = "",
    json: Json = False,
    runs: Runs = Path("runs"),
) -> None:
    """Label new texts with the winner of a run, or with another of its models."""
    from bakeoff.report.terminal import show_json
    from bakeoff.running.predict import predict as label
    from bakeoff.running.runs import find_run

    rows = label(find_run(runs, run), _texts(text), model)
    if json:
        show_json(rows)
        return
    for row in rows:
        print(f"{row['label']}\t{row['probability']:.4f}\t{row['text']}")


@app.command()
def evaluate(
    run: Run,
    data: Data,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    limit: Annotated[
        int, typer.Option(help="Rows used at most, sampled by class; 0: all.", min=0)
    ] = 0,
    skip_bad_rows: SkipBadRows = False,
    models: Annotated[
        str, typer.Option(help="Models of the run; default: all.", metavar="A,B")
    ] = "",
    json: Json = False,
    runs: Runs = Path("runs"),
) -> None:
    """Score the trained models of a run on other data, and add the result to its report."""
    from bakeoff.report.terminal import show_json, show_table, transfer_table
    from bakeoff.running.progress import Scoring
    from bakeoff.running.runs import find_run
    from bakeoff.running.transfer import transfer

    found = find_run(runs, run)
    with Scoring() as scoring:
        entry = transfer(
            found,
            data,
            models=_names(models),
            limit=limit,
            text_column=text_column,
            label_column=label_column,
            skip_bad_rows=skip_bad_rows,
            watch=scoring.see,
        )
    if json:
        show_json(entry)
        return
    show_table(transfer_table(entry))
    print(entry["sentence"])
    print(found.report.resolve().as_uri())


@app.command()
def clean(runs: Runs = Path("runs")) -> None:
    """Remove step outputs that no run names any more. To remove a run, delete its folder."""
    from bakeoff.running.runs import clean as remove

    print(f"freed {remove(runs) / 1e6:.1f} MB")


def _plan(study: str, preset: str, models: str, **settings: Any) -> Plan:
    from bakeoff.studies import plan

    return plan(study, preset, models=_names(models), **settings)


def _names(models: str) -> list[str]:
    return [name.strip() for name in models.split(",") if name.strip()]


def _default_image() -> str:
    from bakeoff.container import IMAGE

    return IMAGE


def _texts(argument: str | None) -> list[str]:
    """One text given directly, or the lines of a file or of stdin."""
    if argument is None:
        if sys.stdin.isatty():
            raise UserError('no text: give one, as in: bakeoff predict latest "What a film!"')
        source, name = sys.stdin.buffer.read(), "stdin"
    else:
        try:
            is_file = Path(argument).is_file()
        except OSError:  # A long text is no file name.
            is_file = False
        if not is_file:
            source, name = argument.replace("\n", " ").encode(), "the text"
        else:
            source, name = Path(argument).read_bytes(), argument
    try:
        texts = [line.strip() for line in source.decode().splitlines()]
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 (byte {error.start}); convert it first") from None
    texts = [text for text in texts if text]
    if not texts:
        raise UserError(f"{name} is empty; give at least one text")
    return texts


def main() -> None:
    """Entry point: a UserError is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as stopped:
        if stopped.code != _TYPER_INTERRUPTED:
            raise
        print("error: interrupted; run the same command again", file=sys.stderr)
        sys.exit(2)
