"""Speaking to KFP: what goes wrong is one line, soon, and holds no secret."""

import socket

import pytest

from bakeoff.errors import UserError
from bakeoff.submission import api
from bakeoff.submission.api import RECURRING_RUNS, RUNS, NoAnswerError, Pipelines


def refused(host, namespace=""):
    with pytest.raises(UserError) as caught:
        Pipelines(host, namespace)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_host_where_nothing_listens_is_one_line_with_the_way_to_forward_a_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = refused(f"http://127.0.0.1:{port}")
    assert "Connection refused" in message
    assert "port-forward service/ml-pipeline-ui" in message


def test_a_host_that_says_nothing_is_given_up_within_ten_seconds(monkeypatch):
    assert api._CONNECT + api._FIRST_ANSWER < 10
    monkeypatch.setattr(api, "_FIRST_ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert "no KFP answers" in refused(f"http://127.0.0.1:{mute.getsockname()[1]}")


@pytest.mark.parametrize(
    "host", ["http://", "ftp://kfp", "http://me:secret@kfp", "http:///x", "http://[::1"]
)
def test_what_is_no_address_is_refused(host):
    message = refused(host)
    assert "--host" in message
    assert "secret" not in message


def test_no_host_is_told_how_to_get_one():
    assert "--host http://localhost:8080" in refused("")


def test_a_login_page_is_no_kfp(kfp):
    kfp.trouble = ["page"]
    assert "answers with a page" in refused(kfp.url)


def test_pages_without_an_api_server_are_no_kfp(kfp):
    kfp.behind_pages, kfp.ready = True, False
    assert "the API server behind them does not" in refused(kfp.url)


def test_a_wrong_token_is_said_without_the_token(kfp, monkeypatch):
    kfp.token = "right-token"
    monkeypatch.setenv("KFP_TOKEN", "wrong-token")
    with pytest.raises(UserError, match=r"refuses the token .*KFP_TOKEN") as caught:
        Pipelines(kfp.url).experiment("bakeoff")
    assert "wrong-token" not in str(caught.value)
    monkeypatch.setenv("KFP_TOKEN", "right-token\n")
    assert Pipelines(kfp.url).experiment("bakeoff") == "e0"


def test_a_mounted_token_is_used(kfp, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("mounted")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    kfp.token = "mounted"
    client = Pipelines(kfp.url)
    assert client.experiment("bakeoff") == "e0"
    (tmp_path / "token").write_text("a later one\n")
    kfp.token = "a later one"
    assert client.experiment("bakeoff") == "e0"


@pytest.mark.parametrize("end", ["\nX-Other: 1", "\x07", "\u2026", "\u00e9"])
@pytest.mark.parametrize("source", ["KFP_TOKEN", "KFP_COOKIE", "file"])
def test_what_cannot_be_sent_is_said_by_its_name_alone(kfp, monkeypatch, tmp_path, source, end):
    if source == "file":
        source = str(tmp_path / "token")
        (tmp_path / "token").write_bytes(f"5ecret{end}5ecret".encode())
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", source)
    else:
        monkeypatch.setenv(source, f"5ecret{end}5ecret")
    message = refused(kfp.url)
    assert f"{source} holds a line break or another character" in message
    assert "5ecret" not in message


def test_many_users_need_a_namespace_and_an_unknown_one_is_named(kfp):
    kfp.users = {"team-a"}
    assert "--namespace" in refused(kfp.url)
    assert Pipelines(kfp.url, "team-a").experiment("bakeoff") == "e0"
    with pytest.raises(UserError, match=r"in the namespace nobody .*--namespace"):
        Pipelines(kfp.url, "nobody").experiment("bakeoff")


def test_an_experiment_is_made_once(kfp):
    client = Pipelines(kfp.url)
    assert client.experiment("a") == client.experiment("a") == "e0"
    assert client.experiment("b") == "e1"


def test_an_unknown_run_is_one_line(kfp):
    with pytest.raises(UserError, match="no run r2"):
        Pipelines(kfp.url).run("r2")
    with pytest.raises(UserError, match="no run r2"):
        Pipelines(kfp.url).terminate("r2")


@pytest.mark.parametrize("trouble", ["drop", "503"])
def test_a_server_that_fails_may_be_asked_again(kfp, trouble):
    kfp.looks = [("RUNNING", {})]
    client = Pipelines(kfp.url)
    kfp.trouble = [trouble]
    with pytest.raises(NoAnswerError, match=r"^KFP does not answer \(.*\): ask again in a moment$"):
        client.run("r1")
    assert client.run("r1")["state"] == "RUNNING"


@pytest.mark.parametrize("trouble", ["drop", "503"])
@pytest.mark.parametrize(("where", "page"), [(RUNS, "runs"), (RECURRING_RUNS, "recurringruns")])
def test_what_may_have_begun_is_looked_for_before_it_is_asked_again(kfp, trouble, where, page):
    client = Pipelines(kfp.url)
    kfp.trouble = [trouble]
    with pytest.raises(UserError, match="the run may have begun: look at") as caught:
        client.create(where, {})
    assert f" {kfp.url}/#/{page} " in str(caught.value)
    assert "ask again" not in str(caught.value)


def test_a_slow_server_is_waited_for_but_not_for_ever(kfp, monkeypatch):
    kfp.looks = [("RUNNING", {})]
    client = Pipelines(kfp.url)
    kfp.trouble = ["slow"]
    assert client.run("r1")["state"] == "RUNNING"
    monkeypatch.setattr(
        api.Pipelines._call, "__kwdefaults__", {"body": None, "query": (), "wait": 0.1}
    )
    kfp.trouble = ["slow"]
    with pytest.raises(NoAnswerError, match="timed out"):
        client.run("r1")


def test_a_workflow_that_is_not_told_is_empty(kfp):
    kfp.looks = [("RUNNING", {})]
    assert Pipelines(kfp.url).workflow("r2") == {}
    assert Pipelines(kfp.url).log("r1", "nowhere") == ""


@pytest.mark.parametrize("behind_pages", [False, True])
def test_a_log_comes_from_the_api_or_through_kfps_pages(kfp, behind_pages):
    kfp.behind_pages = behind_pages
    kfp.logs["pod-1"] = "error: no such file\n"
    assert Pipelines(kfp.url).log("r1", "pod-1") == "error: no such file\n"
