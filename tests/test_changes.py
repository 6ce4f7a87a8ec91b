import pytest

from bakeoff.changes import difference, joined, listed, merged
from bakeoff.configured import named, with_settings
from bakeoff.errors import UserError
from bakeoff.studies import STUDIES


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["training.epochs=8"],
        ["preprocessing=report,-drop-stop-words,+stem-porter", "hidden=64"],
        ["width_role=", "hidden=64", "precision="],
        ["resnet18-center@0.1.center_weight=0.2", "*.training.epochs=1e-05"],
        ["vectors=/a b/c,d.txt", "freeze_vectors=true"],
    ],
)
def test_changes_are_read_as_they_were_written(changes):
    assert listed(joined(changes)) == changes


def test_a_person_may_write_them_with_more_or_less_space():
    assert listed(" a.b=1,c=2 ,\n d=3 ") == ["a.b=1", "c=2", "d=3"]
    assert listed("") == listed("  ") == []


def test_a_value_that_would_be_read_as_two_is_refused():
    with pytest.raises(UserError, match=r"^weights=/a, b=c cannot be passed on"):
        joined(["hidden=9", "weights=/a, b=c"])


def test_a_later_value_takes_the_place_of_an_earlier_one():
    assert merged("hidden=9, layers=2", {"hidden": 64}) == "layers=2, hidden=64"
    assert merged("", {"hidden": 64}) == "hidden=64"


def changed(names, *changes, study="sentiment"):
    models = STUDIES[study].models
    old = {name: models[name] for name in names}
    return old, with_settings(old, changes, models)


@pytest.mark.parametrize(
    ("names", "changes", "text"),
    [
        (["rnn-64"], [], ""),
        (["rnn-64"], ["rnn-64.hidden=9"], "hidden=9"),
        # Of the BiLSTM three epochs are usual.
        (
            ["rnn-64", "bilstm"],
            ["training.epochs=3"],
            "training.epochs=3, training.least_steps=0",
        ),
        (
            ["rnn-64", "bilstm"],
            ["rnn-64.training.epochs=9"],
            "rnn-64.training.epochs=9, rnn-64.training.least_steps=0",
        ),
        (
            ["rnn-64", "bilstm"],
            ["rnn-64.training.epochs=9", "rnn-64.training.least_steps=500"],
            "rnn-64.training.epochs=9, rnn-64.training.least_steps=500",
        ),
        # What is named is told, whatever it was; and of no other model.
        (["rnn-64", "bilstm"], ["bilstm.dropout=0.3"], "bilstm.dropout=0.3"),
        (["rnn-64", "bilstm"], ["*.dropout=0.3"], "dropout=0.3"),
        (["rnn-64", "transformer"], ["transformer.dropout=0.3"], "transformer.dropout=0.3"),
        (["nb-counts", "rnn-64"], ["hidden=9"], "hidden=9"),
        (["cnn"], ["training.learning_rate=0.1", "dropout=1e-05"], None),
    ],
)
def test_a_difference_makes_the_same_again_and_says_once_what_all_share(names, changes, text):
    old, new = changed(names, *changes)
    said = difference(old, new, named(new, changes, STUDIES["sentiment"].models))
    assert text is None or said == text
    assert with_settings(old, listed(said), STUDIES["sentiment"].models) == new


@pytest.mark.parametrize(
    "changes",
    [
        ["pretraining.training.epochs=2"],
        ["ae-conv-tuned.pretraining=none"],
        ["ae-conv-tuned.pretraining=none", "pictures.flip=false", "precision=bf16"],
    ],
)
def test_autoencoders_that_networks_start_from_are_a_part_of_it(changes):
    names = ["ae-conv-frozen", "ae-conv-tuned", "ae-conv-scratch"]
    old, new = changed(names, *changes, study="autoencoder")
    models = STUDIES["autoencoder"].models
    assert with_settings(old, listed(difference(old, new)), models) == new
