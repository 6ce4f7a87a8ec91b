import pytest

from bakeoff.cluster.settings import VARIABLE, RayJobSettings
from bakeoff.errors import UserError


def test_what_is_not_said_is_the_default(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert RayJobSettings.of_task() == RayJobSettings()
    monkeypatch.setenv(VARIABLE, '{"queue": "team", "attempts": 1}')
    assert RayJobSettings.of_task() == RayJobSettings(queue="team", attempts=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "is no JSON object"),
        ("[]", "is no JSON object"),
        ('{"queu": "team"}', "did you mean 'queue'"),
        ('{"attempts": 0}', "attempts is 0"),
        ('{"attempts": "3"}', "attempts is '3'; give a whole number"),
        ('{"queue": 3}', "queue is 3; give a text"),
    ],
)
def test_what_is_wrong_is_named(monkeypatch, given, said):
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(UserError, match=said):
        RayJobSettings.of_task()
