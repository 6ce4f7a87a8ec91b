import os
from pathlib import Path

import pytest

from bakeoff.errors import UserError
from bakeoff.tracking import resolve_mode
from bakeoff.tracking.mode import go_online, project_name


@pytest.fixture(autouse=True)
def without_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


def test_without_a_key_runs_are_offline() -> None:
    assert resolve_mode(None) == "offline"


def test_with_a_key_runs_are_online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert resolve_mode(None) == "online"
    assert resolve_mode("disabled") == "disabled"


def test_a_login_counts_as_a_key(without_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_key.write_text("machine api.wandb.ai login user password secret\n")
    assert resolve_mode(None) == "online"
    assert resolve_mode(None, logged_in=False) == "offline", "containers do not see it"
    with pytest.raises(UserError, match="as containers see no `wandb login`"):
        resolve_mode("online", logged_in=False)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert resolve_mode(None) == "offline", "the login is for another server"


def test_the_variable_decides_where_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert resolve_mode(None) == "disabled"
    assert resolve_mode("offline") == "offline"


def test_online_without_a_key_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"WANDB_API_KEY.*or choose offline"):
        resolve_mode("online")


def test_a_mode_nobody_knows() -> None:
    with pytest.raises(UserError, match="did you mean 'offline'"):
        resolve_mode("ofline")


def test_what_asks_the_server_needs_a_key_whatever_the_mode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(UserError, match="W&B needs a key: set WANDB_API_KEY"):
        go_online()
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_PROJECT", "films")
    go_online()
    assert project_name("books") == "films"
    monkeypatch.delenv("WANDB_PROJECT")
    assert project_name("books") == "books"


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("WANDB_PROJECT", "team/films", "WANDB_PROJECT=team/films: W&B allows no '/' in a project"),
        ("WANDB_PROJECT", "we?ird", "allows no '?'"),
        ("WANDB_BASE_URL", "wandb.corp", "WANDB_BASE_URL=wandb.corp: begin it with https://"),
        ("WANDB_BASE_URL", "http://[::1", "http://[::1 is no address: mend the name of its server"),
    ],
)
def test_a_place_that_w_and_b_would_stumble_over_is_refused_at_once(
    monkeypatch, variable, value, line
):
    monkeypatch.setenv(variable, value)
    for asked in ("offline", "disabled", None):
        with pytest.raises(UserError) as refused:
            resolve_mode(asked)
        assert line in str(refused.value)


def test_an_empty_address_of_w_and_b_is_none(monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "")
    assert resolve_mode("disabled") == "disabled"
    assert "WANDB_BASE_URL" not in os.environ
