"""A dataset and the items of a part → trials of other settings, and the items with the best."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tune(
    dataset: dsl.Input[dsl.Dataset],
    trials: dsl.Output[dsl.Artifact],
    items: list,
    budget: str,
    study: str,
    preset: str = "full",
    threads: int = 2,
    metric: str = "accuracy",
) -> list:
    """Search the settings of models on validation, and write the best into the coming items.

    Args:
        dataset: Train and validation split from `prepare`.
        trials: Every trial of every model: its settings, epochs and validation score.
        items: Of the coming trainings: model, seed, settings. What these name is not searched.
        budget: Trials of each model, as 20, or the time for all of them, as 30m.
        study: The study that the models belong to.
        preset: How long networks train: "quick", "full" or "paper".
        threads: CPU threads of a trial; as many run at a time as there are CPUs for.
        metric: What trials are judged by.

    Returns:
        The same items with the best settings in their settings.
    """
    from pathlib import Path

    from bakeoff.artifacts import read_manifest
    from bakeoff.lineup import configurations
    from bakeoff.step import step
    from bakeoff.tuning.step import tune

    with step("tune"):
        if read_manifest(dataset.path, "dataset")["facts"]["modality"] == "text":
            from bakeoff.text.tuning import KIND
        else:
            from bakeoff.vision.tuning import KIND
        return tune(
            Path(dataset.path),
            Path(trials.path),
            items,
            configs=[
                configurations(study, preset, item["model"], item["settings"]) for item in items
            ],
            budget=budget,
            threads=threads,
            metric=metric,
            kind=KIND,
        )
