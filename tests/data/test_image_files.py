"""Folders and Parquet files of images, read but not decoded."""

import errno

import pandas as pd
import pyarrow as pa
import pytest
from noise_images import class_files, png, write_files
from pyarrow import parquet

from bakeoff.data import sources
from bakeoff.data.sources import fingerprint, read_images
from bakeoff.errors import UserError


def told(source):
    return list(source.frame.itertuples(index=False, name=None))


def test_a_folder_a_class(tmp_path):
    files = {"cat/b.png": png(1), "cat/a.jpg": png(2), "dog/more/c": png(3)}
    folder = write_files(tmp_path / "pets", {**files, "README.md": b"Pets", "cat/.a.png": b"x"})
    write_files(folder, {".git/a.png": b"x", "dog/.cache/a.png": b"x", "dog/Thumbs.db": b"x"})
    source = read_images(str(folder))
    names = ["cat/a.jpg", "cat/b.png", "dog/more/c"]
    assert told(source) == list(zip(names, ["cat", "cat", "dog"], [""] * 3, strict=True))
    assert [source.read(row) for row in range(3)] == [files[name] for name in names]
    assert (source.name, source.path, source.classes) == ("pets", str(folder), None)


@pytest.mark.parametrize("validation", ["val", "valid", "Validation"])
def test_folders_a_split(tmp_path, validation):
    for split in ("train", validation, "test"):
        write_files(tmp_path, class_files(1, f"{split}/"))
    splits = {name.split("/")[0]: own for name, _, own in told(read_images(str(tmp_path)))}
    assert splits == {"train": "train", validation: "validation", "test": "test"}


def test_classes_may_be_called_like_splits(tmp_path):
    write_files(tmp_path, {"test/a.png": png(), "wild/a.png": png()})
    assert [(label, own) for _, label, own in told(read_images(str(tmp_path)))] == [
        ("test", ""),
        ("wild", ""),
    ]


@pytest.mark.parametrize(
    ("files", "empty", "message"),
    [
        ({}, ".", "{} holds no images; put them into a folder a class: class/name.jpg"),
        ({"notes.txt": b""}, ".", "{} holds no images; put them into a folder a class"),
        ({"a.JPG": b""}, ".", "{}/a.JPG lies outside the class folders; put it into the folder"),
        (class_files(1), "bird", "{}/bird is an empty class folder; add images, or remove it"),
        (class_files(1) | {"bird/.a": b""}, ".", "{}/bird is an empty class folder"),
        (class_files(1, "train/"), "train/bird", "{}/train/bird is an empty class folder"),
        (class_files(1, "train/"), "test", "{}/test holds no images; put them into a folder a"),
        (class_files(1, "train/") | {"test/1.png": b""}, ".", "{}/test/1.png lies outside the"),
        (
            class_files(1, "Train_set/") | class_files(1, "test_set/"),
            ".",
            "{} has no folder train, and Train_set, test_set look like splits; name them train, "
            "val and test",
        ),
        (class_files(1, "val/") | class_files(1, "test/"), ".", "{} has no folder train, and te"),
        (
            class_files(1, "train/"),
            "extra",
            "{} has the folder 'extra' beside its training split; splits are train, val and test, "
            "so move everything else away",
        ),
    ],
)
def test_other_folders_are_explained(tmp_path, files, empty, message):
    folder = write_files(tmp_path / "pets", files)
    (folder / empty).mkdir(parents=True, exist_ok=True)
    with pytest.raises(UserError) as caught:
        read_images(str(folder))
    assert str(caught.value).startswith(message.format(folder))


def test_the_fingerprint_of_a_folder_follows_its_visible_files(tmp_path):
    folder = write_files(tmp_path / "pets", class_files(2))
    before = fingerprint(str(folder))
    write_files(folder, {".DS_Store": b"x"})
    assert fingerprint(str(folder)) == before
    (folder / "cat/0.png").rename(folder / "dog/cat.png")
    assert fingerprint(str(folder)) != before


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    folder = write_files(tmp_path / "pets", class_files(2))

    def refused(path):
        if path.name == "1.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return "hash"

    monkeypatch.setattr(sources, "file_hash", refused)
    with pytest.raises(UserError, match=r"pets/cat/1.png cannot be read: Permission denied; make"):
        fingerprint(str(folder))


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
    source = read_images(str(path), "photo", "kind")
    assert source.frame["label"].tolist()[:2] == ["dog", "cat"]
    assert source.frame["label"].isna().tolist() == [False, False, True]
    assert source.frame["own"].tolist() == ["train", "validation", "test"]


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
    parquet.write_table(pa.table(table), path)
    with pytest.raises(UserError) as caught:
        read_images(str(path), *columns)
    assert str(caught.value).startswith(message.format(path))


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
        "none/pets": "no such file: none/pets; check the path given with --data",
        "digit": "unknown data set 'digit': did you mean 'digits'?",
        "s3://me:secret@reviews/a.parquet": "holds a secret",
    }.items():
        with pytest.raises(UserError, match=message.replace("?", r"\?")):
            read_images(source)
