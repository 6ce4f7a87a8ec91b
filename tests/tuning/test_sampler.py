import optuna
import pytest

from bakeoff.tuning.sampler import STARTUP_TRIALS, SeededByTrial
from bakeoff.tuning.spaces import Choice, Integers, LogUniform, Uniform

SPACE = {
    "rate": LogUniform(1e-4, 1e-1).distribution(),
    "dropout": Uniform(0.0, 0.5).distribution(),
    "layers": Integers(1, 4).distribution(),
    "width": Choice((32, 64, 128)).distribution(),
}


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def score(settings):
    return -settings["dropout"] - 0.1 * settings["layers"]


def searched(seed, trials, before=()):
    """What is suggested, after what was suggested before an interruption."""
    study = optuna.create_study(direction="maximize", sampler=SeededByTrial(seed))
    for settings in before:
        study.enqueue_trial(settings)
    suggested = []
    for _ in range(trials):
        trial = study.ask(SPACE)
        suggested.append(trial.params)
        study.tell(trial, score(trial.params))
    return suggested


def test_a_seed_fixes_what_is_suggested():
    assert searched(5, 10) == searched(5, 10) != searched(6, 10)


@pytest.mark.parametrize("known", [1, STARTUP_TRIALS - 1, STARTUP_TRIALS + 3])
def test_after_an_interruption_it_suggests_what_it_would_have(known):
    whole = searched(5, 12)
    assert searched(5, 12, before=whole[:known]) == whole


def test_settings_are_drawn_apart_from_each_other_and_no_trial_is_like_another():
    drawn = searched(0, STARTUP_TRIALS)
    for path in ("rate", "dropout"):
        assert len({settings[path] for settings in drawn}) == STARTUP_TRIALS
    shares = [(s["dropout"] / 0.5, (s["layers"] - 1) / 3) for s in drawn]
    assert any(abs(dropout - layers) > 0.3 for dropout, layers in shares)


def test_it_learns_where_to_look():
    drawn = searched(1, 40)
    late = [settings["dropout"] for settings in drawn[-10:]]
    assert sum(late) / len(late) < 0.12
