"""Parquet files of images, read but not decoded."""

import json

import pandas as pd
import pyarrow as pa
import pytest
from noise_images import png
from pyarrow import parquet

from bakeoff.data.columns import Columns
from bakeoff.data.sources import read_images
from bakeoff.errors import UserError


def told(source):
    return list(source.frame.itertuples(index=False, name=None))


CONTENTS = [png(0), png(1), None]


def write_table(path, images, labels=(1, 0, 1), **more):
    parquet.write_table(pa.table({"image": images, "label": pa.array(labels), **more}), path)
    return str(path)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), "struct", "null struct"])
def test_a_parquet_file(tmp_path, kind):
    images = pa.array(CONTENTS, pa.binary() if isinstance(kind, str) else kind)
    if isinstance(kind, str):
        mask = pa.array([False, False, kind == "null struct"])
        paths = pa.array(["a.png", "b.png", None])
        images = pa.StructArray.from_arrays([paths, images], ["path", "bytes"], mask=mask)
    source = read_images(write_table(tmp_path / "pets.parquet", images))
    assert told(source) == [("row 1", 1, ""), ("row 2", 0, ""), ("row 3", 1, "")]
    assert [source.read(row) for row in range(3)] == [png(0), png(1), b""]
    assert source.name == "pets.parquet"


def test_labels_and_columns_of_a_parquet_file(tmp_path):
    path = tmp_path / "pets.parquet"
    frame = pd.DataFrame({"photo": CONTENTS, "kind": pd.Categorical(["dog", "cat", None])})
    frame.assign(split=["train", "Valid", "test"]).to_parquet(path)
    source = read_images(str(path), Columns("photo", "kind"))
    assert source.frame["label"].tolist()[:2] == ["dog", "cat"]
    assert source.frame["label"].isna().tolist() == [False, False, True]
    assert source.frame["own"].tolist() == ["train", "validation", "test"]


def test_names_of_columns_are_those_that_a_person_reads(tmp_path):
    """Composed or not, with spaces around them or without, as in tables of texts."""
    path = str(tmp_path / "pets.parquet")
    names = ["image ", "e\u0301tiquette", " split", "qui "]
    meaning = {"features": {names[1]: {"names": ["cat", "dog"]}}}
    table = pa.table([CONTENTS, [1, 0, 1], ["train", "val", "test"], [1.0, 2.0, 1.0]], names=names)
    info = {"huggingface": json.dumps({"info": meaning})}
    parquet.write_table(table.replace_schema_metadata(info), path)
    for columns in (
        Columns("image", "\u00e9tiquette", group="qui"),
        Columns("image ", "e\u0301tiquette ", " split", "qui "),
    ):
        source = read_images(path, columns)
        assert source.frame["label"].tolist() == ["dog", "cat", "dog"]
        assert source.frame["own"].tolist() == ["train", "validation", "test"]
        assert source.frame["group"].tolist() == [1.0, 2.0, 1.0]
        assert source.label_column == "\u00e9tiquette"
        assert source.read(1) == png(1)
    with pytest.raises(UserError, match="no column 'who'; it has: image, étiquette, split, qui"):
        read_images(path, Columns("image", "who"))
    twice = pa.table([CONTENTS, CONTENTS, [1, 0, 1]], names=["image", "image ", "label"])
    parquet.write_table(twice, path)
    with pytest.raises(UserError, match="several columns 'image'"):
        read_images(path)


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (
            {"image": CONTENTS, "label": [0, 1, 0]},
            ("photo", "label"),
            "{} has no column 'photo'; it has: image, label (name them with --image-column and "
            "--label-column)",
        ),
        ({"image": CONTENTS}, ("image", "label"), "{} has no column 'label'; it has: image"),
        (
            pa.table([CONTENTS, [0, 1, 0], [1, 0, 1]], names=["image", "label", "label"]),
            ("image", "label"),
            "{} has several columns 'label'; it has: image, label, label",
        ),
        (
            {"image": CONTENTS, "label": [b"\xff", b"b", None]},
            ("image", "label"),
            "{}: column 'label' holds binary values instead of labels (row 1); convert it",
        ),
        (
            {"image": CONTENTS, "label": [[0], [1], None]},
            ("image", "label"),
            "{}: column 'label' holds lists instead of labels (row 1)",
        ),
        ({"image": CONTENTS}, ("image", "image"), "{}: column 'image' holds binary values inst"),
        (
            {"image": ["a.png"], "label": [0]},
            ("image", "label"),
            "{}: column 'image' holds string, not encoded images (bytes); name the images with "
            "--image-column",
        ),
        ({"image": [], "label": []}, ("image", "label"), "{} has columns and no rows"),
        (
            {"image": CONTENTS, "label": [0, 1, 0], "split": ["train", "test", "unlabelled"]},
            ("image", "label"),
            "{}: column 'split' holds 'unlabelled' in row 3; splits are train, val and test, so "
            "mend it, or remove the column",
        ),
    ],
)
def test_other_parquet_files_are_explained(tmp_path, table, columns, message):
    path = tmp_path / "pets.parquet"
    parquet.write_table(table if isinstance(table, pa.Table) else pa.table(table), path)
    with pytest.raises(UserError) as caught:
        read_images(str(path), Columns(*(columns or ("image",))))
    assert str(caught.value).startswith(message.format(path))


def test_labels_are_called_as_hugging_face_calls_them(tmp_path):
    features = {"label": {"names": ["dog", "cat"], "_type": "ClassLabel"}, "image": {}}
    table = pa.table({"image": CONTENTS, "label": [1, 0, -1]})
    known = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(table.replace_schema_metadata(known), tmp_path / "pets.parquet")
    labels = read_images(str(tmp_path / "pets.parquet")).frame["label"]
    assert labels.tolist()[:2] == ["cat", "dog"]
    assert labels.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"words" * 100])
def test_a_damaged_parquet_file_is_explained(tmp_path, content):
    path = tmp_path / "pets.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"pets\.parquet is no Parquet file, or a damaged one: "):
        read_images(str(path))


def test_a_parquet_file_on_s3(bucket, tmp_path):
    path = write_table(tmp_path / "pets.parquet", pa.array(CONTENTS))
    bucket.put(path, "reviews/pets.parquet")
    source = read_images("s3://reviews/pets.parquet")
    assert source.read(1) == png(1)
    assert (source.name, source.path) == ("pets.parquet", "s3://reviews/pets.parquet")
    with pytest.raises(UserError, match=r"cannot read s3://reviews/none\.parquet: there is no"):
        read_images("s3://reviews/none.parquet")


def test_what_holds_no_images_is_explained(tmp_path):
    (tmp_path / "films.csv").write_text("text,label\n")
    with pytest.raises(UserError) as caught:
        read_images(str(tmp_path / "films.csv"))
    assert str(caught.value) == (
        f"{tmp_path}/films.csv holds no images that are known: give a folder (class/name.jpg), a "
        "Parquet file, or one of digits, fashion-mnist, stl10, tiny-imagenet by name or as it was "
        "downloaded"
    )
    for source, message in {
        "none/pets": "no such file: none/pets; check the path",
        "digit": "unknown data set 'digit': did you mean 'digits'?",
        "s3://me:secret@reviews/a.parquet": "holds a secret",
    }.items():
        with pytest.raises(UserError, match=message.replace("?", r"\?")):
            read_images(source)


def test_large_integers_beside_missing_ones_keep_their_digits(tmp_path, encoded_images):
    ids = [2**60 + 1, 2**60 + 2, None]
    columns = {"image": encoded_images(3), "label": ids, "who": ids}
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    frame = read_images(str(tmp_path / "x.parquet"), Columns("image", group="who")).frame
    assert frame["label"].tolist() == frame["group"].tolist() == ids
