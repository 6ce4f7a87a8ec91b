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
    limit: int = 0,
    text_column: str = "text",
    label_column: str = "label",
    skip_bad_rows: bool = False,
    data_hash: str = "",
    code_hash: str = "",
):
    """Clean and split labelled texts; copies of a text stay on one side of the split.

    Args:
        dataset: Train and validation split.
        test: Test split; only `evaluate` takes it.
        data: A named data set, or a CSV, TSV, JSONL or Parquet by path or URL.
        split: Sizes or ratios, "train:validation:test".
        seed: Fixes the split.
        limit: Use at most this many rows, sampled by class; 0 uses all.
        text_column: Column that holds the text.
        label_column: Column that holds the label.
        skip_bad_rows: Leave out rows without text or label instead of stopping.
        data_hash: Content hash of the data, so that cached outputs are never stale.
        code_hash: Hash of the code that runs, for the same reason.
    """
    from pathlib import Path

    from bakeoff.data.prepare import prepare
    from bakeoff.step import step

    with step("prepare"):
        prepare(
            Path(dataset.path),
            Path(test.path),
            source=data,
            split=split,
            seed=seed,
            limit=limit,
            text_column=text_column,
            label_column=label_column,
            skip_bad_rows=skip_bad_rows,
        )
