"""Evaluations of all models → the leaderboard, the winner and how sure it is."""

from typing import List, Optional

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(
    dataset: dsl.Input[dsl.Dataset],
    comparison: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    classification: dsl.Output[dsl.ClassificationMetrics],
    settings: str,
    classical: dsl.Input[dsl.Artifact] = None,
    networks: Optional[dsl.Input[List[dsl.Artifact]]] = None,
    networks_of_chosen_width: Optional[dsl.Input[List[dsl.Artifact]]] = None,
    ensemble: dsl.Input[dsl.Artifact] = None,
) -> None:
    """Name the winner by validation, report test, and compare models with their uncertainty.

    Args:
        dataset: Train and validation split from `prepare`.
        comparison: results.json, everything a report shows.
        metrics: The leaderboard, for the KFP page.
        classification: The winner's confusion matrix and ROC curve, for the KFP page.
        settings: JSON object: study, preset, seed, seeds, metric, pairs to compare.
        classical: Evaluations of the classical models.
        networks: Evaluations of the networks.
        networks_of_chosen_width: Evaluations of the networks whose width was chosen.
        ensemble: Evaluations of the ensembles.
    """
    import json
    from pathlib import Path

    from bakeoff.artifacts import read_manifest
    from bakeoff.evaluation.compare import compare
    from bakeoff.report.kfp import log_results
    from bakeoff.step import step
    from bakeoff.text.comparison import text_facts
    from bakeoff.vision.comparison import image_facts

    loops = [*(networks or []), *(networks_of_chosen_width or [])]
    artifacts = [artifact for artifact in [classical, *loops, ensemble] if artifact]
    evaluations, prepared = [Path(artifact.path) for artifact in artifacts], Path(dataset.path)
    with step("compare"):
        modality = read_manifest(prepared, "dataset")["facts"]["modality"]
        results = compare(
            evaluations,
            Path(comparison.path),
            dataset=prepared,
            facts=text_facts(evaluations, prepared)
            if modality == "text"
            else image_facts(evaluations, prepared),
            **json.loads(settings),
        )
        log_results(results, metrics, classification)
