"""A dataset → trained text networks."""

from kfp import dsl

from bakeoff.cluster.passed_on import EVERYTHING
from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False, task_config_passthroughs=EVERYTHING)
def train_text_network(
    dataset: dsl.Input[dsl.Dataset],
    network_models: dsl.Output[dsl.Model],
    model: str,
    seed: int,
    study: str,
    preset: str = "full",
    settings: str = "",
    threads: int = 2,
    task: dsl.TaskConfig = None,
    workers: int = 1,
    fingerprint: str = "",
) -> None:
    """Train one network over word indices.

    Args:
        dataset: Train and validation split from `prepare`.
        network_models: A folder a network.
        model: Its name; `bakeoff models` lists them.
        seed: Fixes weights, order of batches and dropout.
        study: The study that it belongs to: "text" or "sentiment".
        preset: How long it trains: "quick", "full" or "paper".
        settings: What is changed of it, "training.epochs=8, hidden=64".
        threads: CPU threads; results repeat bit for bit on the same number.
        task: What was said of the task; the pods of a RayJob get it.
        workers: Processes that share the batches; results differ by their number.
        fingerprint: Hash of its configuration and of files that it names.
    """
    from pathlib import Path

    from bakeoff.lineup import configurations
    from bakeoff.step import step
    from bakeoff.text.networks.training import train_text_network
    from bakeoff.training.step import train_networks

    with step("train", model, seed):
        train_networks(
            Path(dataset.path),
            Path(network_models.path),
            configs=configurations(study, preset, model, settings),
            seed=seed,
            threads=threads,
            train=train_text_network,
            files=fingerprint,
            workers=workers,
            task=task,
        )
