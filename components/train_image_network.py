"""A dataset → trained image networks."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_image_network(
    dataset: dsl.Input[dsl.Dataset],
    models: dsl.Output[dsl.Model],
    model: str,
    seed: int,
    configs: str,
    threads: int,
    workers: int = 1,
    files_hash: str = "",
) -> None:
    """Train one network over pictures, or several that share work.

    Args:
        dataset: Train and validation split from `prepare`.
        models: A folder a network.
        model: What to call the training while it runs.
        seed: Fixes weights, order of batches and dropout.
        configs: JSON object, name → every hyper-parameter.
        threads: CPU threads; results repeat bit for bit on the same number.
        workers: Processes that share the batches; results differ by their number.
        files_hash: Hash of the files that they name.
    """
    import json
    from pathlib import Path

    from bakeoff.step import step
    from bakeoff.training.step import train_networks
    from bakeoff.vision.training import train_image_network

    with step("train", model, seed):
        train_networks(
            Path(dataset.path),
            Path(models.path),
            configs=json.loads(configs),
            seed=seed,
            threads=threads,
            train=train_image_network,
            files=files_hash,
            workers=workers,
        )
