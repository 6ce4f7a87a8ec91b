"""Evaluations of all models → the leaderboard, the winner and how sure it is."""

from typing import List

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(
    dataset: dsl.Input[dsl.Dataset],
    evaluations: dsl.Input[dsl.Artifact],
    comparison: dsl.Output[dsl.Artifact],
    leaderboard: dsl.Output[dsl.Metrics],
    winner_on_test: dsl.Output[dsl.ClassificationMetrics],
    study: str,
    pairs: List[List[str]] = [],  # noqa: B006 (KFP writes it down as it is)
    preset: str = "full",
    metric: str = "accuracy",
    seed: int = 0,
    seeds: int = 1,
    trials: dsl.Input[dsl.Artifact] = None,
    trials_of_chosen_width: dsl.Input[dsl.Artifact] = None,
    trials_of_classical: dsl.Input[dsl.Artifact] = None,
) -> None:
    """Name the winner by validation, report test, and compare models with their uncertainty.

    Args:
        dataset: Train and validation split from `prepare`.
        evaluations: Evaluations of all models.
        comparison: results.json, everything a report shows.
        leaderboard: Every model's score and the verdict, for the KFP page.
        winner_on_test: The winner's confusion matrix and ROC curve, for the KFP page.
        study: "text", "images", "sentiment", "autoencoder" or "resnet".
        pairs: Models whose difference is tested, first against second.
        preset: What the models were trained by.
        metric: What validation chooses by, and differences are tested in.
        seed: First training seed.
        seeds: Number of training seeds.
        trials: Trials of the networks' settings, where they were searched.
        trials_of_chosen_width: Those of the networks whose width was chosen.
        trials_of_classical: Those of the classical models.
    """
    from pathlib import Path

    from bakeoff.artifacts import read_manifest
    from bakeoff.evaluation.compare import compare
    from bakeoff.report.kfp import log_results
    from bakeoff.step import step
    from bakeoff.text.comparison import text_facts
    from bakeoff.tuning.results import searches
    from bakeoff.vision.comparison import image_facts

    found, prepared = [Path(evaluations.path)], Path(dataset.path)
    tried = (trials_of_classical, trials, trials_of_chosen_width)
    searched = [Path(artifact.path) for artifact in tried if artifact]
    with step("compare"):
        modality = read_manifest(prepared, "dataset")["facts"]["modality"]
        facts = text_facts if modality == "text" else image_facts
        results = compare(
            found,
            Path(comparison.path),
            dataset=prepared,
            trials=searched,
            facts={**facts(found, prepared), "searches": searches(searched)},
            study=study,
            preset=preset,
            seed=seed,
            seeds=seeds,
            metric=metric,
            pairs=pairs,
        )
        log_results(results, leaderboard, winner_on_test)
