import pytest

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.step import step


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The events of this test so far, without their time."""
    monkeypatch.setenv(events.VARIABLE, str(tmp_path))
    reader = events.EventReader(tmp_path)

    def read():
        return [{k: v for k, v in e.items() if k != "time"} for e in reader.new_events()]

    return read


def test_start_is_told_before_the_work_and_end_after_it(told):
    with step("train", "rnn-64", 3):
        which = {"event": "task", "task": "train", "model": "rnn-64", "seed": 3}
        assert told() == [{**which, "state": "started"}]
    assert told() == [{**which, "state": "finished"}]


def test_a_user_error_is_one_line_and_code_2(told, capsys):
    with pytest.raises(SystemExit) as stopped, step("prepare"):
        raise UserError("reviews.csv has no column 'text'; name it with --text-column")
    assert stopped.value.code == 2
    assert stopped.value.__suppress_context__
    assert capsys.readouterr().err == (
        "error: reviews.csv has no column 'text'; name it with --text-column\n"
    )
    started, error = told()
    assert (started["event"], error["event"]) == ("task", "error")
    assert error["task"] == "prepare"
    assert error["message"] == "reviews.csv has no column 'text'; name it with --text-column"


def test_a_bug_keeps_its_traceback_and_is_told_as_a_crash(told, capsys):
    with pytest.raises(ZeroDivisionError), step("evaluate"):
        _ = 1 / 0
    assert capsys.readouterr().err == ""
    assert [(e["event"], e.get("message")) for e in told()] == [
        ("task", None),
        ("crash", "ZeroDivisionError: division by zero"),
    ]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_step_that_is_stopped_has_neither_failed_nor_finished(told, stop):
    with pytest.raises(stop), step("train", "rnn-64", 0):
        raise stop
    assert [e["event"] for e in told()] == ["task"]


def test_nobody_watches(monkeypatch, tmp_path):
    monkeypatch.delenv(events.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    with step("report"):
        pass
    assert not list(tmp_path.iterdir())
