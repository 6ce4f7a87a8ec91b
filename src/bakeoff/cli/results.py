"""Commands that use what a bake-off left."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.app import app
from bakeoff.cli.options import (
    THE_RUNS,
    ClassLevel,
    Data,
    ImageColumn,
    Json,
    LabelColumn,
    LastSuffix,
    Metric,
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
    wandb: Annotated[
        bool,
        typer.Option("--wandb", help="Build a report in Weights & Biases and print its address."),
    ] = False,
    wandb_suffix: LastSuffix = None,
    runs: Runs = Path("runs"),
) -> None:
    """Print a run's leaderboard, its verdict and the address of its report."""
    from bakeoff.report.summary import answer, hint, outcome
    from bakeoff.report.terminal import leaderboard_table, show_csv, show_json, show_table
    from bakeoff.running.runs import find_run

    if json + csv + wandb > 1:
        raise UserError("--json, --csv and --wandb exclude each other: name one")
    if wandb_suffix is not None and not wandb:
        raise UserError("--wandb-suffix is for the report in W&B: add --wandb")
    found = find_run(runs, run)
    results = found.results
    if wandb:
        from bakeoff.running.sync import report_to_wandb
        from bakeoff.tracking.mode import go_online

        go_online()
        print(report_to_wandb(found, wandb_suffix))
    elif json:
        show_json(outcome(results))
    elif csv:
        show_csv(results["leaderboard"])
    else:
        show_table(leaderboard_table(results))
        for line in filter(None, (answer(results), hint(results))):
            print(line)
        print(found.report.resolve().as_uri())


@app.command("runs")
def list_runs(json: Json = False, runs: Runs = Path("runs")) -> None:
    """List all runs, the newest first: data, what the chosen model reaches, status, size, age.

    The size is that of the run's folder and of what its steps wrote; steps that a run reused count
    for the run that wrote them.
    """
    from bakeoff.report.terminal import runs_table, show_json, show_table
    from bakeoff.running.listing import listing

    rows = listing(runs)
    if json:
        show_json(rows)
    elif rows:
        show_table(runs_table(rows))
    else:
        print(f"no run in {runs}; start one with: bakeoff run sentiment")


@app.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(help="Names of two runs or more; one may be: latest.")
    ],
    model: Annotated[str, typer.Option(help="Default: the winner of each run.")] = "",
    metric: Annotated[
        Metric | None, typer.Option(help="What to compare; default: that of the first run.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="HTML page to write; default: compare.html among the runs.", metavar="FILE"
        ),
    ] = None,
    json: Json = False,
    runs: Runs = Path("runs"),
) -> None:
    """Compare what runs chose: paired where they were tested on the same rows.

    Runs of other data or another split are compared unpaired, which tells less, and said.
    """
    from bakeoff.report.across import (
        pairs_compared,
        runs_compared,
        sentence,
        settings_compared,
        write_page,
    )
    from bakeoff.report.terminal import show_json, show_table
    from bakeoff.running.across import across
    from bakeoff.running.runs import find_run

    found = across([find_run(runs, name) for name in names], model, metric.value if metric else "")
    page = output or runs / "compare.html"
    write_page(found, page)
    if json:
        show_json({"verdict": sentence(found), **found})
        return
    for table in filter(
        lambda table: table.row_count,
        (runs_compared(found), pairs_compared(found), settings_compared(found)),
    ):
        show_table(table)
        print()
    print(sentence(found))
    print(page.resolve().as_uri())


@app.command()
def predict(
    run: Run,
    given: Annotated[
        str | None,
        typer.Argument(
            help="A text; a file with one text a line; or a CSV, TSV, JSONL or Parquet file, by "
            "path or address. Of images a file, a folder of them, or a Parquet file. Default, and "
            "-: texts or paths of images, one a line, from stdin.",
            metavar="TEXT|FILE|-",
        ),
    ] = None,
    text_column: Annotated[
        str,
        typer.Option(
            help="Column of a CSV, TSV, JSONL or Parquet file that holds the text.",
            show_default=THE_RUNS,
        ),
    ] = "",
    model: Annotated[str, typer.Option(help="Default: the winner of the run.")] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write a table here, as its ending says: .csv, .tsv, .jsonl or .parquet.",
            metavar="FILE",
        ),
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave out rows of a table that are damaged.")
    ] = False,
    json: Json = False,
    runs: Runs = Path("runs"),
) -> None:
    """Label new texts or images with the winner of a run, or with another of its models.

    Prints label, probability and text of each line, or a table with the columns label and
    probability added. Line n belongs to line n of the input; a blank one has no label. What ends
    like a file, or holds a / and no spaces, is a path; to label such a text, give it on stdin.
    """
    from bakeoff.cli.inputs import image_inputs, text_inputs
    from bakeoff.report.terminal import show_json
    from bakeoff.running.options import refuse_of_others
    from bakeoff.running.predict import predict as label
    from bakeoff.running.runs import find_run

    if output and json:
        raise UserError("--json prints and --output writes a file; leave out one of them")
    bakeoff = find_run(runs, run)
    dataset = bakeoff.results["dataset"]
    modality = dataset["modality"]
    refuse_of_others(modality, {"text_column": text_column, "skip_bad_rows": skip_bad_rows})
    if modality == "text":
        inputs = text_inputs(given, text_column or dataset["columns"]["input"], skip_bad_rows)
    else:
        inputs = image_inputs(given, dataset)
    if output:
        inputs.check(output)
    rows = label(bakeoff, inputs.content, model)
    if json:
        show_json(rows)
    elif output:
        inputs.write(rows, output)
    elif inputs.table is not None:
        sys.stdout.write(inputs.labelled(rows).to_csv(index=False))
    else:
        for row in rows:
            probability = "" if row["probability"] is None else f"{row['probability']:.4f}"
            print(f"{row['label'] or ''}\t{probability}\t{row[modality]}")


@app.command()
def evaluate(
    run: Run,
    data: Data,
    text_column: TextColumn = "",
    image_column: ImageColumn = "",
    label_column: LabelColumn = "",
    class_level: ClassLevel = 0,
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
    from bakeoff.running.activity import Activity
    from bakeoff.running.options import refuse_of_others
    from bakeoff.running.runs import find_run
    from bakeoff.running.transfer import transfer

    found = find_run(runs, run)
    images = found.results["dataset"]["modality"] == "image"
    refuse_of_others(
        "image" if images else "text",
        {
            **{"text_column": text_column, "image_column": image_column},
            **{"skip_bad_rows": skip_bad_rows, "skip_bad_images": skip_bad_images},
        },
    )
    with Activity() as activity:
        entry = transfer(
            found,
            data,
            models=names(models),
            limit=limit,
            input_column=image_column if images else text_column,
            label_column=label_column,
            class_level=class_level,
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
