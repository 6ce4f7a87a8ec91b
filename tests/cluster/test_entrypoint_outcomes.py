"""What an entrypoint says of how its training ended, by which the step decides."""

import pytest
from ray.exceptions import RayActorError

from bakeoff.cluster.entrypoint import _trained
from bakeoff.errors import PassingError, UserError
from bakeoff.patience import StoreAwayError

JOB = dict.fromkeys(("dataset", "models", "configs", "seed", "threads", "files", "workers"), "")


@pytest.mark.parametrize(
    ("error", "outcome", "message"),
    [
        (StoreAwayError("s3://b does not answer"), "passing", "s3://b does not answer"),
        (PassingError("workers died"), "passing", "workers died"),
        (ConnectionResetError("by peer"), "passing", "ConnectionResetError: by peer"),
        (RayActorError(), "passing", "RayActorError: "),
        (UserError("too few rows"), "refused", "too few rows"),
        (ZeroDivisionError("x"), "crashed", "ZeroDivisionError: x"),
    ],
)
def test_what_may_pass_is_not_what_a_person_puts_right(monkeypatch, error, outcome, message):
    def train_networks(*_, **__):
        raise error

    monkeypatch.setattr("bakeoff.training.step.train_networks", train_networks)
    ended, said = _trained({**JOB, "train": "os:getpid"})
    assert ended == outcome
    assert said.startswith(message)
