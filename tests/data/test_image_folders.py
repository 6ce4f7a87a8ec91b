"""Folders of images, listed but not decoded."""

import errno
import os
from pathlib import Path

import pytest
from noise_images import class_files, png, write_files

from bakeoff.data.image_folders import visible_files
from bakeoff.data.sources import fingerprint, holds_images, read_images
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
        ({"cards.pdf": b""}, ".", "{} holds no images; put them into a folder a class"),
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


def test_a_class_may_be_called_train(tmp_path):
    write_files(tmp_path, {"train/a.png": png(), "bus/a.png": png(), "val/a.png": png()})
    labels = [(label, own) for _, label, own in told(read_images(str(tmp_path)))]
    assert labels == [("bus", ""), ("train", ""), ("val", "")]


def test_a_folder_around_the_classes_is_explained(tmp_path):
    folder = write_files(tmp_path / "pets", class_files(1, "data/"))
    with pytest.raises(UserError, match=f"if its folders are the classes, give {folder}/data"):
        read_images(str(folder))


@pytest.mark.parametrize("name", ["cat\n.png", "cat\udce9.png", "a\u2028.png"])
@pytest.mark.parametrize("place", ["{}", "cat/{}", "{}/a.png"])
def test_names_that_are_no_text_are_refused(tmp_path, name, place):
    write_files(tmp_path, class_files(1))
    write_files(tmp_path, {place.format(name): png()})
    with pytest.raises(UserError) as caught:
        read_images(str(tmp_path))
    assert str(caught.value).endswith(f"whose name is no text, {name!a}; rename it")
    assert str(caught.value).isprintable()


def test_names_in_other_scripts_are_names(tmp_path):
    write_files(tmp_path, {"猫/Bild\u202f1.png": png(), "собака/👩\u200d🚀.png": png()})
    assert [label for _, label, _ in told(read_images(str(tmp_path)))] == ["собака", "猫"]


@pytest.mark.parametrize("target", ["cat", "."])
def test_links_to_a_folder_around_are_refused(tmp_path, target):
    folder = write_files(tmp_path / "pets", class_files(1))
    (folder / "cat/again").symlink_to(folder / target)
    for look in (read_images, fingerprint):
        with pytest.raises(UserError, match="again is a link to a folder that it lies in; remove"):
            look(str(folder))


def test_links_to_other_places_are_followed(tmp_path):
    folder = write_files(tmp_path / "pets", class_files(1))
    write_files(tmp_path / "more", {"a.png": png(9)})
    (folder / "cat/more").symlink_to(tmp_path / "more")
    (folder / "dog/more").symlink_to(folder / "cat/more")
    (folder / "dog/lost.png").symlink_to(tmp_path / "nowhere")
    names = ["cat/0.png", "cat/more/a.png", "dog/0.png", "dog/lost.png", "dog/more/a.png"]
    assert [name for name, *_ in told(read_images(str(folder)))] == names
    before = fingerprint(str(folder))
    write_files(tmp_path, {"nowhere": png(3)})
    assert fingerprint(str(folder)) != before


def test_pipes_are_no_files(tmp_path):
    write_files(tmp_path, {"a.png": png()})
    os.mkfifo(tmp_path / "pipe")
    assert visible_files(tmp_path) == [tmp_path / "a.png"]


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    folder = write_files(tmp_path / "pets", class_files(1))
    listed = Path.iterdir

    def refused(path):
        if path.name == "dog":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(UserError, match="pets/dog cannot be listed: Permission denied; make it"):
        read_images(str(folder))


def test_images_of_a_class_called_pos_are_no_reviews(tmp_path):
    folder = write_files(tmp_path, class_files(2, "train/") | {"train/pos/a.png": png(8)})
    assert holds_images(str(folder))
    before = fingerprint(str(folder))
    write_files(folder, {"train/pos/a.png": png(9)})
    assert fingerprint(str(folder)) != before
