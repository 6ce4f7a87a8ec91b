import errno

import pandas as pd
import pytest

from bakeoff.artifacts import artifact_hash, file_hash, read_manifest
from bakeoff.data.prepare import prepare
from bakeoff.errors import UserError

SPLIT = "0.6:0.2:0.2"


@pytest.fixture
def films(tmp_path):
    """Ten films a class, two rows without label."""
    path = tmp_path / "films.csv"
    lines = [f"film number {n},{'good' if n % 2 else 'bad'}" for n in range(20)]
    path.write_text("\n".join(["text,label", "lost,", *lines, "lost too,", ""]))
    return path


def prepared(root, source, **settings):
    settings = {"split": SPLIT, "seed": 0, "skip_bad": True, **settings}
    prepare(root / "dataset", root / "test", source=str(source), **settings)
    return root / "dataset", root / "test"


def parts(dataset, test):
    folders = {"train": dataset, "validation": dataset, "test": test}
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name, folder in folders.items()}


def test_each_row_goes_to_one_part_with_its_label(tmp_path, films):
    read = parts(*prepared(tmp_path, films))
    assert {name: len(frame) for name, frame in read.items()} == {
        "train": 12,
        "validation": 4,
        "test": 4,
    }
    together = pd.concat(read.values()).sort_values("id")
    assert together["id"].tolist() == list(range(1, 21))
    assert together["text"].tolist() == [f"film number {n}" for n in range(20)]
    assert together["label"].tolist() == [0, 1] * 10


def test_the_test_split_is_in_its_own_folder_alone(tmp_path, films):
    dataset, test = prepared(tmp_path, films)
    assert {path.name for path in dataset.iterdir()} == {
        "manifest.json",
        "train.parquet",
        "validation.parquet",
    }
    assert {path.name for path in test.iterdir()} == {"manifest.json", "test.parquet"}


def test_both_manifests_tell_what_was_done(tmp_path, films):
    dataset, test = prepared(tmp_path, films)
    facts = read_manifest(dataset, "dataset")["facts"]
    assert read_manifest(test, "test")["facts"] == facts
    assert facts.pop("preparation")
    assert facts == {
        "modality": "text",
        "classes": ["bad", "good"],
        "sizes": {"train": 12, "validation": 4, "test": 4},
        "class_counts": {
            "train": {"bad": 6, "good": 6},
            "validation": {"bad": 2, "good": 2},
            "test": {"bad": 2, "good": 2},
        },
        "source": {
            "name": "films.csv",
            "path": str(films),
            "fingerprint": file_hash(films),
            "rows": 22,
        },
        "columns": {"input": "text", "label": "label"},
        "duplicates": {"groups": 0, "surplus_rows": 0, "groups_with_conflicting_labels": 0},
        "dropped": {"no label": 2},
        "remarks": [],
        "split": SPLIT,
        "seed": 0,
    }
    settings = read_manifest(test)["settings"]
    assert settings["source"] == str(films)
    assert settings["skip_bad"] is True


def test_the_seed_alone_decides(tmp_path, films):
    first = prepared(tmp_path / "a", films)
    again = prepared(tmp_path / "b", films)
    other = prepared(tmp_path / "c", films, seed=1)
    assert [artifact_hash(f) for f in first] == [artifact_hash(f) for f in again]
    assert artifact_hash(first[1]) != artifact_hash(other[1])


def test_a_limit_samples_by_class(tmp_path, films):
    read = parts(*prepared(tmp_path, films, limit=10))
    assert [len(frame) for frame in read.values()] == [6, 2, 2]
    assert pd.concat(read.values())["label"].value_counts().to_dict() == {0: 5, 1: 5}


def test_duplicates_stay_on_one_side(tmp_path):
    path = tmp_path / "films.csv"
    lines = [f"{'Film' if n % 3 else 'film'} {n // 3},{n // 3 % 2}" for n in range(120)]
    path.write_text("\n".join(["text,label", *lines, ""]))
    dataset, test = prepared(tmp_path, path)
    sides = [set(frame["text"].str.lower()) for frame in parts(dataset, test).values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40
    assert read_manifest(dataset)["facts"]["duplicates"]["surplus_rows"] == 80


def test_columns_are_chosen(tmp_path, films):
    films.write_text(films.read_text().replace("text,label", "body,stars"))
    dataset, _ = prepared(tmp_path, films, input_column="body", label_column="stars")
    assert read_manifest(dataset)["facts"]["classes"] == ["bad", "good"]


@pytest.mark.parametrize("failing", ["validation", "test"])
def test_a_failure_while_writing_keeps_the_earlier_folders(tmp_path, films, monkeypatch, failing):
    folders = prepared(tmp_path / "out", films)
    before = [artifact_hash(folder) for folder in folders]
    write = pd.DataFrame.to_parquet

    def full(frame, path, **settings):
        if path.stem == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(frame, path, **settings)

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(UserError, match="the disk is full"):
        prepared(tmp_path / "out", films, seed=1)
    assert [artifact_hash(folder) for folder in folders] == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"dataset", "test"}


def test_a_file_in_place_of_a_folder_stays(tmp_path, films):
    (tmp_path / "test").write_text("mine")
    with pytest.raises(UserError, match="test: a file stands where a folder is needed"):
        prepared(tmp_path, films)
    assert {path.name for path in tmp_path.iterdir()} == {"films.csv", "test"}
    assert (tmp_path / "test").read_text() == "mine"


def test_files_of_somebody_else_are_not_replaced(tmp_path, films):
    (tmp_path / "dataset").mkdir()
    mine = films.rename(tmp_path / "dataset" / "films.csv")
    with pytest.raises(UserError, match=r"dataset: it holds files that bakeoff did not make"):
        prepared(tmp_path, mine)
    assert mine.exists()
