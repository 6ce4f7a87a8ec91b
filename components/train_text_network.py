"""A dataset → one trained text network."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_text_network(
    dataset: dsl.Input[dsl.Dataset],
    models: dsl.Output[dsl.Model],
    model: str,
    seed: int,
    config: str,
    threads: int,
    vectors_hash: str = "",
    code_hash: str = "",
):
    """Train one network over word indices.

    Args:
        dataset: Train and validation split from `prepare`.
        models: A folder with the one model.
        model: Its name.
        seed: Fixes weights, order of batches and dropout.
        config: JSON object with every hyper-parameter.
        threads: CPU threads; results repeat bit for bit on the same number.
        vectors_hash: Hash of the word vectors, where they are a file.
        code_hash: Hash of the code that runs, so that cached outputs are never stale.
    """
    import json
    from pathlib import Path

    from bakeoff.step import step
    from bakeoff.text.training import train_text_network

    with step("train", model, seed):
        train_text_network(
            Path(dataset.path),
            Path(models.path),
            name=model,
            config=json.loads(config),
            seed=seed,
            threads=threads,
            code=code_hash,
            vectors=vectors_hash,
        )
