"""The models of a finished run on data that the run has never seen."""

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.artifacts import new_artifact, read_json, write_json
from bakeoff.cli import main
from bakeoff.data.prepare import prepare
from bakeoff.data.sources import NAMED_SETS, NamedSet, Source
from bakeoff.data.splits import Split, read_split
from bakeoff.errors import UserError
from bakeoff.evaluation.compare import compare
from bakeoff.evaluation.evaluate import evaluate
from bakeoff.predictors import load
from bakeoff.running.runs import RunFolder
from bakeoff.running.transfer import transfer
from bakeoff.text.classical.models import train_classical
from bakeoff.text.comparison import text_facts
from bakeoff.text.configs import LinearText
from bakeoff.training.trained import write_trained

BAYES = LinearText(method="naive-bayes", weighting="counts", ngrams=1, min_count=1)
OWN = [(f"{word} {n}", label) for word, label in [("fine", "good"), ("dull", "bad")] for n in "abc"]
OTHER = [
    ("fine!", "good"),
    ("so dull", "bad"),
    ("dull, I loved it", "good"),
    ("Fine, fine", "good"),
]
"""Right by its words in 3 of 4: "dull, I loved it" is taken for bad."""


def table(path, rows, columns=("text", "label")):
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return str(path)


def trained(folder, name, seed, good, bad):
    """A "models" artifact of naive Bayes that knows one word of each class."""
    split = Split(np.arange(2), [good, bad], np.array([1, 0]), ["bad", "good"])
    [model] = train_classical({name: BAYES}, split, split, seed=seed)
    with new_artifact(folder / model.folder_name, "models", settings={}) as (out, _):
        write_trained(model, out / model.folder_name, split.classes, split)
    return folder / model.folder_name


@pytest.fixture
def run(tmp_path):
    return held(tmp_path)


def held(tmp_path, **settings):
    """`nb` knows the words; `two` was trained twice, once on labels that are turned round."""
    store, folder = tmp_path / "runs" / ".store", tmp_path / "runs" / "20260101-000000-sentiment"
    own = table(tmp_path / "own.csv", OWN)
    prepare(store / "dataset", store / "test", source=own, split="2:2:2", seed=0)
    evaluations = []
    for name, seed, words in [
        ("nb", 0, ("fine", "dull")),
        ("two", 0, ("fine", "dull")),
        ("two", 1, ("dull", "fine")),
    ]:
        models = trained(store / "models", name, seed, *words)
        evaluations.append(store / "evaluations" / models.name)
        evaluate([models], store / "test", evaluations[-1], load=load)
    settings |= {"study": "sentiment", "preset": "quick", "seed": 0, "seeds": 2, "pairs": []}
    compare(
        evaluations,
        store / "comparison",
        dataset=store / "dataset",
        facts=text_facts(evaluations, store / "dataset"),
        **settings,
    )
    folder.mkdir()
    shutil.copy(store / "comparison" / "results.json", folder)
    facts = {"id": folder.name, "status": "finished", "comparison": str(store / "comparison")}
    write_json(folder / "run.json", facts)
    return RunFolder(folder)


@pytest.fixture
def other(tmp_path):
    return table(tmp_path / "other.csv", OTHER)


def test_accuracy_by_hand(run, other):
    entry = transfer(run, other)
    nb, two = entry["leaderboard"]
    assert nb["model"] == "nb"
    assert (nb["accuracy"], nb["own"], nb["difference"]) == (0.75, 1, -0.25)
    assert 0 <= nb["accuracy_low"] < 0.75 < nb["accuracy_high"] <= 1
    # Of "good": two found of three, and nothing else taken for it.
    assert (nb["precision"], nb["recall"], nb["f1"]) == pytest.approx((1, 2 / 3, 0.8))
    # The second training is right where the first is wrong: means over 3/4 and 1/4, 1 and 0.
    assert (two["accuracy"], two["own"], two["seeds"]) == (0.5, 0.5, 2)
    assert (entry["data"], entry["rows"], entry["classes"]) == ("other.csv", 4, ["bad", "good"])
    assert "fell by 25.0 points, from 100.0\u202f% on" in entry["sentence"]
    assert entry["sentence"].endswith("The whole set was used, and nothing was trained on it.")
    assert run.results["transfer"] == [entry]


def test_the_runs_metric_ranks_and_is_told(tmp_path, other):
    entry = transfer(held(tmp_path, metric="balanced-accuracy"), other)
    nb = entry["leaderboard"][0]
    assert entry["metric"] == "balanced-accuracy"
    # The one row of "bad" is found, and two of three of "good".
    assert nb["balanced_accuracy"] == pytest.approx(5 / 6)
    assert (nb["accuracy"], nb["own"]) == (0.75, 1)
    assert nb["difference"] == pytest.approx(-1 / 6)
    assert entry["sentence"].startswith("The balanced accuracy of nb fell by 16.7 points")


def test_a_metric_that_means_nothing_there_gives_way_to_accuracy(tmp_path):
    good = table(tmp_path / "good.csv", [row for row in OTHER if row[1] == "good"])
    entry = transfer(held(tmp_path, metric="auc"), good)
    assert entry["metric"] == "accuracy"
    assert entry["leaderboard"][0]["own"] == 1


def test_near_copies_of_what_the_run_learned_are_left_out(run, tmp_path):
    known = read_split(run.path.parent / ".store" / "dataset", "train")
    text, label = known.inputs[0], known.classes[known.labels[0]]
    rows = [(f"{text} https://example.com/{n}", label) for n in range(3)]
    entry = transfer(run, table(tmp_path / "near.csv", [*OTHER, *rows]))
    assert (entry["seen"], entry["rows"]) == (3, 4)
    assert "or on near copies of, are left out" in entry["sentence"]


def test_columns_have_names(run, tmp_path):
    data = table(tmp_path / "named.csv", OTHER, ("body", "verdict"))
    with pytest.raises(UserError, match="body, verdict"):
        transfer(run, data)
    entry = transfer(run, data, input_column="body", label_column="verdict")
    assert entry["leaderboard"][0]["accuracy"] == 0.75
    results = run.results
    results["dataset"]["columns"] = {"input": "body", "label": "verdict"}
    write_json(run.path / "results.json", results)
    assert transfer(run, data)["leaderboard"] == entry["leaderboard"], "they are the run's own"


def test_classes_are_matched_by_name_whatever_their_order(run, monkeypatch):
    frame = pd.DataFrame(OTHER, columns=["text", "label"])
    frame["label"] = frame["label"].map({"good": 0, "bad": 1})
    source = Source(frame, "turned", "turned.csv", classes=["good", "bad"])
    monkeypatch.setitem(NAMED_SETS, "turned", NamedSet("", lambda: source, lambda: "hash"))
    entry = transfer(run, "turned")
    assert entry["leaderboard"][0]["accuracy"] == 0.75
    assert (entry["data"], entry["path"], entry["fingerprint"]) == ("turned", "turned", "hash")


def test_what_the_run_was_trained_on_is_left_out(run, tmp_path):
    entry = transfer(run, str(tmp_path / "own.csv"))
    assert (entry["available"], entry["seen"], entry["rows"]) == (6, 4, 2)
    assert [row["difference"] for row in entry["leaderboard"]] == [0, 0]
    assert (
        "Of its 6 rows, 4 that the run was trained or validated on, or on near copies of, are left "
        "out." in entry["sentence"]
    )
    known = read_split(run.path.parent / ".store" / "dataset", "train")
    seen = [(text, known.classes[n]) for text, n in zip(known.inputs, known.labels, strict=True)]
    with pytest.raises(UserError, match="trained on every one of its texts"):
        transfer(run, table(tmp_path / "seen.csv", seen))


def test_the_same_data_again_replaces_its_entry(run, other, tmp_path):
    more = table(tmp_path / "more.csv", OTHER * 2)
    transfer(run, other)
    transfer(run, more)
    again = transfer(run, other, models=["two"])
    assert [entry["data"] for entry in run.results["transfer"]] == ["more.csv", "other.csv"]
    assert run.results["transfer"][1] == again
    assert [row["model"] for row in again["leaderboard"]] == ["two"]


def test_the_report_shows_every_data_set(run, other, tmp_path):
    transfer(run, other)
    transfer(run, table(tmp_path / "<more>.csv", OTHER * 2))
    page = run.report.read_text()
    assert page.endswith("</html>")
    section = page[page.index('id="transfer"') :].partition("</section>")[0]
    assert section.count("<table") == 2
    for shown in ("other.csv, 4 texts", "&lt;more&gt;.csv, 8 texts", "−25.0", "by 25.0 points"):
        assert shown in section
    assert "<more>" not in page


def test_a_sample_keeps_the_classes(run, tmp_path):
    rows = [(f"fine {n}", "good") for n in range(30)] + [(f"fine {n}", "bad") for n in range(10)]
    data = table(tmp_path / "many.csv", rows)
    entry = transfer(run, data, limit=8, models=["nb"])
    assert entry["rows"] == 8
    assert entry["leaderboard"][0]["accuracy"] == 6 / 8
    assert "A sample by class of 8 of 40 texts was used." in entry["sentence"]
    again = transfer(run, data, limit=8, models=["nb"])
    assert again["leaderboard"] == entry["leaderboard"]
    assert transfer(run, data, limit=99)["rows"] == 40


def test_classes_that_the_run_does_not_know_are_refused_and_named(run, tmp_path):
    digits = table(tmp_path / "digits.csv", [("fine", 1), ("dull", "bad"), ("so fine", 10)])
    with pytest.raises(
        UserError,
        match=r"digits.csv: the run knows no class 1, 10, as 2 of 3 rows have it; the run's "
        r"classes are bad, good; rename .* 'label' .* leave such rows out",
    ):
        transfer(run, digits)
    many = table(tmp_path / "many.csv", [("fine", n) for n in range(2000)])
    with pytest.raises(UserError, match=r"no class 0, 1, .*, 9 and 1,990 more, as 2,000 of 2,000"):
        transfer(run, many)
    assert "transfer" not in run.results


def test_data_that_lacks_a_class_is_scored(run, tmp_path):
    rows = [("fine!", "good"), ("so dull", "good"), ("Fine, fine", "good"), ("good, fine", "good")]
    entry = transfer(run, table(tmp_path / "good.csv", rows), models=["nb"])
    [nb] = entry["leaderboard"]
    assert nb["accuracy"] == 0.75
    # Of good alone: all that is called so is, and three of four are found.
    assert (nb["precision"], nb["recall"], nb["f1"]) == pytest.approx((1, 0.75, 6 / 7))
    assert entry["absent"] == ["bad"]
    assert "No row has the class bad." in entry["sentence"]
    assert "No row has the class bad." in run.report.read_text()
    [row] = transfer(run, table(tmp_path / "one.csv", rows[:1]))["leaderboard"][:1]
    assert row["accuracy"] == 1


def test_data_of_which_nothing_is_left_is_said(run, tmp_path):
    data = table(tmp_path / "blank.csv", [("", "good"), (" ", "bad")])
    with pytest.raises(UserError, match="no rows are left"):
        transfer(run, data, skip_bad=True)


def test_rows_without_text_are_refused_or_left_out(run, tmp_path):
    data = table(tmp_path / "holes.csv", [*OTHER, ("", "good")])
    with pytest.raises(UserError, match="--skip-bad-rows"):
        transfer(run, data)
    entry = transfer(run, data, skip_bad=True)
    assert (entry["available"], entry["dropped"], entry["rows"]) == (5, 1, 4)
    assert "Of its 5 rows, 1 that cannot be used are left out." in entry["sentence"]


def test_unknown_and_removed_models(run, other):
    with pytest.raises(UserError, match="unknown model 'tow': did you mean 'two'"):
        transfer(run, other, models=["nb", "tow"])
    shutil.rmtree(run.results["models"][0]["folder"])
    with pytest.raises(UserError, match=r"the model nb is gone from .*; remove that and run the"):
        transfer(run, other)


def test_a_model_without_its_weights_is_one_line(run, other):
    folder = Path(run.results["models"][0]["folder"])
    weights = folder / "weights.safetensors"
    whole = weights.read_bytes()
    for left in (whole[:-1], None):
        weights.write_bytes(left) if left else weights.unlink()
        with pytest.raises(UserError, match=f"the model nb is gone from {folder.parent}, or not w"):
            transfer(run, other)
        assert transfer(run, other, models=["two"])
    weights.write_bytes(whole)
    assert transfer(run, other)
    shutil.rmtree(folder.parent)
    with pytest.raises(UserError, match="or not whole; run the bake-off again"):
        transfer(run, other)


def test_data_that_is_gone_is_one_line(run, other, tmp_path):
    (tmp_path / "runs" / ".store" / "dataset" / "validation.parquet").unlink()
    with pytest.raises(UserError, match=r"trained on is gone from .*dataset, or not whole; rem"):
        transfer(run, other)


def test_a_failure_leaves_results_and_report_whole(run, other, monkeypatch):
    transfer(run, other)
    before = (run.path / "results.json").read_bytes(), run.report.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(UserError, match="the disk is full"):
        transfer(run, other, models=["two"])
    assert ((run.path / "results.json").read_bytes(), run.report.read_bytes()) == before
    assert len(list(run.path.iterdir())) == len(["run.json", "results.json", "report.html"])


def test_each_training_is_told_before_and_after(run, other):
    told = []
    transfer(run, other, watch=lambda name, accuracy: told.append((name, accuracy)))
    assert told == [
        *(("nb-seed0", None), ("nb-seed0", 0.75)),
        *(("two-seed0", None), ("two-seed0", 0.75)),
        *(("two-seed1", None), ("two-seed1", 0.25)),
    ]


def test_the_command_for_people_and_machines(run, other, monkeypatch, capsys):
    command = ["bakeoff", "evaluate", "latest", "--data", other, "--runs", str(run.path.parent)]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit, match="0"):
        main()
    said = capsys.readouterr().out.replace("\u202f", " ")
    [line] = [line for line in said.splitlines() if line.startswith("nb ")]
    assert line.split()[:3] == ["nb", "75.0", "%"]
    assert line.split()[4:7] == ["100.0", "%", "−25.0"]
    assert said.strip().endswith(run.report.as_uri())
    monkeypatch.setattr("sys.argv", [*command, "--json", "--models", "two, nb", "--limit", "3"])
    with pytest.raises(SystemExit, match="0"):
        main()
    captured = capsys.readouterr()
    assert json.loads(captured.out) == read_json(run.path / "results.json")["transfer"][0]
    assert captured.err == ""
