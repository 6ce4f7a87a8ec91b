import numpy as np
import pandas as pd
import pytest

from bakeoff.artifacts import read_manifest
from bakeoff.data.prepare import prepare
from bakeoff.report.terminal import remarks
from bakeoff.text import label_noise
from bakeoff.text.label_noise import audit

WORDS = {"good": "fine great lovely superb", "bad": "dull awful boring poor"}


@pytest.fixture
def dataset(tmp_path):
    """Texts of two clear classes, some mislabelled, and a class with three rows to train on."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(300):
        truth = ("good", "bad")[number % 2]
        label = ("bad", "good")[number % 2] if number < 12 else truth
        rows.append((f"{number} " + " ".join(rng.choice(WORDS[truth].split(), 12)), label))
    rows += [(f"neither nor {number}", "odd") for number in range(8)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "x.csv", index=False)
    prepare(
        tmp_path / "dataset",
        tmp_path / "test",
        source=str(tmp_path / "x.csv"),
        split="0.4:0.3:0.3",
        seed=0,
    )
    return tmp_path / "dataset"


@pytest.mark.parametrize("drop", [False, True])
def test_wrong_labels_are_listed_and_left_out_where_asked(dataset, tmp_path, drop):
    audit(dataset, tmp_path / "audited", drop=drop, seed=0)
    facts = read_manifest(tmp_path / "audited")["facts"]
    train = pd.read_parquet(dataset / "train.parquet")
    wrong = set(train["id"][train["id"] < 12])
    listed = {suspect["id"] for suspect in facts["label_noise"]["listed"]}
    assert listed == wrong, "and nobody judges the class of three rows"
    kept = pd.read_parquet(tmp_path / "audited" / "train.parquet")
    assert len(kept) == len(train) - (len(wrong) if drop else 0) == facts["sizes"]["train"]
    noise = facts["label_noise"]
    assert noise["left_out"] == (len(wrong) if drop else 0)
    assert sum(n["suspects"] for n in noise["classes"].values()) == len(wrong)
    assert sum(facts["class_counts"]["train"].values()) == len(kept)


def test_texts_in_which_the_judge_sees_no_word_are_no_reason_to_fail(tmp_path):
    rows = [(f"<p class='{n}'></p>", "good" if n % 2 else "bad") for n in range(60)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "x.csv", index=False)
    given = {"source": str(tmp_path / "x.csv"), "split": "0.6:0.2:0.2", "seed": 0}
    prepare(tmp_path / "dataset", tmp_path / "test", **given)
    audit(tmp_path / "dataset", tmp_path / "audited", drop=True, seed=0)
    facts = read_manifest(tmp_path / "audited")["facts"]
    assert facts["label_noise"]["suspects"] == 0
    assert facts["remarks"][-1].startswith("no label was looked at: the preprocessing")
    assert "--preprocessing" not in facts["remarks"][-1]


def test_a_suspects_text_is_cut_as_a_mistakes(dataset, tmp_path):
    train = pd.read_parquet(dataset / "train.parquet")
    train["text"] = train["text"] + " " + "." * 10_000
    train.to_parquet(dataset / "train.parquet", index=False)
    audit(dataset, tmp_path / "audited", drop=False, seed=0)
    listed = read_manifest(tmp_path / "audited")["facts"]["label_noise"]["listed"]
    assert listed
    assert all(len(suspect["text"]) < 2100 for suspect in listed)


def test_the_same_seed_lists_the_same(dataset, tmp_path):
    audit(dataset, tmp_path / "a", drop=False, seed=3)
    audit(dataset, tmp_path / "b", drop=False, seed=3)
    first, second = (
        read_manifest(tmp_path / name)["facts"]["label_noise"]["listed"] for name in "ab"
    )
    assert first == second


def test_of_a_class_a_fifth_is_left_out_at_most(dataset, tmp_path, monkeypatch):
    """As if every row of `good`, and one of `bad`, were doubted, the last the most."""
    train = pd.read_parquet(dataset / "train.parquet")
    good, bad = (np.flatnonzero(train["label"] == label) for label in (1, 0))
    doubted = np.concatenate([good[::-1], bad[:1]])
    monkeypatch.setattr(label_noise, "label_issues", lambda *_: doubted)
    monkeypatch.setattr(label_noise, "FOLDS", 2)  # So that the class of three rows is judged too.
    audit(dataset, tmp_path / "audited", drop=True, seed=0)
    facts = read_manifest(tmp_path / "audited")["facts"]
    most = len(good) // 5
    assert facts["label_noise"]["classes"] == {
        "bad": {"rows": len(bad), "suspects": 1, "left_out": 1},
        "good": {"rows": len(good), "suspects": len(good), "left_out": most},
    }
    gone = np.sort(np.concatenate([good[::-1][:most], bad[:1]]))
    kept = pd.read_parquet(tmp_path / "audited" / "train.parquet")
    assert kept["id"].tolist() == train.drop(index=gone)["id"].tolist()
    assert facts["class_counts"]["train"]["good"] == len(good) - most
    assert facts["label_noise"]["suspects"] == len(good) + 1
    [line] = [line for line in remarks(facts) if "look wrong" in line]
    assert line == (
        f"good: {len(good)} of {len(good)} training labels look wrong; {most} are left out, a "
        "fifth of the class at most"
    )
