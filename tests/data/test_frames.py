import pandas as pd
import pyarrow as pa
import pytest

from bakeoff.data.columns import Columns
from bakeoff.data.files import read_table
from bakeoff.data.frames import kept, split_column
from bakeoff.data.recognise import recognise
from bakeoff.data.sources import read_images
from bakeoff.errors import UserError
from bakeoff.running.look import look

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


class Splits(dict):
    """As Hugging Face's DatasetDict."""


def test_splits_are_one_table_that_tells_them(tmp_path):
    data = Splits(train=DataSet(), test=DataSet())
    assert split_column(data) == "split"
    frame = read_table(kept(data, tmp_path), Columns(split="split")).frame
    assert frame["split"].tolist() == ["train", "train", "test", "test"]
    assert frame["label"].tolist() == ["pos", "neg"] * 2


def test_a_single_split_is_the_data(tmp_path):
    data = Splits(train=DataSet())
    assert split_column(data) == ""
    assert kept(data, tmp_path) == kept(FRAME, tmp_path)


def test_a_look_takes_over_the_splits_of_a_dictionary():
    texts = [f"film{n} kind{n % 12} set{n // 12} end{n}" for n in range(60)]
    frame = pd.DataFrame({"text": texts, "label": ["good", "bad"] * 30})
    facts = look({"train": frame[:50], "test": frame[50:]}).facts
    assert facts["split"] == {"train": 44, "validation": 6, "test": 10}
    assert "the sides are those of column 'split'" in facts["remarks"]


def test_images_named_by_their_paths_are_read(tmp_path, encoded_images):
    files = []
    for number, content in enumerate(encoded_images(4)):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(content)
    images = [{"bytes": None, "path": str(file)} for file in files]
    path = kept(pd.DataFrame({"image": images, "label": ["a", "b"] * 2}), tmp_path / "data")
    assert recognise(path).modality == "image"
    source = read_images(path)
    assert [source.read(row) for row in range(4)] == [file.read_bytes() for file in files]


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
        ({"train": FRAME, "unsupervised": FRAME}, "of 'train', 'unsupervised', and splits are"),
        ({}, "the data is a dictionary of nothing; give its splits"),
        ({"train": FRAME, "test": FRAME.assign(split="x")}, "test has a column 'split', which is"),
        (
            pd.DataFrame({"image": [{"bytes": None, "path": "gone.png"}], "label": ["a"]}),
            "the image gone.png, which cannot be read: No such file",
        ),
        (FRAME[:0], "the data has no rows"),
        (pd.DataFrame({"text": [object()], "label": [1]}), "column 'text' of the data cannot be"),
        (pa.chunked_array([[1]]), "the data has a single column"),
    ],
    ids=[
        "list",
        "dictionary",
        "no splits",
        "own split",
        "no image",
        "no rows",
        "objects",
        "a column",
    ],
)
def test_what_is_no_table_is_refused_in_a_line_and_nothing_kept(tmp_path, data, line):
    with pytest.raises(UserError) as refused:
        kept(data, tmp_path / "data")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "data").exists()


def test_texts_and_numbers_in_one_column_are_kept_as_texts(tmp_path):
    columns = {"text": ["a film", "a play", None], "label": [1, "1", 2], "id": [1, "a", None]}
    frame = pd.DataFrame(columns)
    frame.insert(3, "id", [7, 8, 9], allow_duplicates=True)
    found = pd.read_parquet(kept(frame, tmp_path))
    assert list(found) == ["text", "label", "id (3)", "id (4)"]
    assert found["label"].tolist() == ["1", "1", "2"]
    assert found["id (4)"].tolist() == [7, 8, 9]
    assert found["id (3)"].fillna("").tolist() == ["1", "a", ""]
    assert found["text"].fillna("").tolist() == ["a film", "a play", ""]


UNHELD = {"no fields": {}, "objects": object(), "complex": 1j}


@pytest.mark.parametrize("value", UNHELD.values(), ids=UNHELD.keys())
def test_a_column_that_parquet_cannot_hold_is_left_out_unless_it_is_needed(tmp_path, value):
    texts = [f"film{n} kind{n % 12} set{n // 12} end{n}" for n in range(60)]
    columns = {"body": texts, "queue": ["good", "bad"] * 30, "meta": [value] * 60}
    frame = pd.DataFrame(columns)
    facts = look(frame).facts
    assert facts["columns"] == {"input": "body", "label": "queue"}
    assert "column 'meta' is left out, for Parquet cannot hold it" in facts["remarks"]
    assert kept(frame, tmp_path) == kept(frame.assign(meta=[value] * 60), tmp_path)
    for role in ("text", "image", "label", "group"):
        with pytest.raises(UserError, match="column 'meta' of the data cannot be kept as Parquet;"):
            look(frame, **{f"{role}_column": "meta"})
    with pytest.raises(UserError, match="column 'meta' of the data cannot be kept as Parquet;"):
        read_images(kept(frame, tmp_path), Columns("body", "meta"))
    with pytest.raises(UserError, match="column 'label' of the data cannot be kept as Parquet: "):
        kept(frame.rename(columns={"meta": "label"}), tmp_path)


def test_what_pandas_notes_of_a_frame_is_no_part_of_its_content(tmp_path):
    frame = FRAME.copy()
    frame.attrs = {"source": object()}
    assert kept(frame, tmp_path) == kept(FRAME, tmp_path)


def test_integers_of_arrow_beside_missing_ones_keep_their_digits(tmp_path):
    groups = [2**60 + 1, None]
    data = pa.table(FRAME.to_dict("list") | {"user": groups})
    frame = read_table(kept(data, tmp_path), Columns(group="user")).frame
    assert frame["group"].tolist() == groups
