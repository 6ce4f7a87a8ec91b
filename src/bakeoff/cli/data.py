"""Commands that look at data and prepare it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.app import data_app
from bakeoff.cli.options import Data, LabelColumn, Seed, SkipBadRows, Split, TextColumn


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
