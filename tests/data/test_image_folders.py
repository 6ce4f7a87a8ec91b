"""Folders of images, listed but not decoded."""

import errno
import os
from pathlib import Path

import pytest
from noise_images import class_files, png, write_files

from bakeoff.data.folder_tree import visible_files
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
            class_files(1, "Training-part/") | class_files(1, "test_set/"),
            ".",
            "{} has no folder train, and Training-part, test_set look like splits; name them "
            "train, val and test",
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


def owned(folder, level=0):
    """Label and split of the images."""
    found = read_images(str(folder), class_level=level)
    return sorted({(label, own) for _, label, own in told(found)})


SPLIT = [(name, own) for name in ("cat", "dog") for own in ("test", "train")]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training", "testing"),
        ("Training_Set", "test-set"),
        ("trainset", "testset"),
        ("train_images", "test_images"),
        ("seg_train", "seg_test"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/Train", "test/Test"),
    ],
)
def test_splits_have_many_names(tmp_path, train, test):
    write_files(tmp_path, class_files(2, f"{train}/") | class_files(1, f"{test}/"))
    write_files(tmp_path, {"README.md": b"", f"{train}/notes.txt": b"", "@eaDir/a/b.jpg": b""})
    assert owned(tmp_path) == SPLIT


def test_dev_is_validation(tmp_path):
    write_files(tmp_path, class_files(1, "train/") | class_files(1, "dev/"))
    assert {own for _, own in owned(tmp_path)} == {"train", "validation"}


@pytest.mark.parametrize("names", [("freight_train", "steam_train"), ("train", "wild"), ("a", "b")])
def test_classes_that_are_no_splits(tmp_path, names):
    write_files(tmp_path, {f"{name}/{number}.png": png() for name in names for number in range(2)})
    assert owned(tmp_path) == [(name, "") for name in names]


@pytest.mark.parametrize(
    ("folders", "levels", "found"),
    [
        (
            ["photo/dog", "photo/cat", "sketch/dog"],
            "level 1 has photo, sketch; level 2 has cat, dog",
            {1: [("photo", ""), ("sketch", "")], 2: [("cat", ""), ("dog", "")]},
        ),
        (
            ["train/photo/dog", "train/photo/cat", "test/sketch/dog", "test/photo/cat"],
            "level 1 has test, train; level 2 has photo, sketch; level 3 has cat, dog",
            {3: SPLIT, 1: [("test", ""), ("train", "")]},
        ),
        (
            ["cat/train", "cat/test", "dog/train", "dog/test"],
            "level 1 has cat, dog; level 2 has test, train",
            {1: SPLIT},
        ),
        (
            ["2021/train/cat", "2021/test/cat", "2022/train/dog", "2022/test/dog"],
            "level 1 has 2021, 2022; level 2 has test, train; level 3 has cat, dog",
            {3: SPLIT},
        ),
        (
            [f"{kind}/{n}" for kind in ("x", "y") for n in range(9)],
            "level 1 has x, y; level 2 has 0, 1, 2, 3, … (9)",
            {1: [("x", ""), ("y", "")]},
        ),
    ],
)
def test_classes_that_could_be_of_several_levels_are_asked_for(tmp_path, folders, levels, found):
    write_files(tmp_path, {f"{folder}/a.png": png() for folder in folders})
    with pytest.raises(UserError) as caught:
        read_images(str(tmp_path))
    expected = f"{tmp_path}: {levels}, which may all be classes; say which with --class-level"
    assert str(caught.value) == expected
    for level, told_apart in found.items():
        assert owned(tmp_path, level) == told_apart


def test_a_folder_of_copies_of_the_classes_is_no_class(tmp_path):
    write_files(tmp_path, class_files(1) | class_files(1, "backup/"))
    with pytest.raises(UserError) as caught:
        read_images(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}/backup has no images of its own and the folder 'cat', as a class is called; "
        "move it away (or say --class-level 1 if it is a class)"
    )
    assert owned(tmp_path, 1) == [("backup", ""), ("cat", ""), ("dog", "")]


def test_a_class_may_have_folders_of_its_own_beside_classes_without(tmp_path):
    write_files(tmp_path, class_files(1) | {"fox/red/a.png": png(), "fox/arctic/b.png": png()})
    assert owned(tmp_path) == [("cat", ""), ("dog", ""), ("fox", "")]


@pytest.mark.parametrize("form", ["{split}_{of}", "{of}-{split}", "{split} {of}"])
def test_folders_that_name_a_split_and_a_class_are_no_four_classes(tmp_path, form):
    names = [
        form.format(split=split, of=of) for of in ("cat", "dog") for split in ("test", "train")
    ]
    write_files(tmp_path, {f"{name}/a.png": png() for name in names})
    with pytest.raises(UserError) as caught:
        read_images(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: {names[0]} and {names[1]} each name a split and a class; put them into "
        "folders of splits, as in train/cat (or say --class-level 1 if all are classes)"
    )
    assert len(owned(tmp_path, 1)) == 4


def test_a_folder_around_all_images_of_a_class_is_none(tmp_path):
    write_files(tmp_path, {"cat/images/a.png": png(), "dog/images/b.png": png()})
    assert owned(tmp_path) == [("cat", ""), ("dog", "")]


def test_a_level_may_say_that_splits_are_classes(tmp_path):
    write_files(tmp_path, class_files(1, "train/") | class_files(1, "test/"))
    assert owned(tmp_path, 1) == [("test", ""), ("train", "")]


@pytest.mark.parametrize(
    ("files", "level", "message"),
    [
        (class_files(1), 2, "{}: no folders of level 2; level 1 has cat, dog"),
        ({}, 1, "{}: no folders of level 1; there are none"),
        (class_files(1, "photo/") | {"photo/a.png": b""}, 2, "{}/photo/a.png lies outside the"),
        (class_files(1, "photo/") | {"sketch/a.txt": b""}, 2, "{}/sketch holds no images; put"),
    ],
)
def test_a_level_that_is_none_is_explained(tmp_path, files, level, message):
    with pytest.raises(UserError) as caught:
        read_images(str(write_files(tmp_path, files)), class_level=level)
    assert str(caught.value).startswith(message.format(tmp_path))


def test_a_level_is_for_folders_alone(tmp_path):
    write_files(tmp_path, {"a.parquet": b""})
    for source in ("digits", str(tmp_path / "a.parquet")):
        with pytest.raises(UserError, match="no folder of class folders, which --class-level is"):
            read_images(source, class_level=1)


@pytest.mark.parametrize(
    "left",
    [
        *("@eaDir/0.png/THUMB.jpg", "__MACOSX/cat/._0.png", ".thumbnails/0.png", "#recycle/0.png"),
        *("$RECYCLE.BIN/0.png", "lost+found/0.png", "Thumbs.db", ".DS_Store", "@Recycle/0.png"),
        *("System Volume Information/0.png", "Icon\r", "desktop.ini", "~snapshot/daily/cat/0.png"),
        *("@SynoResource/0.png", "RECYCLER/0.png", "Network Trash Folder/0.png"),
    ],
)
def test_what_systems_leave_does_not_count(tmp_path, left):
    folder = write_files(tmp_path / "pets", class_files(2))
    before, hashed = told(read_images(str(folder))), fingerprint(str(folder))
    for place in ("", "cat/"):
        write_files(folder, {f"{place}{left}": png(9)})
    assert told(read_images(str(folder))) == before
    assert fingerprint(str(folder)) == hashed
    assert len(visible_files(folder)) == 4
