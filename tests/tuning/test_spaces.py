from dataclasses import replace

import pytest

from bakeoff.errors import UserError
from bakeoff.plans import plan
from bakeoff.studies import STUDIES
from bakeoff.text.configs import TextNetwork
from bakeoff.text.registry import MODELS
from bakeoff.text.spaces import space_of as text_space
from bakeoff.tuning.spaces import Choice, Integers, LogUniform, Uniform, grid, searched
from bakeoff.vision.spaces import space_of as image_space

RNN = TextNetwork(encoder="rnn")


@pytest.mark.parametrize(
    ("study", "preset"), [(s, p) for s, study in STUDIES.items() for p in study.presets]
)
def test_every_model_of_every_study_has_a_space_that_fits_it(study, preset):
    made = plan(study, preset, models=tuple(STUDIES[study].models))
    for name, config in {**made.classical, **made.networks}.items():
        declared = (text_space if made.modality == "text" else image_space)(config)
        space = searched(config, declared)
        assert list(space) == list(declared), name


def test_the_values_a_network_has_are_in_its_space_however_they_were_changed():
    odd = replace(RNN, dropout=0.9, training=replace(RNN.training, batch_size=7))
    space = searched(odd, {"dropout": Uniform(0, 0.5), "training.batch_size": Choice((32, 64))})
    assert space == {"dropout": Uniform(0, 0.9), "training.batch_size": Choice((32, 64, 7))}
    inside = {"dropout": Uniform(0, 0.5), "layers": Integers(1, 3)}
    assert searched(RNN, inside) == inside


def test_what_matters_in_classical_models_is_searched_and_what_their_names_say_is_not():
    found = {name: set(text_space(MODELS[name])) for name in ("nb-tfidf", "nbsvm", "tree-tfidf")}
    assert found == {
        "nb-tfidf": {"strength", "ngrams", "min_count"},
        "nbsvm": {"strength", "ngrams", "min_count", "interpolation"},
        "tree-tfidf": {"max_depth", "min_samples_leaf", "max_features", "ngrams"},
    }


def test_a_finite_space_is_every_combination_and_a_large_one_or_one_of_fractions_nothing():
    space = {"ngrams": Integers(1, 3), "min_count": Choice((2, 7))}
    assert grid(space, 6) == [
        {"ngrams": ngrams, "min_count": count} for ngrams in (1, 2, 3) for count in (2, 7)
    ]
    assert grid(space, 5) == []
    assert grid({**space, "strength": LogUniform(0.1, 1)}, 10**9) == []
    assert grid({"dropout": Uniform(0, 1)}, 10**9) == []


def test_what_a_person_set_is_not_searched():
    declared = {"dropout": Uniform(0, 0.5), "word_dropout": Uniform(0, 0.5)}
    assert list(searched(RNN, declared, {"dropout", "hidden"})) == ["word_dropout"]
    with pytest.raises(UserError, match=r"^nothing is left to search: dropout, word_dropout are"):
        searched(RNN, declared, declared)


@pytest.mark.parametrize(
    ("path", "dimension", "line"),
    [
        ("training.learning_rat", LogUniform(1e-4, 1), "did you mean training.learning_rate"),
        ("training", Choice((1, 2)), "training holds several settings"),
        ("dropout", Uniform(0, 1.5), "dropout=1.5: must be at least 0 and at most 1"),
        ("dropout", Uniform(0.5, 0.1), "0.5 is not below 0.1"),
        ("layers", Uniform(1, 3), "give Integers"),
        ("layers", Uniform(1, 2.5), "give Integers"),
        ("layers", Integers(0, 3), "layers=0: must be at least 1"),
        ("encoder", Choice(("rnn", "gru")), "unknown encoder 'gru'"),
        ("encoder", Choice(("rnn", "rnn")), "a choice needs two values"),
        ("training.weight_decay", LogUniform(1e-3, 1), "0 has no logarithm"),
        ("training.learning_rate", LogUniform(0.0, 1), "must be more than 0"),
    ],
)
def test_a_space_that_does_not_fit_its_configuration_is_one_line(path, dimension, line):
    with pytest.raises(UserError, match=line) as raised:
        searched(RNN, {path: dimension})
    assert "\n" not in str(raised.value)
