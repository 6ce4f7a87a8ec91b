"""What a person sees while a bake-off runs, from the events its steps tell."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from bakeoff import events
from bakeoff.plans import plan
from bakeoff.running.activity import Activity, current
from bakeoff.running.progress import Progress


class Screen:
    """A console, what stands on it, and events with a clock of their own."""

    def __init__(self, chosen, terminal, width=100, height=30):
        self._written = io.StringIO()
        self.console = Console(
            file=self._written,
            force_terminal=terminal,
            width=width,
            height=height,
            color_system=None,
            _environ={},
        )
        self.progress = Progress(chosen, self.console)

    def tell(self, seconds, event, **facts):
        self.progress.see({"event": event, "time": 1_000_000.0 + seconds, **facts})

    def task(self, task, start, end, model="", seed=None):
        self.tell(start, "task", state="started", task=task, model=model, seed=seed)
        self.tell(end, "task", state="finished", task=task, model=model, seed=seed)

    def train(self, seconds, epoch, step=10, model="rnn-64", seed=0, accuracy=0.75):
        where = {"epoch": epoch, "epochs": 4, "done": (10 * (epoch - 1) + step) / 40}
        figures = {"loss": 0.5, "accuracy": accuracy}
        self.tell(seconds, "progress", model=model, seed=seed, **where, **figures)

    @property
    def lines(self):
        """All that was written, without a terminal's control sequences."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._written.getvalue())
        return [line.rstrip() for line in plain.splitlines() if line.strip()]

    @property
    def frame(self):
        """The rows that stand on the terminal now, by name."""
        self.progress._bars.refresh()
        last = self._written.getvalue().rsplit("\x1b[2K", 1)[-1]
        name = min(28, self.console.width // 3 - 1)
        return {line[:name].strip(): line[name:].strip() for line in last.splitlines()}


def classical_and_network(**settings):
    return plan("sentiment", "quick", models=["nb-counts", "rnn-64"], **settings)


def test_without_a_terminal_a_finished_task_is_one_line():
    screen = Screen(classical_and_network(), terminal=False, width=80)
    with screen.progress:
        screen.task("prepare", 0, 1.5)
        screen.task("train", 2, 4, model="classical")
        screen.task("evaluate", 4, 5)
        screen.task("audit", 5, 5)
        screen.tell(5, "task", state="started", task="train", model="rnn-64", seed=0)
        screen.train(6, epoch=1)
        screen.train(9, epoch=4, accuracy=0.8125)
        screen.tell(10, "task", state="finished", task="train", model="rnn-64", seed=0)
        screen.task("evaluate", 10, 11)
        screen.task("compare", 11, 12)
        screen.task("report", 12, 12.25)
    assert screen.lines == [
        "sentiment · preset quick · data imdb-25k",
        "nb-counts, rnn-64",
        "1/8 prepare 1.5 s",
        "2/8 train classical 2.0 s",
        "3/8 evaluate 1.0 s",
        "4/8 audit 0.0 s",
        "5/8 train rnn-64 seed 0 epoch 4/4 · loss 0.500 · accuracy 0.812 · 5.0 s",
        "6/8 evaluate 1.0 s",
        "7/8 compare 1.0 s",
        "8/8 report 0.2 s",
    ]


@pytest.mark.parametrize(
    ("preset", "settings", "facts"),
    [
        ("quick", {}, "data digits · 2% of the epochs"),
        ("full", {"data": "fashion-mnist"}, "data fashion-mnist · resized to 128×128"),
        ("full", {"image_size": 32}, "data stl10 · resized to 32×32"),
    ],
)
def test_what_a_preset_does_to_images_is_told(preset, settings, facts):
    screen = Screen(plan("resnet", preset, **settings), terminal=False)
    with screen.progress:
        pass
    assert screen.lines[0] == f"resnet · preset {preset} · {facts}"


def test_a_long_line_stays_one_line():
    chosen = classical_and_network()
    name = "transformer-with-a-name-that-somebody-thought-about"
    screen = Screen(chosen, terminal=False, width=80)
    with screen.progress:
        screen.tell(0, "task", state="started", task="train", model=name, seed=10)
        screen.train(1000, epoch=4, model=name, seed=10)
        screen.tell(1234, "task", state="finished", task="train", model=name, seed=10)
    assert screen.lines[-1:] == [
        f"1/8 train {name} seed 10 epoch 4/4 · loss 0.500 · accuracy 0.750 · 1234.0 s"
    ]


def test_reused_tasks_count():
    screen = Screen(classical_and_network(), terminal=False)
    with screen.progress:
        screen.tell(0, "reused", task="prepare", model=None, seed=None)
        screen.tell(0, "reused", task="train-text-network", model="rnn-64", seed=0)
        screen.task("report", 1, 2)
    assert screen.lines[2:] == [
        "1/8 prepare reused",
        "2/8 train-text-network rnn-64 seed 0 reused",
        "3/8 report 1.0 s",
    ]


@pytest.mark.parametrize(
    ("models", "seeds", "tasks"),
    [
        (["nb-counts"], 3, 7),
        (["rnn-64"], 1, 7),
        (["rnn-64", "bilstm-glove"], 3, 12),
        (["nb-counts", "tree-tfidf", "rnn-64"], 2, 9),
        (["nb-counts", "rnn-64", "ensemble"], 2, 10),
    ],
)
def test_every_task_of_the_plan_is_counted(models, seeds, tasks):
    chosen = plan("sentiment", "quick", models=models, seeds=seeds)
    screen = Screen(chosen, terminal=False)
    screen.task("prepare", 0, 1)
    assert screen.lines == [f"1/{tasks} prepare 1.0 s"]


def test_the_choice_of_a_width_is_a_task():
    chosen = plan("sentiment", "quick", models=["rnn-64", "bilstm-glove"])
    narrow = replace(chosen.models["rnn-64"], hidden=32)
    chosen = replace(chosen, models={**chosen.models, "rnn-32": narrow})
    screen = Screen(chosen, terminal=False)
    screen.task("choose width", 0, 1)
    assert screen.lines == ["1/10 choose width 1.0 s"]


def test_trials_are_a_line_each_and_on_a_terminal_one_bar():
    for terminal in (False, True):
        chosen = plan("sentiment", "quick", models=["rnn-64"], tune="3")
        screen = Screen(chosen, terminal=terminal)
        screen.task("prepare", 0, 1)
        screen.tell(1, "task", state="started", task="tune", model="", seed=None)

        def trial(seconds, number, state, epoch, ended, *, screen=screen, **facts):
            told = {"model": "rnn-64", "of": 3, "epochs": 4, "share": 25.0 * epoch, "error": ""}
            told |= {"score": f"8{number}.0 %", "best": "80.0 %" if ended else None, **facts}
            screen.tell(
                seconds, "trial", number=number, state=state, epoch=epoch, ended=ended, **told
            )

        trial(2, 0, "running", 2, 0)
        trial(3, 0, "finished", 4, 1)
        trial(4, 1, "failed", 0, 2, error="the loss is no number", score=None)
        trial(5, 2, "running", 2, 2)
        if not terminal:
            assert screen.lines == [
                "1/8 prepare 1.0 s",
                "1/8 tune rnn-64 1 of 3: trial 0 finished: 80.0 % after epoch 4/4",
                "1/8 tune rnn-64 2 of 3: trial 1 failed: the loss is no number",
            ]
            continue
        with screen.progress:
            assert "83 %" in screen.frame["tune rnn-64"]
            assert "trial 2 · epoch 2/4 · best 80.0 %" in screen.frame["tune rnn-64"]


def test_trials_without_epochs_tell_none():
    screen = Screen(plan("sentiment", "quick", models=["nbsvm"], tune="3"), terminal=False)
    screen.tell(1, "task", state="started", task="tune", model="", seed=None)
    told = {"model": "nbsvm", "of": 3, "epoch": 0, "epochs": 0, "share": 100.0, "best": "90.0 %"}
    screen.tell(2, "trial", number=0, state="finished", score="90.0 %", error="", ended=1, **told)
    assert screen.lines == ["0/8 tune nbsvm 1 of 3: trial 0 finished: 90.0 %"]


@pytest.mark.parametrize(
    ("models", "tasks"),
    [
        (["rnn-64"], 8),
        (["nb-counts", "nbsvm"], 8),
        (["nb-counts", "rnn-64", "ensemble"], 11),
        (["rnn-64", "rnn-256", "bilstm"], 12),
    ],
)
def test_a_search_is_a_task_before_each_part(models, tasks):
    screen = Screen(plan("sentiment", "quick", models=models, tune="3"), terminal=False)
    screen.task("prepare", 0, 1)
    assert screen.lines == [f"1/{tasks} prepare 1.0 s"]


def test_two_trainings_at_a_time_have_each_their_own_seconds():
    screen = Screen(plan("sentiment", "quick", models=["rnn-64", "bilstm-glove"]), terminal=False)
    for seconds, state, model in [
        (0, "started", "rnn-64"),
        (1, "started", "bilstm-glove"),
        (10, "finished", "rnn-64"),
        (13, "finished", "bilstm-glove"),
    ]:
        screen.tell(seconds, "task", state=state, task="train", model=model, seed=0)
    assert screen.lines == [
        "1/8 train rnn-64 seed 0 10.0 s",
        "2/8 train bilstm-glove seed 0 12.0 s",
    ]


def test_without_a_terminal_a_training_is_a_line_a_minute():
    screen = Screen(plan("sentiment", "quick", models=["rnn-64"]), terminal=False)
    screen.tell(0, "task", state="started", task="train", model="rnn-64", seed=0)
    for seconds in (10, 30, 59.75, 60, 61, 119, 120.25, 150):
        screen.train(seconds, epoch=1 + int(seconds // 50))
    assert screen.lines == [
        "0/7 train rnn-64 seed 0 epoch 2/4 · loss 0.500 · accuracy 0.750 · 60 s left",
        "0/7 train rnn-64 seed 0 epoch 3/4 · loss 0.500 · accuracy 0.750 · 40 s left",
    ]


def test_a_terminal_shows_the_bar_of_a_training_and_the_time_left():
    screen = Screen(plan("sentiment", "quick", models=["rnn-64"], seeds=3), terminal=True)
    with screen.progress:
        screen.task("prepare", 0, 1)
        screen.tell(1, "task", state="started", task="train", model="rnn-64", seed=0)
        screen.train(2, epoch=1, step=1)
        screen.train(11, epoch=2, step=5)
        frame = screen.frame
        assert frame["prepare"].split()[-1] == "0:01"
        # 15 of 40 steps took 10 s: 25 steps take 16.7 s; two more networks wait, 26.7 s each.
        assert "38 %" in frame["train rnn-64 seed 0"]
        assert "epoch 2/4 · loss 0.500 · accuracy 0.750" in frame["train rnn-64 seed 0"]
        assert "11 %" in frame["bake-off"]
        assert "70 s left" in frame["bake-off"]
        screen.tell(101, "task", state="finished", task="train", model="rnn-64", seed=0)
        assert "about 3 min left" in screen.frame["bake-off"]
    assert len([line for line in screen.lines if line.startswith("1/")]) == 0


def test_the_time_left_of_a_training_that_goes_on_is_of_what_it_does_now():
    screen = Screen(plan("sentiment", "quick", models=["rnn-64"]), terminal=True)
    with screen.progress:
        screen.tell(0, "task", state="started", task="train", model="rnn-64", seed=0)
        screen.train(100, epoch=3, step=2)
        screen.train(110, epoch=3, step=4)
        # 2 of 40 steps took 10 s, and 16 are left.
        assert "80 s left" in screen.frame["bake-off"]


def test_a_training_that_runs_is_seen_however_many_have_finished():
    chosen = plan("sentiment", "quick", models=["rnn-64"], seeds=20)
    screen = Screen(chosen, terminal=True, height=12)
    with screen.progress:
        for seed in range(15):
            screen.task("train", seed, seed + 1, model="rnn-64", seed=seed)
        screen.tell(16, "task", state="started", task="train", model="rnn-64", seed=15)
        screen.train(17, epoch=1, seed=15)
        frame = screen.frame
        assert "epoch 1/4" in frame["train rnn-64 seed 15"]
        assert "bake-off" in frame
        assert len(frame) <= 12
        screen.task("evaluate", 18, 19)
        for seed in range(16, 20):
            screen.task("train", seed, seed + 4, model="rnn-64", seed=seed)
        screen.tell(30, "task", state="started", task="evaluate", model="", seed=None)
        assert "running" in screen.frame["evaluate"]


def test_a_download_shows_how_far_it_is():
    screen = Screen(plan("sentiment", "quick"), terminal=True)
    with screen.progress:
        screen.tell(0, "download", name="imdb", done=21_000_000, total=84_000_000)
        assert "25 %" in screen.frame["download imdb"]
        assert "21 of 84 MB" in screen.frame["download imdb"]
        screen.tell(1, "download", name="other", done=3_000_000, total=None)
        assert "3 MB" in screen.frame["download other"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_download_outside_a_run_is_seen_too(terminal):
    screen = Screen(classical_and_network(), terminal=terminal)
    with Activity(screen.console):
        for done in (1_000_000, 1_300_000_000):
            events.emit("download", name="stl10", done=done, total=2_640_000_000)
            events.emit("epoch", epoch=1)
    if terminal:
        assert "download stl10" in screen.lines[-1]
        assert "1,300 of 2,640 MB" in screen.lines[-1]
    else:
        assert screen.lines == ["download stl10 1 of 2,640 MB"]
    events.emit("download", name="later", done=1, total=None)
    assert not any("later" in line for line in screen.lines)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_warning_outside_a_run_is_said_too(terminal):
    screen = Screen(classical_and_network(), terminal=terminal)
    with Activity(screen.console):
        events.emit("warning", message="another process downloads a[b].csv")
    assert "warning: another process downloads a[b].csv" in screen.lines


def test_without_a_terminal_the_start_of_a_download_is_one_line():
    screen = Screen(classical_and_network(), terminal=False)
    for done in (1_000_000, 2_000_000):
        screen.tell(0, "download", name="imdb", done=done, total=84_000_000)
    assert screen.lines == ["0/8 download imdb 1 of 84 MB"]


def test_events_that_nobody_draws_are_passed_over():
    screen = Screen(classical_and_network(), terminal=False)
    screen.tell(0, "epoch", epoch=1, train_loss=0.5)
    screen.tell(0, "some event of a newer bakeoff")
    assert screen.lines == []


@pytest.mark.parametrize("terminal", [True, False])
def test_scored_models_are_a_line_each_on_a_terminal_only(terminal):
    screen = Screen(classical_and_network(), terminal=terminal, height=6)
    with Activity(screen.console) as activity:
        for name in ["nb-seed0", *(f"rnn-64-seed{seed}" for seed in range(8))]:
            activity.see(name, None)
            activity.see(name, 0.741)
        activity.see("ensemble-seed0", None)
    last = "".join(screen.lines[-5:]) if terminal else ""
    assert ("rnn-64-seed7" in last) == ("ensemble-seed0" in last) == ("74.1\u202f%" in last)
    assert ("ensemble-seed0" in last) == terminal
    assert "nb-seed0" not in last


def test_a_warning_of_every_step_is_said_once():
    console = Console(file=io.StringIO(), width=100)
    with Progress(plan("sentiment", "quick"), console) as progress:
        for message in ("W&B rejected the key", "W&B rejected the key", "another"):
            progress.see({"event": "warning", "time": 0.0, "message": message})
    said = console.file.getvalue()
    assert said.count("warning: W&B rejected the key") == 1
    assert "warning: another" in said


def test_brackets_in_names_of_files_and_classes_are_shown():
    """They are no markup, which rich would leave out."""
    screen = Screen(plan("text", "quick", data="br/tickets[v2].csv"), terminal=False)
    with screen.progress:
        screen.tell(0, "download", name="glove[50].txt", done=0, total=None)
        screen.tell(0, "warning", message="class [b] has one row")
    assert "data br/tickets[v2].csv" in screen.lines[0]
    assert "download glove[50].txt" in screen.lines[-2]
    assert screen.lines[-1] == "warning: class [b] has one row"


@pytest.mark.parametrize("terminal", [True, False])
def test_brackets_are_shown_outside_a_run_too(terminal):
    screen = Screen(classical_and_network(), terminal=terminal)
    with Activity(screen.console):
        events.emit("download", name="a[b].csv", done=0, total=None)
    with current(screen.console) as now:
        now("uploading a[c].csv")
    assert "download a[b].csv" in "".join(screen.lines)
    assert ("uploading a[c].csv" in "".join(screen.lines)) == terminal


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_bar_per_cent_and_time_stay_however_narrow_a_terminal_is(width):
    chosen = plan("sentiment", "quick", models=["bilstm-word2vec"], seeds=2)
    screen = Screen(chosen, terminal=True, width=width)
    with screen.progress:
        screen.task("prepare", 0, 75)
        name = "bilstm-word2vec"
        screen.tell(75, "task", state="started", task="train", model=name, seed=0)
        screen.train(76, epoch=1, step=2, model=name)
        screen.train(80, epoch=2, step=2, model=name)
        frame = screen.frame
    rows = [
        next(row for name, row in frame.items() if name.startswith(what))
        for what in ("bake-off", "prepare", "train bilstm")
    ]
    for row, done in zip(rows, ("12 %", "100 %", "30 %"), strict=True):
        assert re.fullmatch(rf"[━╸╺]+\s+{done}.*\s\d:\d\d", row), row
    assert rows[1].endswith("1:15")
    if width >= 80:
        # 10 of 40 steps took 4 s: 28 are left, and another network.
        assert "loss 0.500" in rows[2]
        assert "0.750" in rows[2]
        assert "…" not in rows[2]
    assert screen.lines
    assert max(map(len, screen.lines)) <= width


def test_one_estimate_stands_on_a_terminal_and_only_with_something_to_go_by():
    chosen = plan("sentiment", "quick", models=["nb-counts", "rnn-64"], seeds=2)
    screen = Screen(chosen, terminal=True, width=80)
    with screen.progress:
        screen.task("prepare", 0, 1)
        assert "2 networks to come" in screen.frame["bake-off"]
        assert "left" not in " ".join(screen.frame.values())
        screen.tell(1, "task", state="started", task="train", model="rnn-64", seed=0)
        screen.train(11, epoch=1)
        # A quarter took 10 s; three are left, and another network.
        assert "70 s left" in screen.frame["bake-off"]
        assert " ".join(screen.frame.values()).count("left") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_bars_are_drawn_in_any_encoding(encoding):
    script = (
        "import sys; from rich.console import Console; from bakeoff.cli.characters import *\n"
        "from bakeoff.plans import plan; from bakeoff.running.progress import *\n"
        "from bakeoff.running.activity import *\n"
        "write_anywhere()\n"
        "console = Console(force_terminal=True, width=80, _environ={})\n"
        "with Activity(console) as activity:\n"
        "    activity.see('naïve – bayes', 0.5)\n"
        "with Progress(plan('sentiment', 'quick', models=['rnn-64']), console) as progress:\n"
        "    where = {'model': 'rnn-64', 'seed': 0, 'epoch': 1, 'epochs': 4, 'done': 0.1}\n"
        "    progress.see({'event': 'progress', 'time': 1.0, 'loss': 0.5, **where})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = done.stdout.decode(encoding)
    assert "50.0 %" in said
    assert "1/4 - loss 0.500" in said or "1/4 · loss 0.500" in said


@pytest.mark.usefixtures("notebook")
def test_a_notebook_gets_plain_lines_on_stdout(capsys):
    """Bars would be drawn anew ten times a second, each time as an output of the cell."""
    with Progress(plan("sentiment", "quick", models=["nb-counts"])) as progress:
        for second, state in enumerate(("started", "finished")):
            event = {"event": "task", "task": "prepare", "model": "", "seed": None}
            progress.see({**event, "state": state, "time": 1_000_000.0 + second})
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert printed.splitlines()[-1] == "1/7 prepare 1.0 s"


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_waited_for_stands_on_a_terminal_alone_and_goes(terminal):
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=80, color_system=None)
    with current(console) as now:
        for name in ("rnn-64-seed0", "lstm-1-seed0"):
            now(f"uploading {name}")
            now("")
    assert ("uploading lstm-1-seed0 0:00:00" in written.getvalue()) == terminal
    assert written.getvalue().endswith("\x1b[2K" if terminal else "")
