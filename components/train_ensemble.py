"""Trained models → their ensembles, one a seed."""

from typing import List, Optional

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_ensemble(
    ensemble_models: dsl.Output[dsl.Model],
    model: str,
    seed: int,
    study: str,
    seeds: int = 1,
    preset: str = "full",
    settings: str = "",
    fingerprint: str = "",
    classical: dsl.Input[dsl.Model] = None,
    networks: Optional[dsl.Input[List[dsl.Model]]] = None,
    networks_of_chosen_width: Optional[dsl.Input[List[dsl.Model]]] = None,
) -> None:
    """Mix models by weights fitted on validation.

    Args:
        ensemble_models: One folder an ensemble, with its members inside.
        model: Name of the ensemble.
        seed: First training seed.
        study: The study that it belongs to.
        seeds: Number of training seeds.
        preset: A preset of the study.
        settings: What is changed of it, "least_weight=0.05".
        fingerprint: Hash of its configuration.
        classical: The classical models.
        networks: The networks.
        networks_of_chosen_width: The networks whose width was chosen.
    """
    from pathlib import Path

    from bakeoff.ensemble import train_ensemble
    from bakeoff.lineup import configurations
    from bakeoff.step import step

    loops = [*(networks or []), *(networks_of_chosen_width or [])]
    with step("train", model):
        train_ensemble(
            [Path(artifact.path) for artifact in [classical, *loops] if artifact],
            Path(ensemble_models.path),
            name=model,
            config=configurations(study, preset, model, settings)[model],
            seeds=range(seed, seed + seeds),
        )
