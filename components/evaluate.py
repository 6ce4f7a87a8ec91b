"""Trained models and the test split → metrics, predictions and mistakes."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    models: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    evaluations: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Score models on the test split. The only step that sees it.

    Args:
        models: Folders of trained models.
        test: Test split from `prepare`.
        evaluations: One folder a model: metrics, probabilities, mistakes.
        metrics: Test accuracy of each model, for the KFP page.
    """
    from pathlib import Path

    from bakeoff.evaluation.evaluate import evaluate
    from bakeoff.predictors import load
    from bakeoff.step import step

    with step("evaluate"):
        for name, accuracy in evaluate(
            Path(models.path), Path(test.path), Path(evaluations.path), load=load
        ).items():
            metrics.log_metric(f"{name} accuracy", accuracy)
        Path(metrics.path).touch()
