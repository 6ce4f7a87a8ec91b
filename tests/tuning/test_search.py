"""A real Ray on this machine; every start of it takes some ten seconds."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from played import EPOCHS, NETWORK, Played, kind, loop, make_dataset

from bakeoff import events
from bakeoff.artifacts import read_manifest
from bakeoff.changes import listed
from bakeoff.container import CODE
from bakeoff.environment import cores
from bakeoff.errors import UserError
from bakeoff.text.configs import from_dict
from bakeoff.training.janitor import VARIABLE, cleared, left_running
from bakeoff.training.local_ray import own_ray
from bakeoff.training.places import place, read_whole
from bakeoff.training.ray_at_hand import ADDRESS
from bakeoff.training.settings import CHECKPOINTS
from bakeoff.tuning.results import searches
from bakeoff.tuning.spaces import Choice, Integers
from bakeoff.tuning.step import Kind, tune

HERE = Path(__file__).parent
mkdtemp = tempfile.mkdtemp
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def ray():
    """A Ray that all searches of this process use, as the steps of a bake-off do."""
    folder = mkdtemp(prefix="bakeoff-ray-", dir="/tmp")
    with pytest.MonkeyPatch.context() as patch, cleared(folder):
        patch.setenv("PYTHONPATH", f"{HERE}:{HERE.parent}")
        patch.delenv(ADDRESS, raising=False)
        with own_ray(Path(folder)):
            pass
        yield


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """Trials find what a test defines, no Ray but the test's own, and all of it is gone after."""
    monkeypatch.setenv("PYTHONPATH", f"{HERE}:{HERE.parent}")
    monkeypatch.setenv("STARTED_BY", str(tmp_path))
    for variable in (ADDRESS, CHECKPOINTS, CODE, events.VARIABLE, "WANDB_MODE"):
        monkeypatch.delenv(variable, raising=False)
    made = []

    def noted(*given, **named):
        folder = mkdtemp(*given, **named)
        if Path(folder).name.startswith("bakeoff-"):
            made.append(folder)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", noted)
    yield
    wait_for(lambda: not started_by(tmp_path))
    # Workers of the Ray that all share end a moment after their trials.
    wait_for(lambda: not any(set(left_running(folder)) - {os.getpid()} for folder in made))
    assert not [folder for folder in made if Path(folder).exists()]


def started_by(folder):
    """Processes that a test started, in turn: others may run a Ray of their own."""
    mark, found = f"STARTED_BY={folder}".encode(), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in environment.read_bytes().split(b"\0"):
                found.append(environment.parent.name)
    return found


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "dataset")


def run(dataset, played, budget="6", name="trials", searched=None):
    folder = dataset.parent / name
    items, configs = searched or loop()
    given = {"configs": configs, "budget": budget, "threads": cores(), "metric": "accuracy"}
    written = tune(dataset, folder, items, kind=kind(played), **given)
    return written, searches([folder])


@pytest.mark.parametrize(
    ("there", "threads", "at_once", "gpus"),
    [
        ([{"CPU": 4.0}], 2, 2, 0),
        ([{"CPU": 5.0}], 2, 2, 0),
        ([{"CPU": 2.0}], 2, 1, 0),
        ([{"CPU": 3.0}, {"CPU": 1.0}, {"CPU": 2.0}], 2, 2, 0),
        ([{"CPU": 16.0, "GPU": 2.0}], 2, 2, 1),
        ([{"CPU": 2.0, "GPU": 8.0}], 1, 2, 1),
    ],
)
def test_as_many_trials_run_at_a_time_as_there_are_cpus_and_gpus_for(there, threads, at_once, gpus):
    from bakeoff.tuning.search import Room

    assert Room.of(there, threads) == Room(at_once=at_once, gpus=gpus)


def test_a_ray_too_small_for_a_trial_is_one_line_about_threads():
    from bakeoff.tuning.search import Room

    with pytest.raises(UserError, match=r"^a trial on 4 CPUs has no room in a Ray of 2: .*fewer"):
        Room.of([{"CPU": 2.0}, {"CPU": 2.0}], 4)


def told(trial):
    return trial["settings"], trial["state"], trial["epochs"], trial["score"]


def test_the_best_settings_are_written_into_the_items_and_the_same_search_finds_the_same(
    dataset, tmp_path, monkeypatch
):
    monkeypatch.setenv("WANDB_MODE", "offline")
    heard = []
    with events.heard(heard.append):
        written, [search] = run(dataset, Played(tmp_path), budget="8", searched=loop(seeds=(3, 4)))
    trials = search["trials"]
    assert [trial["number"] for trial in trials] == list(range(8))
    assert trials[0]["settings"] == {"dropout": 0.5, "training.batch_size": 64}
    assert {trial["state"] for trial in trials} == {"finished", "stopped"}
    assert trials[0]["state"] == "finished"
    for trial in trials:
        assert trial["score"] == pytest.approx(1 - trial["settings"]["dropout"], abs=0.02)
        assert (trial["epochs"] == EPOCHS) == (trial["state"] == "finished")
    best = trials[search["best"]]
    assert best["score"] == max(trial["score"] for trial in trials)
    assert search["gain"]["difference"] == pytest.approx(best["score"] - 0.5)

    assert [item["seed"] for item in written] == [3, 4]
    changes = [f"rnn.{path}={value}" for path, value in best["settings"].items()]
    assert [listed(item["settings"]) for item in written] == [changes] * 2

    # No trial saw a row that is not of the training or the validation split.
    seen = {row for rows in Played(tmp_path).logged("seen") for row in rows}
    assert seen == {*range(20), *range(100, 140)}
    assert read_manifest(tmp_path / "trials", "trials")["inputs"].keys() == {"dataset"}

    ends = [event for event in heard if event["event"] == "trial" and event["state"] != "running"]
    assert [event["number"] for event in ends] == list(range(8))
    assert ends[-1]["ended"] == ends[-1]["of"] == 8

    runs = list((tmp_path / "trials" / "wandb" / "rnn").glob("offline-run-*"))
    assert len(runs) == 8

    _, [again] = run(
        dataset, Played(tmp_path), budget="8", name="again", searched=loop(seeds=(3, 4))
    )
    assert [told(trial) for trial in again["trials"]] == [told(trial) for trial in trials]


def begin(folder, budget, threads, kept):
    return subprocess.Popen(
        [sys.executable, str(HERE / "played.py"), str(folder), budget, str(threads)],
        env={n: v for n, v in os.environ.items() if n != VARIABLE} | {CHECKPOINTS: str(kept)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(("at_once", "kind_of"), [(1, "folder"), (cores(), "folder"), (1, "s3")])
def test_a_search_that_was_killed_goes_on_without_the_trials_that_ended(
    dataset, tmp_path, at_once, kind_of
):
    threads = cores() // at_once
    folder = place({"folder": str(tmp_path / "kept"), "s3": "s3://reviews/search"}[kind_of])
    process = begin(tmp_path, "6", threads, folder)

    def lies():
        if kind_of == "s3":
            return folder.names()
        return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]

    def ended():
        names = [name for name in lies() if re.search("/rnn/trial-[0-9]+.json$", name)]
        told = [json.loads(read_whole(folder, name)) for name in names]
        return [trial for trial in told if trial["state"] != "running"]

    wait_for(lambda: len(ended()) >= 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {trial["number"]: trial for trial in ended()}
    wait_for(lambda: not started_by(tmp_path))

    assert begin(tmp_path, "6", threads, folder).wait() == 0
    [search] = searches([tmp_path / "trials"])
    trials = {trial["number"]: trial for trial in search["trials"]}
    assert sorted(trials) == list(range(6))
    begun = Played(tmp_path).logged("begun")
    for number, trial in before.items():
        assert trials[number]["settings"] == trial["settings"]
        assert begun.count(trial["settings"]["dropout"]) == 1
    assert lies() == []
    if at_once == 1:
        _, [whole] = run(dataset, Played(tmp_path), name="whole")
        assert [told(trial) for trial in whole["trials"]] == [told(t) for t in trials.values()]


def test_trials_that_fail_or_die_are_left_out_and_all_of_them_are_one_line(dataset, tmp_path):
    held = loop(settings="dense=8, training.batch_size=64")
    some = Played(tmp_path, fails=(0.7, 1), dies=(0.45, 0.55))
    _, [search] = run(dataset, some, budget="8", searched=held)
    states = {trial["number"]: trial["state"] for trial in search["trials"]}
    assert states[0] == "failed"
    assert "its process died" in search["trials"][0]["error"]
    assert search["gain"] is None
    for trial in search["trials"][1:]:
        assert list(trial["settings"]) == ["dropout"]
        refused = trial["settings"]["dropout"] >= 0.7
        assert ("is refused" in trial["error"]) == (refused and trial["state"] != "stopped")
    with pytest.raises(
        UserError, match=r"^all 3 trials of rnn failed; the first: a dropout of 0.5"
    ):
        run(dataset, Played(tmp_path, fails=(0, 1)), budget="3", name="none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("there", ["on this disk", "in S3"])
def test_where_all_trials_failed_the_same_search_tries_them_again(
    dataset, tmp_path, monkeypatch, request, there
):
    root = tmp_path if there == "on this disk" else request.getfixturevalue("s3_server")
    monkeypatch.setenv(CHECKPOINTS, f"{root}/checkpoints")
    with pytest.raises(UserError, match="all 2 trials of rnn failed"):
        run(dataset, Played(tmp_path, fails=(0, 1)), budget="2")
    _, [search] = run(dataset, Played(tmp_path), budget="2")
    assert [trial["state"] for trial in search["trials"]].count("failed") == 0


def test_a_time_ends_the_search_after_the_trial_that_has_begun(dataset, tmp_path):
    _, [search] = run(dataset, Played(tmp_path, pause=0.4), budget="1s")
    assert [trial["state"] for trial in search["trials"]] == ["finished"]


def test_several_networks_are_searched_and_what_they_start_from_trains_once(dataset, tmp_path):
    start = replace(NETWORK, encoder="bag")
    chosen = loop(
        settings="second.training.batch_size=32",
        start=start,
        first=NETWORK,
        second=replace(NETWORK, dropout=0.9),
    )
    written, found = run(dataset, Played(tmp_path), budget="2", searched=chosen)
    assert [search["model"] for search in found] == ["first", "second"]
    before = Played(tmp_path).logged("before")
    assert before == [[], *[["start-seed0"]] * 4]
    assert [list(search["space"]) for search in found] == [
        ["dropout", "training.batch_size"],
        ["dropout"],
    ]
    paths = [change.partition("=")[0] for change in listed(written[0]["settings"])]
    assert paths == [
        "second.training.batch_size",
        "first.dropout",
        "first.training.batch_size",
        "second.dropout",
    ]


def test_of_few_settings_none_is_tried_twice_and_the_search_ends_when_all_are(
    dataset, tmp_path, monkeypatch
):
    few = Kind(
        train=Played(tmp_path),
        from_dict=from_dict,
        space_of=lambda _: {"training.batch_size": Choice((32, 64)), "layers": Integers(1, 3)},
    )
    items, configs = loop()
    given = {"configs": configs, "threads": cores(), "metric": "accuracy", "kind": few}
    tune(dataset, tmp_path / "whole", items, budget="8", **given)
    [search] = searches([tmp_path / "whole"])
    tried = [tuple(trial["settings"].values()) for trial in search["trials"]]
    assert sorted(tried) == [(size, layers) for size in (32, 64) for layers in (1, 2, 3)]
    assert tried[0] == (64, 1)

    # What ran to its end is told again without a Ray.
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path / "kept"))
    with monkeypatch.context() as broken:
        broken.setattr("bakeoff.tuning.step.write_json", refused)
        with pytest.raises(UserError, match=r"^cannot write"):
            tune(dataset, tmp_path / "part", items, budget="4", **given)
    monkeypatch.setattr("bakeoff.tuning.step._connection", lambda _: pytest.fail("Ray starts"))
    heard = []
    with events.heard(heard.append):
        tune(dataset, tmp_path / "part", items, budget="4", **given)
    [search] = searches([tmp_path / "part"])
    assert [tuple(trial["settings"].values()) for trial in search["trials"]] == tried[:4]
    ended = [event["number"] for event in heard if event["event"] == "trial"]
    assert ended == [0, 1, 2, 3]


def refused(*_):
    raise UserError("cannot write")
