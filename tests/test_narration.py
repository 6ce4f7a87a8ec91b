"""What stands in the log of a step on a cluster."""

import pytest

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.step import step, told_in_lines
from bakeoff.training.observers import EventObserver


@pytest.fixture(autouse=True)
def nobody_draws(monkeypatch):
    monkeypatch.delenv(events.VARIABLE, raising=False)


def record(epoch, **rest):
    figures = {"train_loss": 0.5, "validation_loss": 0.25, "validation_accuracy": 0.875}
    return {"epoch": epoch, "seconds": 20.0, **figures, **rest}


def test_a_training_says_each_epoch_what_it_took_and_what_is_left(capsys):
    with step("train", "rnn-64", 3):
        events.tell("train rnn-64 seed 3 on 4,200 rows")
        observer = EventObserver("rnn-64", 3)
        observer.start(steps=10, costs=[1.0, 2.0, 2.0])
        observer.step(epoch=1, step=5, loss=0.6, accuracy=0.5)
        observer.epoch(record(1))
        observer.epoch(record(2, seconds=40.0))
        observer.epoch(record(3, validation_accuracy=None))
    out, err = capsys.readouterr()
    started, *lines, finished = out.splitlines()
    assert started.startswith("train rnn-64 seed 3: started by bakeoff ")
    assert lines == [
        "train rnn-64 seed 3 on 4,200 rows",
        "rnn-64 seed 3: epoch 1/3, loss 0.500, validation loss 0.250, validation accuracy 0.875, "
        "20 s, at most 80 s left",
        "rnn-64 seed 3: epoch 2/3, loss 0.500, validation loss 0.250, validation accuracy 0.875, "
        "40 s, at most 40 s left",
        "rnn-64 seed 3: epoch 3/3, loss 0.500, validation loss 0.250, 20 s",
    ]
    assert finished.startswith("train rnn-64 seed 3: finished after ")
    assert "\r" not in out
    assert err == ""


def test_epochs_of_a_process_that_is_gone_are_not_told_again(capsys):
    with told_in_lines():
        observer = EventObserver("rnn-64", 3)
        observer.start(steps=10, costs=[1.0, 2.0, 2.0], before=2)
        for epoch in (1, 2, 3):
            observer.epoch(record(epoch))
    before, after = capsys.readouterr().out.splitlines()
    assert before == "rnn-64 seed 3: goes on after epoch 2/3"
    assert after.startswith("rnn-64 seed 3: epoch 3/3, loss 0.500")


def test_a_download_is_said_once_and_a_warning_as_it_is(capsys):
    with step("prepare"):
        for done in (0, 5_000_000, 10_000_000):
            events.emit("download", name="stl10", done=done, total=10_000_000)
        events.emit("warning", message="W&B does not answer")
    assert capsys.readouterr().out.splitlines()[1:-1] == [
        "download of stl10 begins, 10.0 MB",
        "warning: W&B does not answer",
    ]


def test_a_refusal_is_the_last_line(capsys):
    def refuse():
        events.tell("reviews.csv: 600 rows")
        raise UserError("reviews.csv has no column 'text'")

    with pytest.raises(SystemExit, match="2"), step("prepare"):
        refuse()
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "reviews.csv: 600 rows"
    assert err == "error: reviews.csv has no column 'text'\n"


def test_what_is_drawn_is_not_said_too(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(events.VARIABLE, str(tmp_path))
    with step("prepare"):
        events.tell("reviews.csv: 600 rows")
    assert capsys.readouterr() == ("", "")
