"""A trial in this process: what it reports, and what it sees."""

import pandas as pd
import pytest
from played import EPOCHS, NETWORK, Played, make_dataset

from bakeoff.data.prepare import prepare
from bakeoff.data.splits import read_split
from bakeoff.dotted import changed
from bakeoff.errors import UserError
from bakeoff.evaluation.scores import get_metric
from bakeoff.text.classical.models import train_classical
from bakeoff.text.configs import LinearText, TextNetwork, TreeText
from bakeoff.text.networks.training import train_text_network
from bakeoff.text.tuning import KIND
from bakeoff.tracking import Identity
from bakeoff.training.places import place
from bakeoff.training.settings import TrainingSettings
from bakeoff.tuning.journal import Journal, Record
from bakeoff.tuning.trial import Trial


@pytest.fixture(autouse=True)
def nothing_recorded(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)


def trial(folder, train, config=NETWORK, dataset="dataset", metric="accuracy"):
    return Trial(
        model="rnn",
        config=config,
        dataset=folder / dataset,
        folder=folder / "rnn",
        earlier=folder / "earlier",
        seed=0,
        threads=1,
        metric=metric,
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
    reports = []
    with pytest.raises(UserError, match="enough"):
        trial(tmp_path, worse_and_worse, metric="log-loss")(0, {}, reports.append)
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


@pytest.fixture
def prepared(tmp_path, reviews_csv):
    """The ids of the test rows of a dataset; the rows are nowhere to be found."""
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
    assert len(test) == 24
    return test


def test_a_real_network_trains_as_in_its_step_and_no_test_row_is_there(tmp_path, prepared):
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
    assert not prepared & set(seen)
    for one, other in zip(reports, again, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert reports[-1]["score"] == pytest.approx(max(r["score"] for r in reports[:-1]))
    assert len(reports[-1]["values"]) == 24


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (LinearText(method="naive-bayes", weighting="binary"), {"strength": 0.2, "ngrams": 3}),
        (LinearText(method="logistic-regression", weighting="tfidf"), {"strength": 30.0}),
        (LinearText(method="nbsvm", weighting="binary"), {"interpolation": 0.9, "min_count": 3}),
        (TreeText(min_samples_leaf=2), {"max_depth": 3, "max_features": 40}),
    ],
    ids=lambda value: value.get("method") if isinstance(value, dict) else type(value).__name__,
)
@pytest.mark.parametrize("metric", ["accuracy", "log-loss"])
def test_a_classical_model_reports_once_what_its_step_reaches_and_sees_no_test_row(
    tmp_path, prepared, config, settings, metric
):
    seen, reports = [], []

    def train(name, config, train, validation, **given):
        seen.extend([*train.ids, *validation.ids])
        return KIND.train(name, config, train, validation, **given)

    trial(tmp_path, train, config, metric=metric)(1, settings, reports.append)
    assert len(seen) == 96
    assert not prepared & set(seen)
    [report] = reports
    splits = [read_split(tmp_path / "dataset", name) for name in ("train", "validation")]
    [alone] = train_classical({"model": changed(config, settings)}, *splits, seed=0)
    score = get_metric(metric).of(splits[1].labels, alone.validation_probabilities)
    assert report["score"] == pytest.approx(score)
    assert report["merit"] == get_metric(metric).merit(report["score"])
    assert (report["epoch"], report["epochs"], report["share"]) == (0, 0, 100)
    assert len(report["values"]) == 24
    assert report["seconds"] > 0


@pytest.mark.usefixtures("prepared")
def test_a_score_of_a_classical_model_that_means_nothing_is_one_line(tmp_path):
    path = tmp_path / "dataset" / "validation.parquet"
    frame = pd.read_parquet(path)
    frame.assign(label=0).to_parquet(path)
    bayes = LinearText(method="naive-bayes", weighting="binary")
    with pytest.raises(UserError, match=r"^the AUC means nothing on these validation rows"):
        trial(tmp_path, KIND.train, bayes, metric="auc")(0, {}, lambda _: None)


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


def test_trials_are_told_in_their_order_whichever_began_first(tmp_path):
    journal = Journal(tmp_path)
    for number in (1, 0, 2):
        journal.write(Record(number=number, settings={}, state="finished"))
    assert list(journal.ended) == [0, 1, 2]


def test_a_journal_ends_before_what_is_missing(tmp_path):
    told(tmp_path)
    (tmp_path / "trial-7.json").unlink()
    assert list(Journal(tmp_path).records) == list(range(7))
