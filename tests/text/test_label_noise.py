import numpy as np
import pandas as pd
import pytest

from bakeoff.artifacts import read_manifest
from bakeoff.data.prepare import prepare
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
    assert sum(facts["class_counts"]["train"].values()) == len(kept)


def test_the_same_seed_lists_the_same(dataset, tmp_path):
    audit(dataset, tmp_path / "a", drop=False, seed=3)
    audit(dataset, tmp_path / "b", drop=False, seed=3)
    first, second = (
        read_manifest(tmp_path / name)["facts"]["label_noise"]["listed"] for name in "ab"
    )
    assert first == second
