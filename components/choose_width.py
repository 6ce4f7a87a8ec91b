"""Trained RNNs → the width of the networks still to come."""

from typing import List

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def choose_width(models: dsl.Input[List[dsl.Model]], later: list) -> list:
    """Choose the width from the RNNs' validation results and write it into the coming items.

    Args:
        models: Trained networks, among them the RNNs.
        later: Items of the next loop: model, seed, settings.

    Returns:
        The same items with the chosen width in their settings.
    """
    from pathlib import Path

    from bakeoff.step import step
    from bakeoff.text.networks.width import items_of_chosen_width

    with step("choose width"):
        return items_of_chosen_width([Path(model.path) for model in models], later)
