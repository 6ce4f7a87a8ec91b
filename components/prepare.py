"""Raw labelled data → a dataset (train and validation) and a test set."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare(
    dataset: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
    data: str,
    split: str,
    seed: int,
    modality: str = "text",
    limit: int = 0,
    input_column: str = "",
    label_column: str = "label",
    split_column: str = "",
    group_column: str = "",
    time_column: str = "",
    image_size: int = 0,
    class_level: int = 0,
    skip_bad: bool = False,
    data_hash: str = "",
) -> None:
    """Clean and split labelled texts or images; copies and near copies stay on one side.

    Args:
        dataset: Train and validation split.
        test: Test split; only `evaluate` takes it.
        data: A named data set; a CSV, TSV, JSONL or Parquet by path or URL; a folder of images.
        split: Sizes or ratios, "train:validation:test".
        seed: Fixes the split.
        modality: "text" or "image".
        limit: Use at most this many rows, sampled by class; 0 uses all.
        input_column: Column that holds the text or the encoded image; "" is "text" or "image".
        label_column: Column that holds the label.
        split_column: Column that says train, validation or test; "": none.
        group_column: Column with what stays on one side of the split; "": none.
        time_column: Column by which the past trains and the future tests; "": none.
        image_size: Resize and crop images to this many pixels a side; 0 keeps their size.
        class_level: Level of a folder's folders that are the classes; 0 finds it.
        skip_bad: Leave out rows that cannot be used instead of stopping.
        data_hash: Content hash of the data, so that cached outputs are never stale.
    """
    from pathlib import Path

    from bakeoff.data.prepare import prepare
    from bakeoff.step import step

    with step("prepare"):
        prepare(
            Path(dataset.path),
            Path(test.path),
            source=data,
            modality=modality,
            split=split,
            seed=seed,
            limit=limit,
            input_column=input_column,
            label_column=label_column,
            split_column=split_column,
            group_column=group_column,
            time_column=time_column,
            image_size=image_size,
            class_level=class_level,
            skip_bad=skip_bad,
        )
