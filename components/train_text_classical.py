"""A dataset → the classical text models, trained on shared features."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_text_classical(
    dataset: dsl.Input[dsl.Dataset],
    classical_models: dsl.Output[dsl.Model],
    models: str,
    seed: int,
    study: str = "sentiment",
    preset: str = "full",
    settings: str = "",
    fingerprint: str = "",
) -> None:
    """Train naive Bayes, linear models and trees on word n-grams.

    Args:
        dataset: Train and validation split from `prepare`.
        classical_models: One folder a model.
        models: Their names, divided by commas; `bakeoff models` lists them.
        seed: Fixes what is random in them.
        study: The study that they belong to.
        preset: A preset of the study.
        settings: What is changed of them, "nbsvm.strength=0.1".
        fingerprint: Hash of their configurations.
    """
    from pathlib import Path

    from bakeoff.lineup import configurations
    from bakeoff.step import step
    from bakeoff.text.classical.training import train_text_classical

    with step("train", "classical"):
        train_text_classical(
            Path(dataset.path),
            Path(classical_models.path),
            configs=configurations(study, preset, models, settings),
            seed=seed,
        )
