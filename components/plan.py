"""Scalars a person sets → what each part of the graph trains in this run."""

from typing import Dict, List, NamedTuple

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def plan(
    study: str,
    graph: Dict[str, str],
    models: str,
    data: str,
    preset: str = "full",
    settings: str = "",
    metric: str = "accuracy",
    seed: int = 0,
    seeds: int = 1,
    split: str = "0.7:0.1:0.2",
    limit: int = 0,
    input_column: str = "",
    label_column: str = "label",
    split_column: str = "",
    group_column: str = "",
    time_column: str = "",
    image_size: int = 0,
    class_level: int = 0,
    versions: Dict[str, str] = {},  # noqa: B006 (KFP writes it down as it is)
) -> NamedTuple(  # type: ignore[valid-type]
    "Planned",
    [
        ("Output", List[Dict]),
        ("classical", List[Dict]),
        ("networks_of_chosen_width", List[Dict]),
        ("ensemble_settings", str),
        ("ensemble_fingerprint", str),
        ("pairs", List[List[str]]),
        ("data_hash", str),
    ],
):
    """Check what a run asks for, and say what each of its trainings is given.

    Args:
        study: "text", "images", "sentiment", "autoencoder" or "resnet".
        graph: The models that each part of the pipeline may train.
        models: Which of them take part, divided by commas.
        data: What is prepared; what stands behind it now is looked up.
        preset: How long networks train: "quick", "full" or "paper".
        settings: Changed settings of models, "rnn-64.training.epochs=8, hidden=64".
        metric: What validation chooses by.
        seed: First training seed.
        seeds: Number of training seeds.
        split: Sizes or shares, "train:validation:test".
        limit: Rows used at most; 0 uses all.
        input_column: Column that holds the text or the encoded image; "" is "text" or "image".
        label_column: Column that holds the label.
        split_column: Column that says train, validation or test; "": none.
        group_column: Column with what stays on one side of the split; "": none.
        time_column: Column by which the past trains and the future tests; "": none.
        image_size: Pixels a side that images are brought to; 0 keeps their size.
        class_level: Level of a folder's folders that are the classes; 0 finds it.
        versions: Hashes of data and files, where they are known.

    Returns:
        Output: Items of the loop over networks: model, seed, settings, fingerprint.
        classical: Items of the classical models, which train in one task.
        networks_of_chosen_width: Items of the loop over networks whose width is chosen.
        ensemble_settings: What is changed of the ensemble.
        ensemble_fingerprint: Hash of its configuration.
        pairs: Models whose difference the report tests, first against second.
        data_hash: Hash of the data, or of what its store says of it.
    """
    from bakeoff.parts import run_of
    from bakeoff.step import step

    with step("plan"):
        run = run_of(
            study,
            graph=graph,
            models=models,
            settings=settings,
            versions=versions,
            data=data,
            preset=preset,
            metric=metric,
            seed=seed,
            seeds=seeds,
            split=split,
            limit=limit,
            input_column=input_column,
            label_column=label_column,
            split_column=split_column,
            group_column=group_column,
            time_column=time_column,
            image_size=image_size,
            class_level=class_level,
        )
    return tuple(run)
