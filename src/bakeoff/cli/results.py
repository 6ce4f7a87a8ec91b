"""Commands that use what a bake-off left."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.app import app
from bakeoff.cli.options import (
    Data,
    ImageColumn,
    Json,
    LabelColumn,
    Run,
    Runs,
    SkipBadImages,
    SkipBadRows,
    TextColumn,
    names,
)
from bakeoff.errors import UserError


@app.command()
def report(
    run: Run = "latest",
    json: Json = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print the leaderboard as CSV, every figure in full.")
    ] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Print a run's leaderboard, its verdict and the address of its report."""
    from bakeoff.report.summary import answer, hint, outcome
    from bakeoff.report.terminal import leaderboard_table, show_csv, show_json, show_table
    from bakeoff.running.runs import find_run

    if json and csv:
        raise UserError("--json and --csv exclude each other: name one")
    found = find_run(runs, run)
    results = found.results
    if json:
        show_json(outcome(results))
    elif csv:
        show_csv(results["leaderboard"])
    else:
        show_table(leaderboard_table(results))
        for line in filter(None, (answer(results), hint(results))):
            print(line)
        print(found.report.resolve().as_uri())


@app.command()
def predict(
    run: Run,
    given: Annotated[
        str | None,
        typer.Argument(
            help="A text, or a file with one text a line; of images a file, or a folder of them; "
            "default: texts or paths of images, one a line, from stdin.",
            metavar="TEXT|FILE",
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="Default: the winner of the run.")] = "",
    json: Json = False,
    runs: Runs = Path("runs"),
) -> None:
    """Label new texts or images with the winner of a run, or with another of its models."""
    from bakeoff.report.terminal import show_json
    from bakeoff.running.predict import predict as label
    from bakeoff.running.runs import find_run

    bakeoff = find_run(runs, run)
    modality = bakeoff.results["dataset"]["modality"]
    rows = label(bakeoff, _texts(given) if modality == "text" else _images(given), model)
    if json:
        show_json(rows)
        return
    for row in rows:
        print(f"{row['label']}\t{row['probability']:.4f}\t{row[modality]}")


@app.command()
def evaluate(
    run: Run,
    data: Data,
    text_column: TextColumn = "text",
    image_column: ImageColumn = "",
    label_column: LabelColumn = "label",
    limit: Annotated[
        int, typer.Option(help="Rows used at most, sampled by class; 0: all.", min=0)
    ] = 0,
    skip_bad_rows: SkipBadRows = False,
    skip_bad_images: SkipBadImages = False,
    models: Annotated[
        str, typer.Option(help="Models of the run; default: all.", metavar="A,B")
    ] = "",
    json: Json = False,
    runs: Runs = Path("runs"),
) -> None:
    """Score the trained models of a run on other data, and add the result to its report."""
    from bakeoff.report.terminal import show_json, show_table, transfer_table
    from bakeoff.running.progress import Activity
    from bakeoff.running.runs import find_run
    from bakeoff.running.transfer import transfer

    found = find_run(runs, run)
    images = found.results["dataset"]["modality"] == "image"
    with Activity() as activity:
        entry = transfer(
            found,
            data,
            models=names(models),
            limit=limit,
            input_column=image_column if images else text_column,
            label_column=label_column,
            skip_bad=skip_bad_images if images else skip_bad_rows,
            watch=activity.see,
        )
    if json:
        show_json(entry)
        return
    show_table(transfer_table(entry))
    print(entry["sentence"])
    print(found.report.resolve().as_uri())


@app.command()
def clean(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")
    ] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Remove step outputs that no run needs any more. To remove a run, delete its folder.

    While a bake-off is running in the same folder nothing is removed.
    """
    from bakeoff.running.store import clean as remove

    removed = remove(runs, dry_run)
    if dry_run:
        for path, size in removed.items():
            print(f"{path}\t{_megabytes(size)}")
    print(f"{'would free' if dry_run else 'freed'} {_megabytes(sum(removed.values()))}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _images(argument: str | None) -> list[str]:
    """The path of an image, those in a folder, or those that stdin names."""
    if argument is None:
        return _texts(None)
    from bakeoff.data.image_folders import visible_files

    if not argument.strip():
        raise UserError("the path is empty; give an image or a folder of images")
    path = Path(argument)
    found = sorted(visible_files(path)) if path.is_dir() else [path]
    if not found:
        raise UserError(f"{argument} holds no files; give an image or a folder of images")
    return [str(file) for file in found]


def _texts(argument: str | None) -> list[str]:
    """One text given directly, or the lines of a file or of stdin."""
    if argument is None:
        if sys.stdin.isatty():
            raise UserError(
                'nothing to label: give a text, as in: bakeoff predict latest "What a film!"; or '
                "an image: bakeoff predict latest cat.jpg"
            )
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
        texts = [line.strip() for line in source.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 (byte {error.start}); convert it first") from None
    texts = [text for text in texts if text]
    if not texts:
        raise UserError(f"{name} is empty; give at least one line")
    return texts
