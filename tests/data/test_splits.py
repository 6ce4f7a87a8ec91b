import numpy as np
import pytest

from bakeoff.data.prepare import prepare
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("films")
    lines = [f"film {n},{'good' if n % 2 else 'bad'}" for n in range(20)]
    (root / "films.csv").write_text("\n".join(["text,label", *lines]))
    dataset, test = root / "dataset", root / "test"
    prepare(dataset, test, source=str(root / "films.csv"), split="12:4:4", seed=0)
    return dataset, test


def test_rows_keep_id_text_and_label_together(folders):
    dataset, test = folders
    read = [
        read_split(dataset, "train"),
        read_split(dataset, "validation"),
        read_split(test, "test"),
    ]
    assert [len(split.inputs) for split in read] == [12, 4, 4]
    for split in read:
        assert split.classes == ["bad", "good"]
        assert split.ids.dtype == split.labels.dtype == np.int64
        assert split.inputs == [f"film {n}" for n in split.ids]
        assert split.labels.tolist() == [n % 2 for n in split.ids]
    assert sorted(n for split in read for n in split.ids) == list(range(20))


def test_the_folders_are_not_taken_for_each_other(folders):
    dataset, test = folders
    with pytest.raises(UserError, match="holds 'dataset', but 'test' is needed here"):
        read_split(dataset, "test")
    with pytest.raises(UserError, match="holds 'test', but 'dataset' is needed here"):
        read_split(test, "train")


def test_a_folder_of_something_else_is_explained(tmp_path):
    with pytest.raises(UserError, match="is no bakeoff folder"):
        read_split(tmp_path, "train")
