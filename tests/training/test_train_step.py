"""The train step of networks: folders, checkpoints, and what a network is told of the others."""

import numpy as np
import pandas as pd
import pytest

from bakeoff import events
from bakeoff.artifacts import new_artifact, read_json, read_manifest
from bakeoff.container import CODE
from bakeoff.errors import UserError
from bakeoff.s3 import Folder
from bakeoff.training import step
from bakeoff.training.places import write_whole
from bakeoff.training.settings import BESIDE, CHECKPOINTS, WHERE
from bakeoff.training.step import train_networks
from bakeoff.training.trained import Trained, model_folders, read_model
from bakeoff.training.workers import ALONE

LINEUP = {"first": {"hidden": 8}, "second": {"hidden": 16, "start": "first"}}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for variable in ("WANDB_MODE", CHECKPOINTS, CODE, events.VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    # Steps see four CPUs, whatever the tests run on.
    monkeypatch.setattr(step, "cores", lambda: 4)


@pytest.fixture
def dataset(tmp_path):
    """Six texts, four of them to train on, and no test split anywhere."""
    with new_artifact(tmp_path / "dataset", "dataset", settings={}) as (out, facts):
        facts |= {"modality": "text", "classes": ["bad", "good"]}
        for name, rows in (("train", [0, 1, 2, 3]), ("validation", [4, 5])):
            texts = [f"{name} {row}" for row in rows]
            frame = pd.DataFrame({"id": rows, "text": texts, "label": np.array(rows) % 2})
            frame.to_parquet(out / f"{name}.parquet")
    return tmp_path / "dataset"


class Trainer:
    """Trains nothing and remembers what it was asked for; fails at the network `failing`."""

    def __init__(self, failing=""):
        self.failing, self.calls = failing, []

    def __call__(self, name, config, train, validation, **settings):
        folders = {folder.name for folder in model_folders(settings["earlier"])}
        self.calls.append({"name": name, "config": config, "before": folders, **settings})
        self.splits = train, validation
        if settings["checkpoint"]:
            write_whole(settings["checkpoint"], "state", name.encode())
        for observer in settings["observers"]:
            observer.start(steps=1, costs=[1] * 1)
            observer.epoch({"epoch": 1, "train_loss": 0.5, "validation_loss": 0.4})
        if name == self.failing:
            raise UserError("the training loss is no longer a finite number")
        return Trained(
            name=name,
            seed=settings["seed"],
            kind="given",
            config=dict(config),
            parameters=1,
            seconds=1.0,
            threads=settings["threads"],
            validation_probabilities=np.array([[0.5, 0.5], [0.1, 0.9]]),
            save=lambda folder: (folder / "weights").write_text(name),
        )


def run(dataset, models, trainer=None, **settings):
    trainer = trainer or Trainer()
    arguments = {"configs": LINEUP, "seed": 3, "threads": 1, **settings}
    train_networks(dataset, models, train=trainer, **arguments)
    return trainer


def test_networks_of_a_line_up_train_in_its_order_and_see_those_before(dataset, tmp_path):
    trainer = run(dataset, tmp_path / "models")
    assert [call["name"] for call in trainer.calls] == ["first", "second"]
    assert [call["before"] for call in trainer.calls] == [set(), {"first-seed3"}]
    for call, config in zip(trainer.calls, LINEUP.values(), strict=True):
        assert call["config"] == config
        assert (call["seed"], call["threads"]) == (3, 1)
        assert call["checkpoint"] is None
    folders = model_folders(tmp_path / "models")
    assert [folder.name for folder in folders] == ["first-seed3", "second-seed3"]
    assert read_model(folders[1])["config"] == LINEUP["second"]
    rows = pd.read_parquet(folders[0] / "validation.parquet")
    assert rows["id"].tolist() == [4, 5]
    manifest = read_manifest(tmp_path / "models", "models")
    assert manifest["settings"] == {"configs": LINEUP, "seed": 3, "threads": 1, "workers": 1}
    assert set(manifest["inputs"]) == {"dataset"}


def test_it_is_given_the_training_and_the_validation_rows(dataset, tmp_path):
    train, validation = run(dataset, tmp_path / "models").splits
    assert train.inputs == ["train 0", "train 1", "train 2", "train 3"]
    assert validation.inputs == ["validation 4", "validation 5"]
    assert validation.labels.tolist() == [0, 1]


def test_each_network_tells_its_epochs_under_its_own_name(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv(events.VARIABLE, str(tmp_path / "events"))
    (tmp_path / "events").mkdir()
    run(dataset, tmp_path / "models")
    told = list(events.EventReader(tmp_path / "events").new_events())
    lines = [e["text"] for e in told if e["event"] == "line"]
    assert lines[0].startswith("train first, second seed 3 on ")
    told = [e for e in told if e["event"] != "line"]
    assert told.pop(0)["event"] == "group"
    assert [(e["event"], e["model"], e["seed"]) for e in told] == [
        ("epoch", "first", 3),
        ("epoch", "second", 3),
    ]


class Pair:
    """The first of two workers."""

    rank, count = 0, 2


def test_it_is_said_how_many_workers_trained_and_not_where(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bakeoff.training.on_ray.train_on_ray",
        lambda job, *, workers, **_: job(Pair() if workers == 2 else ALONE),
    )
    said = []
    for where, workers in (("inline", 1), ("ray", 1), ("ray", 2)):
        monkeypatch.setenv(WHERE, where)
        models = tmp_path / f"{where}-{workers}"
        run(dataset, models, workers=workers)
        settings = read_manifest(models, "models")["settings"]
        facts = [read_json(folder / "training.json")["facts"] for folder in model_folders(models)]
        said.append((settings, facts))
    inline, alone, pair = said
    assert alone == inline
    assert pair == ({**inline[0], "workers": 2}, [{"workers": 2}] * 2)


def test_no_more_threads_than_cpus_and_those_used_are_said(dataset, tmp_path):
    for asked, used in ((3, 3), (4, 4), (5, 4), (64, 4)):
        models = tmp_path / str(asked)
        trainer = run(dataset, models, threads=asked)
        assert [call["threads"] for call in trainer.calls] == [used, used]
        assert read_manifest(models, "models")["settings"]["threads"] == used
        for folder in model_folders(models):
            assert read_json(folder / "training.json")["threads"] == used


def test_a_refusal_leaves_no_half_of_the_models_and_keeps_checkpoints(
    dataset, tmp_path, monkeypatch
):
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path / "checkpoints"))
    with pytest.raises(UserError, match="no longer a finite number"):
        run(dataset, tmp_path / "models", Trainer("second"))
    assert not (tmp_path / "models").exists()
    states = list((tmp_path / "checkpoints").glob("*/*/state"))
    assert sorted(path.read_text() for path in states) == ["first", "second"]
    again = run(dataset, tmp_path / "models")
    # The same folders, one a network, and none when all is done.
    assert {call["checkpoint"] for call in again.calls} == {path.parent for path in states}
    assert not list((tmp_path / "checkpoints").glob("*"))
    assert read_json(tmp_path / "models" / "second-seed3" / "training.json")["seconds"] == 1


def test_checkpoints_beside_what_is_made_are_found_by_another_machine(dataset, bucket, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS, BESIDE)
    with pytest.raises(UserError, match="no longer a finite number"):
        run(dataset, "s3://reviews/run/train/models", Trainer("second"))
    kept = Folder("s3://reviews/run/train/checkpoints-models")
    states = {name for name in kept.names() if name.endswith("/state")}
    assert {name.split("/")[1] for name in states} == {"first", "second"}
    [key] = {name.split("/")[0] for name in states}
    again = run(dataset, "s3://reviews/run/train/models")
    found = {str(call["checkpoint"]) for call in again.calls}
    assert found == {f"{kept}/{key}/first", f"{kept}/{key}/second"}
    assert kept.names() == []
    assert bucket.exists("reviews/run/train/models/manifest.json")


def test_where_nothing_can_be_kept_beside_it_trains_and_says_so(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS, BESIDE)
    told = []
    with events.heard(told.append):
        trainer = run(dataset, tmp_path / "models")
    assert {call["checkpoint"] for call in trainer.calls} == {None}
    [warning] = [e["message"] for e in told if e["event"] == "warning"]
    assert warning.startswith("no checkpoints")
    assert len(model_folders(tmp_path / "models")) == 2


@pytest.mark.usefixtures("bucket")
def test_a_store_that_refuses_ends_no_training(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS, BESIDE)
    monkeypatch.setattr(step, "mounted", lambda _: "s3://nowhere/models")
    trainer = run(dataset, tmp_path / "models")
    assert {call["checkpoint"] for call in trainer.calls} == {None}


def test_two_at_the_same_step_do_not_share_checkpoints(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path / "checkpoints"))

    class Meanwhile(Trainer):
        """Somebody else does the same step while this one is at its second network."""

        def __call__(self, name, *given, **settings):
            if name == "second":
                other = run(dataset, tmp_path / "others")
                assert {call["checkpoint"] for call in other.calls} == {None}
                assert (self.calls[0]["checkpoint"] / "state").exists()
            return super().__call__(name, *given, **settings)

    run(dataset, tmp_path / "models", Meanwhile())
    assert not list((tmp_path / "checkpoints").glob("*"))
    assert len(model_folders(tmp_path / "others")) == 2


def test_a_checkpoint_is_that_of_the_same_training_alone(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path / "checkpoints"))

    def used(number, data=dataset, **settings):
        trainer = run(data, tmp_path / str(number), **settings)
        return trainer.calls[0]["checkpoint"]

    same = used(0)
    assert used(1) == same, "whatever the folder of the models"
    other = tmp_path / "other"
    with new_artifact(other, "dataset", settings={}) as (out, facts):
        facts |= read_manifest(dataset)["facts"]
        for name in ("train", "validation"):
            frame = pd.read_parquet(dataset / f"{name}.parquet")
            frame.assign(text=frame["text"] + "!").to_parquet(out / f"{name}.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CODE, "another")
        of_other_code = used(4)
    changed = [
        of_other_code,
        used(2, seed=4),
        used(3, threads=2),
        used(5, files="others"),
        used(6, configs={**LINEUP, "first": {"hidden": 9}}),
        used(7, data=other),
    ]
    assert len({same, *changed}) == 7


def test_trainings_of_other_workers_are_other_runs_and_go_on_from_the_same_checkpoint(
    dataset, tmp_path, monkeypatch
):
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path / "checkpoints"))
    one, two = (run(dataset, tmp_path / str(n), workers=n).calls[0] for n in (1, 2))
    assert one["checkpoint"] == two["checkpoint"]
    keys = {read_manifest(tmp_path / str(n))["facts"]["identity"]["key"] for n in (1, 2)}
    assert len(keys) == 2
