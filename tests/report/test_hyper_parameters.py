"""What a page says of a configuration: the settings that do something."""

import pytest

from bakeoff.report.hyper_parameters import hyper_parameters
from bakeoff.studies import STUDIES
from bakeoff.training.settings import to_dict


def shown(study: str, model: str) -> dict:
    return hyper_parameters(to_dict(STUDIES[study].models[model]))


@pytest.mark.parametrize(
    ("study", "model", "said", "unsaid"),
    [
        ("sentiment", "nb-counts", {"strength": 0.5}, {"interpolation"}),
        ("sentiment", "nbsvm", {"interpolation": 0.25}, {"freeze_vectors"}),
        ("sentiment", "cnn", {"vectors": "learned", "dense": "none"}, {"layers", "bidirectional"}),
        ("sentiment", "lstm-2", {"layers": 2, "bidirectional": False}, {"freeze_vectors"}),
        ("sentiment", "bilstm-glove", {"freeze_vectors": False, "dense": 32}, set()),
        ("resnet", "resnet18", {"weights": "from scratch"}, {"margin", "center_weight"}),
        ("resnet", "resnet18-triplet", {"margin": "soft", "temperature": 2.0}, {"center_rate"}),
        ("resnet", "resnet18-triplet@report", {"margin": 0.2}, {"hidden_dropout"}),
        ("resnet", "resnet18-center", {"center_weight": 0.01}, {"margin", "images_per_class"}),
        ("autoencoder", "ae-conv-scratch", {"dropout": 0.5}, {"weights", "pretraining"}),
        ("autoencoder", "ae-linear-tuned", {"pretraining.pictures.size": 96}, {"pictures.growth"}),
    ],
)
def test_settings_that_do_nothing_are_left_out(
    study: str, model: str, said: dict, unsaid: set[str]
) -> None:
    settings = shown(study, model)
    assert said.items() <= settings.items()
    assert not unsaid & settings.keys()


def test_no_setting_of_any_model_is_empty() -> None:
    for study, known in STUDIES.items():
        for model in known.models:
            assert not {"", None} & {v for v in shown(study, model).values() if v.__hash__}
