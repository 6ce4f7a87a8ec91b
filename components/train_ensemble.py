"""Trained models → their ensembles, one a seed."""

from typing import List, Optional

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_ensemble(
    models: dsl.Output[dsl.Model],
    model: str,
    config: str,
    seed: int,
    seeds: int,
    classical: dsl.Input[dsl.Model] = None,
    networks: Optional[dsl.Input[List[dsl.Model]]] = None,
    networks_of_chosen_width: Optional[dsl.Input[List[dsl.Model]]] = None,
) -> None:
    """Mix models by weights fitted on validation.

    Args:
        models: One folder an ensemble, with its members inside.
        model: Name of the ensemble.
        config: JSON object with every hyper-parameter.
        seed: First training seed.
        seeds: Number of training seeds.
        classical: The classical models.
        networks: The networks.
        networks_of_chosen_width: The networks whose width was chosen.
    """
    import json
    from pathlib import Path

    from bakeoff.ensemble import train_ensemble
    from bakeoff.step import step

    loops = [*(networks or []), *(networks_of_chosen_width or [])]
    with step("train", model):
        train_ensemble(
            [Path(artifact.path) for artifact in [classical, *loops] if artifact],
            Path(models.path),
            name=model,
            config=json.loads(config),
            seeds=range(seed, seed + seeds),
        )
