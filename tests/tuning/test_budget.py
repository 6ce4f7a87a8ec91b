import pytest

from bakeoff.dotted import settings_of
from bakeoff.errors import UserError
from bakeoff.plans import plan
from bakeoff.text.spaces import space_of as text_space
from bakeoff.tuning.budget import Budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("4", Budget(trials=4)),
        (" 30m ", Budget(seconds=1800)),
        ("0.5h", Budget(seconds=1800)),
        ("90s", Budget(seconds=90)),
        ("90 s", Budget(seconds=90)),
    ],
)
def test_a_budget_is_a_number_of_trials_or_a_time(text, budget):
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1", "give 2 or more"),
        ("0", "give 2 or more"),
        ("0m", "in no time nothing is tried"),
        ("-3", "give a number of trials"),
        ("2.5", "give a number of trials"),
        ("ten", "give a number of trials"),
        ("1d", "give a number of trials"),
        ("", "give a number of trials"),
        ("m", "give a number of trials"),
    ],
)
def test_anything_else_is_one_line(text, line):
    with pytest.raises(UserError, match=line) as raised:
        Budget.parse(text)
    assert "\n" not in str(raised.value)


def test_a_plan_refuses_a_search_of_nothing():
    changes = ["strength=1", "ngrams=1", "min_count=2"]
    with pytest.raises(UserError, match=r"^--tune: nb-counts: nothing is left to search"):
        plan("sentiment", "quick", models=["nb-counts"], tune="4", changes=changes)
    with pytest.raises(UserError, match=r"^--tune 4x: "):
        plan("sentiment", "quick", models=["rnn-64"], tune="4x")
    paths = ("training.learning_rate", "training.batch_size", "training.label_smoothing")
    paths += ("dropout", "word_dropout", "embedding_dim")
    changes = [f"rnn-64.{path}={value}" for path, value in zip(paths, "111111", strict=True)]
    with pytest.raises(UserError, match=r"^--tune: rnn-64: nothing is left to search"):
        plan("sentiment", "quick", models=["rnn-64"], tune="4", changes=changes)


def test_a_search_of_what_holds_its_usual_value_is_another_one_and_refused_where_nothing_is_left():
    def identity(*changes, tune="4"):
        made = plan("sentiment", "quick", models=["rnn-64"], tune=tune, changes=changes)
        return made.identity["settings"]

    assert identity("dropout=0.3") == identity("rnn-64.dropout=0.3") != identity()
    assert identity("dropout=0.3", tune="") == identity(tune="")
    config = plan("sentiment", "quick", models=["rnn-64"]).models["rnn-64"]
    usual = settings_of(config)
    changes = [f"{path}={usual[path]}" for path in text_space(config)]
    with pytest.raises(UserError, match=r"^--tune: rnn-64: nothing is left to search"):
        plan("sentiment", "quick", models=["rnn-64"], tune="4", changes=changes)


def test_a_time_is_shared_by_the_models_whatever_part_trains_them_and_the_mixture_has_none():
    names = ["nb-counts", "rnn-64", "rnn-256", "lstm-1", "bilstm", "ensemble"]
    made = plan("sentiment", "quick", models=names, tune="1h")
    assert made.waiting == ["lstm-1", "bilstm"]
    assert made.searches == {
        "classical": "720s",
        "networks": "1440s",
        "networks_of_chosen_width": "1440s",
    }
    trials = plan("sentiment", "quick", models=names, tune="7").searches
    assert trials == dict.fromkeys(made.searches, "7")
    assert plan("sentiment", "quick", models=names).searches == {}


@pytest.mark.parametrize(("tune", "seconds"), [("1000h", 1_200_000), ("1s", 1 / 3)])
def test_the_share_of_a_time_is_a_time_again_however_long(tune, seconds):
    made = plan("sentiment", "quick", models=["rnn-64", "rnn-256", "lstm-1"], tune=tune)
    share = made.searches["networks_of_chosen_width"]
    assert Budget.parse(share).seconds == pytest.approx(seconds)
