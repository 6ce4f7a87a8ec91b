"""A dataset → the same dataset with its likely label errors listed or left out."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def audit(
    dataset: dsl.Input[dsl.Dataset],
    audited: dsl.Output[dsl.Dataset],
    seed: int,
    drop: bool = False,
) -> None:
    """Find training rows whose label is likely wrong.

    Args:
        dataset: Train and validation split from `prepare`.
        audited: The same, with the suspects listed in its manifest.
        seed: Fixes the folds of the out-of-fold probabilities.
        drop: Leave the suspects out of the training split.
    """
    from pathlib import Path

    from bakeoff.step import step
    from bakeoff.text.label_noise import audit

    with step("audit"):
        audit(Path(dataset.path), Path(audited.path), drop=drop, seed=seed)
