"""A trial in this process: what it reports, and what it sees."""

from dataclasses import replace

import pytest
from played import EPOCHS, NETWORK, Played, make_dataset

from bakeoff.data.prepare import prepare
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError
from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.training import train_text_network
from bakeoff.tracking import Identity
from bakeoff.training.places import place
from bakeoff.training.settings import TrainingSettings
from bakeoff.tuning.journal import Journal, Record
from bakeoff.tuning.trial import Trial


@pytest.fixture(autouse=True)
def nothing_recorded(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)


def trial(folder, train, config=NETWORK, dataset="dataset"):
    return Trial(
        model="rnn",
        config=config,
        dataset=folder / dataset,
        folder=folder / "rnn",
        earlier=folder / "earlier",
        seed=0,
        threads=1,
        train=train,
        identity=Identity(),
    )


def test_every_epoch_is_reported_and_at_last_what_each_row_adds(tmp_path):
    make_dataset(tmp_path / "dataset")
    reports = []
    trial(tmp_path, Played(tmp_path))(7, {"dropout": 0.25}, reports.append)
    assert [r["epoch"] for r in reports] == [1, 2, 3, 4, 5, 5]
    assert [r["share"] for r in reports] == [20, 40, 60, 80, 100, 100]
    assert {r["epochs"] for r in reports} == {EPOCHS}
    assert [r["merit"] for r in reports] == [0.75] * 6
    assert reports[-1]["values"] == [1.0] * 30 + [0.0] * 10
    assert reports[-1]["seconds"] == pytest.approx(0.5)


def test_less_log_loss_is_more_merit_and_the_best_so_far_counts(tmp_path):
    def worse_and_worse(*_, observers, **__):
        for observer in observers:
            observer.start(steps=1, costs=[3.0, 1.0])
            for epoch, loss in ((1, 0.4), (2, 0.9)):
                told = {"epoch": epoch, "validation_loss": loss, "validation_log_loss": loss}
                observer.epoch(told | {"seconds": 1.0})
        raise UserError("enough")

    make_dataset(tmp_path / "dataset")
    config = replace(NETWORK, training=replace(NETWORK.training, metric="log-loss"))
    reports = []
    with pytest.raises(UserError, match="enough"):
        trial(tmp_path, worse_and_worse, config)(0, {}, reports.append)
    assert [(r["share"], r["merit"], r["score"]) for r in reports] == [
        (75, -0.4, 0.4),
        (100, -0.4, 0.9),
    ]


def test_a_score_that_means_nothing_is_one_line(tmp_path):
    def blind(*_, observers, **__):
        for observer in observers:
            observer.start(steps=1, costs=[1.0])
            observer.epoch({"epoch": 1, "validation_loss": 1.0, "validation_accuracy": None})

    make_dataset(tmp_path / "dataset")
    with pytest.raises(UserError, match=r"^the accuracy means nothing on these validation rows"):
        trial(tmp_path, blind)(0, {}, lambda _: None)


def test_a_real_network_trains_as_in_its_step_and_no_test_row_is_there(tmp_path, reviews_csv):
    columns = {"input_column": "review", "label_column": "stars", "limit": 120}
    prepare(
        tmp_path / "dataset",
        tmp_path / "test",
        source=str(reviews_csv),
        split="0.6:0.2:0.2",
        seed=0,
        **columns,
    )
    test = set(read_split(tmp_path / "test", "test").ids)
    (tmp_path / "test").rename(tmp_path / "hidden")
    config = TextNetwork(
        encoder="rnn",
        hidden=4,
        embedding_dim=4,
        max_tokens=8,
        training=TrainingSettings(epochs=2, least_steps=0),
    )
    seen = []

    def train(name, config, train, validation, **given):
        seen.extend([*train.ids, *validation.ids])
        return train_text_network(name, config, train, validation, **given)

    reports, again = [], []
    trial(tmp_path, train, config)(0, {"embedding_dim": 8}, reports.append)
    trial(tmp_path, train, config)(1, {"embedding_dim": 8}, again.append)
    assert len(test) == 24
    assert not test & set(seen)
    for one, other in zip(reports, again, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert reports[-1]["score"] == pytest.approx(max(r["score"] for r in reports[:-1]))
    assert len(reports[-1]["values"]) == 24


def test_who_is_stopped_trains_no_further_and_leaves_no_checkpoint(tmp_path):
    make_dataset(tmp_path / "dataset")
    reports = []

    def stop_at_two(told):
        reports.append(told)
        if told["epoch"] == 2:
            raise SystemExit(0)

    stopped = trial(tmp_path, Played(tmp_path))
    with pytest.raises(SystemExit):
        stopped(3, {}, stop_at_two)
    assert len(reports) == 2
    stopped.checkpoint(3).mkdir(parents=True)
    stopped.clean(3)
    assert not stopped.checkpoint(3).exists()


def told(where):
    """What is known of a search whose trial 11 ended, and no other."""
    written = Journal(where)
    for number in range(12):
        written.write(Record(number=number, settings={"dropout": number / 10}))
    finished = Record(number=11, settings={"dropout": 1.1}, state="finished")
    finished.reports = [{"merit": 0.5, "seconds": 3.0}, {"merit": 0.7, "seconds": 4.0}]
    written.write(finished)
    return finished


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_journal_says_what_was_written(tmp_path, kind):
    where = tmp_path / "rnn" if kind == "folder" else place("s3://reviews/journal/rnn")
    finished = told(where)
    read = Journal(where)
    assert list(read.records) == list(range(12))
    assert read.records[3].settings == {"dropout": 0.3}
    assert read.ended == {11: finished}
    assert read.seconds == 4


def test_a_journal_ends_before_what_is_missing(tmp_path):
    told(tmp_path)
    (tmp_path / "trial-7.json").unlink()
    assert list(Journal(tmp_path).records) == list(range(7))
