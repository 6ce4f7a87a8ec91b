"""A dataset → the classical text models, trained on shared features."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_text_classical(
    dataset: dsl.Input[dsl.Dataset],
    classical_models: dsl.Output[dsl.Model],
    items: list,
    seed: int,
    study: str,
    preset: str = "full",
) -> None:
    """Train naive Bayes, linear models and trees on word n-grams.

    Args:
        dataset: Train and validation split from `prepare`.
        classical_models: One folder a model.
        items: One a model: model, settings, fingerprint (a hash of its configuration).
        seed: Fixes what is random in them.
        study: The study that they belong to.
        preset: A preset of the study.
    """
    from pathlib import Path

    from bakeoff.lineup import configurations
    from bakeoff.step import step
    from bakeoff.text.classical.training import train_text_classical

    with step("train", "classical"):
        train_text_classical(
            Path(dataset.path),
            Path(classical_models.path),
            configs={
                name: config
                for item in items
                for name, config in configurations(
                    study, preset, item["model"], item["settings"]
                ).items()
            },
            seed=seed,
        )
