"""Commands that look at data and prepare it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.app import data_app
from bakeoff.cli.options import (
    ClassLevel,
    Data,
    GroupColumn,
    ImageSize,
    Json,
    OwnImageColumn,
    OwnLabelColumn,
    OwnTextColumn,
    Seed,
    SkipBadImages,
    SkipBadRows,
    Split,
    SplitColumn,
    TimeColumn,
)


@data_app.command("list")
def list_data() -> None:
    """List the data sets that need no path."""
    from bakeoff.data.sources import NAMED_SETS
    from bakeoff.report.terminal import names_table, show_table

    show_table(names_table("data set", {name: known.about for name, known in NAMED_SETS.items()}))


@data_app.command("look")
def look_at_data(
    data: Annotated[
        str,
        typer.Argument(
            help="A named data set, a file by path or address, or a folder of files by class.",
            metavar="NAME|PATH",
        ),
    ],
    text_column: OwnTextColumn = "",
    image_column: OwnImageColumn = "",
    label_column: OwnLabelColumn = "",
    split_column: SplitColumn = "",
    group_column: GroupColumn = "",
    time_column: TimeColumn = "",
    image_size: ImageSize = 0,
    class_level: ClassLevel = 0,
    split: Split = "0.7:0.1:0.2",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Look at data before anything trains: classes, lengths, languages, copies, what is refused."""
    from bakeoff.report.looked import looked_lines, looked_tables
    from bakeoff.report.terminal import show_json, show_table
    from bakeoff.running.activity import Activity
    from bakeoff.running.look import look

    with Activity():
        facts = look(
            data,
            text_column=text_column,
            image_column=image_column,
            label_column=label_column,
            split_column=split_column,
            group_column=group_column,
            time_column=time_column,
            image_size=image_size,
            class_level=class_level,
            split=split,
            seed=seed,
        ).facts
    if json:
        show_json(facts)
        return
    if facts["said"]:
        print(f"{facts['said']}\n")
    for table in looked_tables(facts):
        show_table(table)
        print()
    for line in looked_lines(facts):
        print(line)


@data_app.command("prepare")
def prepare_data(
    output: Annotated[Path, typer.Option(help="Folder for dataset/ and test/.", metavar="FOLDER")],
    data: Data = "imdb-25k",
    text_column: OwnTextColumn = "",
    image_column: OwnImageColumn = "",
    label_column: OwnLabelColumn = "",
    split_column: SplitColumn = "",
    group_column: GroupColumn = "",
    time_column: TimeColumn = "",
    image_size: ImageSize = 0,
    class_level: ClassLevel = 0,
    split: Split = "0.7:0.1:0.2",
    limit: Annotated[int, typer.Option(help="Rows used at most; 0: all.", min=0)] = 0,
    skip_bad_rows: SkipBadRows = False,
    skip_bad_images: SkipBadImages = False,
    seed: Seed = 0,
) -> None:
    """Clean and split labelled texts or images, as a bake-off's first step does.

    Copies and near copies stay on one side. Folders class/name.jpg are images, with or without
    train/, val/ and test/ above. Where data comes with a test split of its own, it is the test
    split (val/ counts as test where there is no test/), and the first two numbers of --split
    divide the rest.
    """
    from bakeoff.artifacts import read_manifest
    from bakeoff.data.columns import Columns
    from bakeoff.data.prepare import prepare
    from bakeoff.data.recognise import recognise
    from bakeoff.data.sources import refuse_output_inside
    from bakeoff.report.terminal import dataset_table, remarks, show_table
    from bakeoff.running.activity import Activity
    from bakeoff.running.options import refuse_of_others

    dataset = output / "dataset"
    refuse_output_inside(data, output)
    input_column = image_column or text_column
    columns = Columns(input_column, label_column, split_column, group_column, time_column)
    modality = "image" if image_column else ""
    # Pictures of several sizes are refused here without --image-size.
    reading = recognise(data, modality, columns, class_level, sized=True)
    refuse_of_others(
        reading.modality,
        {
            **{"text_column": text_column, "image_column": image_column},
            "image_size": image_size,
            **{"skip_bad_rows": skip_bad_rows, "skip_bad_images": skip_bad_images},
        },
    )
    if reading.said:
        print(reading.said)
    with Activity():
        prepare(
            dataset,
            output / "test",
            source=data,
            modality=reading.modality,
            split=split,
            seed=seed,
            limit=limit,
            input_column=reading.input_column or input_column,
            label_column=reading.label_column or label_column or "label",
            split_column=split_column,
            group_column=group_column,
            time_column=time_column,
            image_size=image_size,
            class_level=class_level,
            skip_bad=skip_bad_rows or skip_bad_images,
        )
    facts = read_manifest(dataset)["facts"]
    show_table(dataset_table(facts))
    for line in remarks(facts):
        print(line)
    print(output)
