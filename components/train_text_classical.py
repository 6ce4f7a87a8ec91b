"""A dataset → the classical text models, trained on shared features."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_text_classical(
    dataset: dsl.Input[dsl.Dataset],
    models: dsl.Output[dsl.Model],
    configs: str,
    seed: int,
) -> None:
    """Train naive Bayes, linear models and trees on word n-grams.

    Args:
        dataset: Train and validation split from `prepare`.
        models: One folder a model.
        configs: JSON object, name → configuration.
        seed: Fixes what is random in them.
    """
    import json
    from pathlib import Path

    from bakeoff.step import step
    from bakeoff.text.classical.training import train_text_classical

    with step("train", "classical"):
        train_text_classical(
            Path(dataset.path), Path(models.path), configs=json.loads(configs), seed=seed
        )
