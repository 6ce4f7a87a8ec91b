"""Events travel from a step's process to whoever watches."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.step import step


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(events.VARIABLE, str(tmp_path))
    monkeypatch.setattr(events, "_stream", None)
    return tmp_path


def test_reader_sees_each_event_once_and_no_half_lines(folder):
    reader = events.EventReader(folder)
    events.emit("progress", step=1)
    assert [e["step"] for e in reader.new_events()] == [1]
    events.emit("progress", step=2)
    with next(folder.glob("*.jsonl")).open("a") as stream:
        stream.write('{"event": "prog')
    assert [e["step"] for e in reader.new_events()] == [2]


def test_without_a_watcher_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv(events.VARIABLE, raising=False)
    events.emit("progress", step=1)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_never_fails_the_step(monkeypatch):
    monkeypatch.setenv(events.VARIABLE, "/nonexistent/folder")
    monkeypatch.setattr(events, "_stream", None)
    events.emit("progress", step=1)


def test_facts_that_json_does_not_know_never_fail_the_step(folder):
    values = {"loss": np.float32(0.5), "rows": np.int64(3), "whole": np.bool_(True)}
    events.emit("progress", tensor=torch.tensor(2), path=Path("a/b"), **values)
    events.emit("progress", by_class={("a", "b"): 1})
    events.emit("progress", last=1)
    first, last = events.EventReader(folder).new_events()
    read = {name: first[name] for name in (*values, "tensor", "path")}
    assert read == {"loss": 0.5, "rows": 3, "whole": True, "tensor": 2, "path": "a/b"}
    assert last["last"] == 1


def test_a_step_announces_itself_and_explains_a_user_error(folder, capsys):
    with pytest.raises(SystemExit) as stopped, step("prepare"):
        raise UserError("no such file")
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: no such file\n"
    seen = [(e["event"], e.get("state")) for e in events.EventReader(folder).new_events()]
    assert seen == [("task", "started"), ("error", None)]


def test_a_bug_keeps_its_traceback(folder):
    with pytest.raises(KeyError), step("prepare"):
        raise KeyError("x")
    assert [e["event"] for e in events.EventReader(folder).new_events()] == ["task", "crash"]
