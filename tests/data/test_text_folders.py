"""Texts as files in a folder a class."""

import pytest

from bakeoff.artifacts import read_manifest
from bakeoff.data.columns import Columns
from bakeoff.data.prepare import prepare
from bakeoff.data.recognise import recognise
from bakeoff.data.sources import fingerprint, holds_images, read_source
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError


def write(folder, **files):
    """Files by place, with __ for /."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.fixture
def mails(tmp_path):
    spam = {f"spam__{n}": f"win a prize now {n}" for n in range(10)}
    return write(tmp_path / "mails", **spam, **{f"ham__{n}": f"see you at {n}" for n in range(20)})


def refused(source, *arguments, **options):
    with pytest.raises(UserError) as caught:
        read_source(str(source), *arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_folders_are_the_classes_and_files_the_texts(mails):
    (mails / ".DS_Store").write_bytes(b"\0")
    found = read_source(str(mails))
    assert found.name == "mails"
    assert found.frame["label"].value_counts().to_dict() == {"ham": 20, "spam": 10}
    assert set(found.frame["text"][found.frame["label"] == "spam"]) == {
        f"win a prize now {n}" for n in range(10)
    }
    assert not holds_images(str(mails))
    assert recognise(str(mails)).modality == "text"


def test_a_folder_is_prepared_as_a_table_is(mails, tmp_path):
    prepare(tmp_path / "dataset", tmp_path / "test", source=str(mails), split="0.6:0.2:0.2", seed=0)
    assert read_manifest(tmp_path / "dataset")["facts"]["classes"] == ["ham", "spam"]
    parts = [read_split(tmp_path / "dataset", name) for name in ("train", "validation")]
    parts.append(read_split(tmp_path / "test", "test"))
    assert sorted(text for part in parts for text in part.inputs) == sorted(
        read_source(str(mails)).frame["text"]
    )


def test_folders_of_splits_are_kept(tmp_path):
    for split, n in (("train", 8), ("test", 4)):
        for name in ("good", "bad"):
            rows = {f"{split}__{name}__{i}": f"{split} {name} words {i}" for i in range(n)}
            write(tmp_path / "set", **rows)
    prepare(
        tmp_path / "dataset",
        tmp_path / "test",
        source=str(tmp_path / "set"),
        split="0.7:0.1:0.2",
        seed=0,
    )
    assert all(text.startswith("test ") for text in read_split(tmp_path / "test", "test").inputs)
    assert len(read_split(tmp_path / "test", "test").inputs) == 8


def test_the_level_of_the_classes_can_be_said(tmp_path):
    places = [f"{who}__{kind}__{n}" for who in "ab" for kind in ("x", "y") for n in range(3)]
    folder = write(tmp_path / "mails", **{place: f"text {place}" for place in places})
    assert "which may all be classes; say which with --class-level" in refused(folder)
    found = read_source(str(folder), class_level=2)
    assert set(found.frame["label"]) == {"x", "y"}
    assert "no folders of level 3" in refused(folder, class_level=3)
    table = tmp_path / "a.csv"
    table.write_text("text,label\na b c,1\n")
    assert "--class-level is for: leave it out" in refused(table, class_level=1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        ("d\xe9j\xe0 vu".encode("latin-1"), "not UTF-8"),
        (b"PK\x03\x04 xl/workbook", "no text"),
        (b"\0" * 8, "no text"),
    ],
)
def test_files_that_cannot_be_used_are_named_or_left_out(mails, content, why):
    (mails / "spam" / "odd.txt").write_bytes(content)
    assert f"of 31 files 1 cannot be used: spam/odd.txt ({why})" in refused(mails)
    found = read_source(str(mails), skip_bad=True)
    assert list(found.bad.values()) == [why]


def test_what_lies_beside_the_texts_is_no_text(mails):
    (mails / "spam" / "labels.csv").write_text("name,label\n1,spam\n")
    assert "spam/labels.csv (no .txt)" in refused(mails)
    assert set(read_source(str(mails), skip_bad=True).bad.values()) == {"no .txt"}


def test_a_table_with_a_word_on_it_is_no_folder_of_texts(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reviews.csv").write_text("text,label\na,b\n")
    (tmp_path / "data" / "README.txt").write_text("what this is")
    with pytest.raises(UserError, match=r"if reviews.csv in it is the data, give .*reviews.csv$"):
        recognise(str(tmp_path / "data"))


def test_other_encodings_and_marks_are_read_as_in_tables(mails):
    (mails / "ham" / "a.txt").write_bytes("\ufeffcaf\xe9 à la carte".encode())
    (mails / "ham" / "b.txt").write_bytes("日本語の文章です\n".encode("utf-16"))
    texts = read_source(str(mails)).frame["text"].str.strip().tolist()
    assert {"café à la carte", "日本語の文章です"} <= set(texts)


def test_what_is_no_folder_of_texts_is_refused(mails, tmp_path):
    (mails / "loose.txt").write_text("whose?")
    assert "lies outside the class folders; put it into the folder" in refused(mails)
    assert "(class/name.txt)" in refused(mails)
    (tmp_path / "none").mkdir()
    assert "is a folder without texts" in refused(tmp_path / "none")
    write(tmp_path / "one", only__1="a b", only__2="c d")
    with pytest.raises(UserError, match="class"):
        prepare(
            *(tmp_path / "d", tmp_path / "t"),
            source=str(tmp_path / "one"),
            split="0.7:0.1:0.2",
            seed=0,
        )
    with pytest.raises(UserError, match="split"):
        read_source(str(mails), Columns(split="split"))


def test_changed_content_is_noticed(mails):
    before = fingerprint(str(mails))
    (mails / "spam" / "3.txt").write_text("other")
    assert fingerprint(str(mails)) != before
