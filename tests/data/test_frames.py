import pandas as pd
import pyarrow as pa
import pytest

from bakeoff.data.columns import Columns
from bakeoff.data.files import read_table
from bakeoff.data.frames import kept
from bakeoff.errors import UserError

FRAME = pd.DataFrame({"text": ["good film", "bad film"], "label": ["pos", "neg"]})


class Feature:
    names = ("neg", "pos")


class DataSet:
    """As Hugging Face's: labels are numbers, whose names its features tell."""

    def __init__(self):
        self.features = {"text": object(), "label": Feature()}

    def to_pandas(self):
        return FRAME.assign(label=[1, 0])


def read(path):
    return read_table(path, Columns()).frame[["text", "label"]].to_dict("list")


@pytest.mark.parametrize(
    "data",
    [
        FRAME,
        FRAME.set_index(pd.Index([7, 9])),
        FRAME.astype({"label": "category"}),
        FRAME.astype("string"),
        pa.Table.from_pandas(FRAME),
        DataSet(),
    ],
    ids=["frame", "index", "categories", "strings", "arrow", "data set"],
)
def test_the_same_content_is_read_back_whatever_holds_it(tmp_path, data):
    assert read(kept(data, tmp_path)) == FRAME.to_dict("list")


def test_a_file_is_named_by_its_content(tmp_path):
    first = kept(FRAME, tmp_path)
    assert kept(FRAME.copy(), tmp_path) == first
    assert kept(FRAME[::-1], tmp_path) != first
    assert len(list(tmp_path.iterdir())) == 2


def test_the_data_itself_is_not_changed(tmp_path):
    frame = FRAME.rename(columns={"label": 1})
    kept(frame, tmp_path)
    assert list(frame.columns) == ["text", 1]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ([("good", 1)], "the data is of the type list; give a path"),
        ({"train": FRAME, "test": FRAME}, "a dictionary of 'train', 'test'; give one of them"),
        (FRAME[:0], "the data has no rows"),
        (pd.DataFrame({"text": [object()], "label": [1]}), "cannot be kept as Parquet"),
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "cannot be kept as Parquet"),
        (pa.chunked_array([[1]]), "the data has a single column"),
    ],
    ids=["list", "dictionary", "no rows", "objects", "one name twice", "a column"],
)
def test_what_is_no_table_is_refused_in_a_line_and_nothing_kept(tmp_path, data, line):
    with pytest.raises(UserError) as refused:
        kept(data, tmp_path / "data")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "data").exists()
