import subprocess
import sys

import pytest

from bakeoff.cluster.settings import VARIABLE, RayJobSettings
from bakeoff.errors import UserError


def test_what_is_not_said_is_the_default(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert RayJobSettings.of_task() == RayJobSettings()
    monkeypatch.setenv(VARIABLE, '{"queue": "team", "attempts": 1}')
    assert RayJobSettings.of_task() == RayJobSettings(queue="team", attempts=1)


def test_what_a_compilation_says_a_task_reads(monkeypatch):
    said = RayJobSettings.of_pairs(["queue=a=b", "attempts=1", "active_hours=24"])
    assert said == RayJobSettings(queue="a=b", attempts=1)
    assert said.changed() == '{"attempts": 1, "queue": "a=b"}'
    monkeypatch.setenv(VARIABLE, said.changed())
    assert RayJobSettings.of_task() == said


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("queue", "give NAME=VALUE"),
        ("queu=x", "did you mean 'queue'"),
        ("attempts=two", "give a whole number"),
        ("attempts=²", "give a whole number"),
        ("attempts=0", "give a whole number from 1 on"),
        ("ephemeral_storage=20GB", "'20GB', which Kubernetes does not know.*such as 20Gi"),
        ("ephemeral_storage=-1Gi", "such as 20Gi"),
        ("ephemeral_storage=nan", "such as 20Gi"),
    ],
)
def test_what_is_wrong_at_the_command_line_is_named(pair, said):
    with pytest.raises(UserError, match=said):
        RayJobSettings.of_pairs([pair])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "is no JSON object"),
        ("[]", "is no JSON object"),
        ('{"queu": "team"}', "did you mean 'queue'"),
        ('{"attempts": 0}', "attempts is 0"),
        ('{"attempts": "3"}', "attempts is '3'; give a whole number"),
        ('{"queue": 3}', "queue is 3; give a text"),
        ('{"ephemeral_storage": "much"}', "'much', which Kubernetes does not know"),
    ],
)
def test_what_is_wrong_is_named(monkeypatch, given, said):
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(UserError, match=said):
        RayJobSettings.of_task()


def test_optimised_code_names_it_too(monkeypatch):
    monkeypatch.setenv(VARIABLE, "[]")
    code = "from bakeoff.cluster.settings import RayJobSettings as S; S.of_task()"
    command = [sys.executable, "-O", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "UserError: BAKEOFF_RAYJOB is no JSON object" in done.stderr
