"""Trained models and the test split → metrics, predictions and mistakes."""

from typing import List, Optional

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    test: dsl.Input[dsl.Dataset],
    evaluations: dsl.Output[dsl.Artifact],
    accuracies: dsl.Output[dsl.Metrics],
    classical: dsl.Input[dsl.Model] = None,
    networks: Optional[dsl.Input[List[dsl.Model]]] = None,
    networks_of_chosen_width: Optional[dsl.Input[List[dsl.Model]]] = None,
    ensemble: dsl.Input[dsl.Model] = None,
) -> None:
    """Score models on the test split. The only step that sees it.

    Args:
        test: Test split from `prepare`.
        evaluations: One folder a model: metrics, probabilities, mistakes.
        accuracies: Test accuracy of each training, for the KFP page.
        classical: The classical models.
        networks: The networks.
        networks_of_chosen_width: The networks whose width was chosen.
        ensemble: The ensembles.
    """
    from pathlib import Path

    from bakeoff.evaluation.evaluate import evaluate
    from bakeoff.predictors import load
    from bakeoff.step import step

    loops = [*(networks or []), *(networks_of_chosen_width or [])]
    models = [Path(artifact.path) for artifact in [classical, *loops, ensemble] if artifact]
    with step("evaluate"):
        scored = evaluate(models, Path(test.path), Path(evaluations.path), load=load)
        for name, accuracy in scored.items():
            accuracies.log_metric(f"{name} accuracy", accuracy)
        # An output counts as cached only if its file exists.
        Path(accuracies.path).touch()
