"""Images through the whole prepare step, from files to splits."""

import io
import os
import re
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from noise_images import class_files, encoded, noise, png, write_files
from PIL import Image
from pyarrow import parquet
from test_decoding import bomb
from test_image_sets import idx, idx_files

import bakeoff.cli
from bakeoff.artifacts import artifact_hash, read_manifest
from bakeoff.data.decoding import decode
from bakeoff.data.prepare import prepare
from bakeoff.data.sources import fingerprint
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError

SHARED = Path(os.environ.get("BAKEOFF_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
NAMES = ("train", "validation", "test")


def prepared(root, source, **settings):
    settings = {"modality": "image", "split": "0.6:0.2:0.2", "seed": 0, **settings}
    prepare(root / "dataset", root / "test", source=str(source), **settings)
    return read(root)


def read(root):
    folders = (root / "dataset", root / "dataset", root / "test")
    return {name: read_split(folder, name) for name, folder in zip(NAMES, folders, strict=True)}


def facts(root):
    found = read_manifest(root / "dataset", "dataset")["facts"]
    assert read_manifest(root / "test", "test")["facts"] == found
    return found


def seeds(splits):
    """Split → the seeds of its images, by their pixels."""
    known = {noise(seed).tobytes(): seed for seed in range(100)}
    return {name: [known[i.tobytes()] for i in split.inputs] for name, split in splits.items()}


def test_each_image_goes_to_one_part_with_its_label(tmp_path):
    folder = write_files(tmp_path / "pets", class_files(10))
    splits = prepared(tmp_path, folder)
    found = seeds(splits)
    assert [len(part) for part in found.values()] == [12, 4, 4]
    assert sorted(chain(*found.values())) == list(range(20))
    for name, split in splits.items():
        assert split.inputs.shape[1:] == (8, 8, 3)
        assert isinstance(split.inputs, np.memmap)
        assert split.modality == "image"
        assert split.labels.tolist() == [seed % 2 for seed in found[name]]
        assert np.bincount(split.labels).tolist() == [len(split.labels) // 2] * 2
        assert split.ids.tolist() == [seed % 2 * 10 + seed // 2 for seed in found[name]]
    assert {p.name for p in (tmp_path / "dataset").iterdir()} == {
        "manifest.json",
        *(f"{name}.{ending}" for name in NAMES[:2] for ending in ("parquet", "npy")),
    }
    table = parquet.read_table(tmp_path / "test" / "test.parquet")
    assert {field.name: field.type for field in table.schema} == {
        "id": pa.int64(),
        "label": pa.int32(),
        "name": pa.large_string(),
    }
    for row, seed in zip(table.to_pylist(), found["test"], strict=True):
        assert row["name"] == f"{('cat', 'dog')[seed % 2]}/{seed // 2}.png"


def test_the_manifest_tells_what_was_done(tmp_path):
    folder = write_files(tmp_path / "pets", class_files(10, grey=True, size=(6, 6)))
    prepared(tmp_path, folder)
    told = facts(tmp_path)
    assert told.pop("preparation")
    assert told == {
        "modality": "image",
        "classes": ["cat", "dog"],
        "sizes": {"train": 12, "validation": 4, "test": 4},
        "class_counts": {
            name: dict.fromkeys(["cat", "dog"], count)
            for name, count in zip(NAMES, [6, 2, 2], strict=True)
        },
        "source": {
            "name": "pets",
            "path": str(folder),
            "fingerprint": fingerprint(str(folder)),
            "rows": 20,
        },
        "columns": {"input": "image", "label": "label"},
        "duplicates": {
            "groups": 0,
            "surplus_rows": 0,
            "groups_with_conflicting_labels": 0,
        },
        "dropped": {},
        "remarks": [],
        "image": {"height": 6, "width": 6, "channels": 1},
        "split": "0.6:0.2:0.2",
        "seed": 0,
    }
    assert read_manifest(tmp_path / "test")["settings"]["image_size"] == 0


def test_the_seed_alone_decides(tmp_path):
    hashes = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepared(tmp_path / name, "digits", seed=seed, limit=200)
        hashes.append([artifact_hash(tmp_path / name / part) for part in ("dataset", "test")])
    assert hashes[0] == hashes[1]
    assert hashes[0][1] != hashes[2][1]


def test_digits_are_resized(tmp_path):
    splits = prepared(tmp_path, "digits", limit=200, image_size=12)
    assert [len(split.labels) for split in splits.values()] == [120, 40, 40]
    assert splits["train"].inputs.shape == (120, 12, 12, 1)
    assert splits["train"].classes == [str(n) for n in range(10)]


def test_copies_in_another_format_are_copies_at_any_size(tmp_path):
    files = {}
    for n in range(20):
        jpeg = encoded(noise(n, (100, 80)), "jpeg")
        with Image.open(io.BytesIO(jpeg)) as image:
            files[f"{('cat', 'dog')[n % 2]}/{n}.png"] = encoded(image.copy())
        files[f"{('cat', 'dog')[n % 2]}/{n}.jpg"] = jpeg
    prepared(tmp_path, write_files(tmp_path / "pets", files), image_size=8)
    assert facts(tmp_path)["duplicates"]["groups"] == 20


def test_copies_stay_on_one_side(tmp_path):
    files = {}
    for n in range(120):
        pixels = noise(n // 3)
        image = encoded(pixels, "bmp") if n % 2 else encoded(pixels)
        files[f"{('cat', 'dog')[n // 3 % 2]}/{n}"] = image
    found = seeds(prepared(tmp_path, write_files(tmp_path / "pets", files)))
    sides = [set(part) for part in found.values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40
    assert facts(tmp_path)["duplicates"] == {
        "groups": 40,
        "surplus_rows": 80,
        "groups_with_conflicting_labels": 0,
    }


@pytest.mark.parametrize("kind", ["test", "val"])
def test_an_own_test_split_stays_the_test_split(tmp_path, kind):
    files = class_files(12, "train/") | class_files(3, f"{kind}/", start=30)
    files |= {f"train/cat/copy-{n}.png": png(30) for n in range(2)}
    splits = prepared(tmp_path, write_files(tmp_path / "pets", files), split="0.6:0.2:0.2")
    found = seeds(splits)
    assert sorted(found["test"]) == list(range(30, 36))
    assert [len(part) for part in found.values()] == [18, 6, 6]
    assert sorted(found["train"] + found["validation"]) == list(range(24))
    assert facts(tmp_path)["duplicates"]["copies_left_out"] == 2
    again = seeds(prepared(tmp_path / "again", tmp_path / "pets", seed=1))
    assert sorted(again["test"]) == sorted(found["test"])
    assert sorted(again["validation"]) != sorted(found["validation"])


def test_three_own_splits_stay_as_they_are(tmp_path):
    files = class_files(6, "train/") | class_files(2, "valid/", 20) | class_files(2, "test/", 30)
    source = write_files(tmp_path / "pets", files)
    found = seeds(prepared(tmp_path, source))
    assert [sorted(part) for part in found.values()] == [
        list(range(12)),
        [20, 21, 22, 23],
        [30, 31, 32, 33],
    ]
    limited = prepared(tmp_path / "limited", source, limit=10)
    counts = [np.bincount(split.labels).tolist() for split in limited.values()]
    assert counts == [[3, 3], [1, 1], [1, 1]]


def test_a_parquet_file_with_a_column_of_splits(tmp_path):
    content = [png(seed) for seed in range(30)]
    table = {
        "photo": pa.array([{"bytes": found, "path": "a.png"} for found in content]),
        "kind": ["cat", "dog"] * 15,
        "split": ["train"] * 20 + ["test"] * 10,
    }
    parquet.write_table(pa.table(table), tmp_path / "pets.parquet")
    splits = prepared(
        tmp_path,
        tmp_path / "pets.parquet",
        input_column="photo",
        label_column="kind",
        split="10:4:6",
    )
    assert [len(split.labels) for split in splits.values()] == [10, 4, 6]
    assert set(seeds(splits)["test"]) < set(range(20, 30))
    names = parquet.read_table(tmp_path / "test" / "test.parquet")["name"].to_pylist()
    assert names == [f"row {seed + 1}" for seed in seeds(splits)["test"]]


BAD = {
    "cat/cut.jpg": encoded(noise(size=(64, 64)), "jpeg")[:1500],
    "cat/empty.jpg": b"",
    "cat/pixel.png": png(size=(1, 1)),
    "dog/bomb.png": bomb(20_000),
    "dog/words.jpg": b"these are words",
}
REASONS = {
    "cat/cut.jpg": "damaged",
    "cat/empty.jpg": "empty",
    "cat/pixel.png": "less than 4 pixels a side",
    "dog/bomb.png": "more than 50 megapixels",
    "dog/words.jpg": "no image of a known format",
}


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Prepare through the command line what must be refused; returns the line it says."""

    def run(source, *options):
        before = set(tmp_path.rglob("*"))
        command = ["bakeoff", "data", "prepare", "--data", source, "--output", tmp_path / "out"]
        monkeypatch.setattr(sys, "argv", [str(part) for part in (*command, *options)])
        with pytest.raises(SystemExit) as stopped:
            bakeoff.cli.main()
        assert stopped.value.code == 2
        assert set(tmp_path.rglob("*")) == before
        [line] = capsys.readouterr().err.splitlines()
        return line.removeprefix("error: ").replace(str(tmp_path), "~")

    return run


@pytest.mark.parametrize("name", BAD)
def test_an_image_that_cannot_be_used_is_refused_or_left_out(tmp_path, refused, name):
    folder = write_files(tmp_path / "pets", class_files(10) | {name: BAD[name]})
    assert refused(folder) == (
        f"~/pets: 1 image cannot be used ({name}: {REASONS[name]}); mend or remove, or leave out "
        "with --skip-bad-images"
    )
    found = seeds(prepared(tmp_path, folder, skip_bad=True))
    assert sorted(chain(*found.values())) == list(range(20))
    assert facts(tmp_path)["dropped"] == {REASONS[name]: 1}
    assert facts(tmp_path)["source"]["rows"] == 21


def test_of_many_bad_images_the_first_are_named(tmp_path, refused):
    files = class_files(10) | BAD | {"dog/x.jpg": b"", "dog/y.jpg": b""}
    folder = write_files(tmp_path / "pets", files)
    listed = "; ".join(
        f"{', '.join(name for name in REASONS if REASONS[name] == reason)}: {reason}"
        for reason in dict.fromkeys(REASONS.values())
    )
    assert f"7 images cannot be used ({listed}; …); mend" in refused(folder)
    prepared(tmp_path, folder, skip_bad=True)
    assert facts(tmp_path)["dropped"] == {
        "damaged": 1,
        "empty": 3,
        "less than 4 pixels a side": 1,
        "more than 50 megapixels": 1,
        "no image of a known format": 1,
    }


@pytest.mark.parametrize(
    ("files", "options", "line"),
    [
        (
            class_files(5) | {"dog/wide.png": png(size=(10, 8))},
            [],
            "~/pets: images differ in size (cat/0.png is 8×8, dog/wide.png is 10×8); give "
            "--image-size N to resize and crop all to N×N",
        ),
        (
            class_files(5, size=(10, 8)),
            [],
            "~/pets: images are 10×8, and networks take squares; give --image-size N to resize and "
            "crop all to N×N",
        ),
        (
            {"cat/1.png": png()},
            [],
            "~/pets holds the single class 'cat'; a comparison needs two or",
        ),
        (
            class_files(16) | {"bird/1.png": png(99)},
            [],
            "~/pets: class 'bird' has 1 of 33 rows, too few for a split of 23:3:7: every part",
        ),
        (
            class_files(5) | {"bird/1.png": png(99)},
            [],
            "~/pets: a split of 8:1:2 has fewer rows in a part than there are classes, 3, and",
        ),
        (
            class_files(5, "train/") | class_files(2, "test/", 20) | {"test/bird/1.png": png(99)},
            [],
            "~/pets: class 'bird' is in the test split and not in the training split (copies left "
            "aside); add some of it there, or leave the class out",
        ),
        (
            class_files(5, "train/") | class_files(2, "test/", 20),
            ["--split", "20:2:4"],
            "~/pets: the split asks for 22 training rows, and the data has 10 beside its own test",
        ),
        (
            class_files(5),
            ["--image-size", "2"],
            "--image-size 2 leaves no picture; give 4 pixels or more",
        ),
        (
            class_files(5),
            ["--image-size", "100000"],
            "--image-size 100000 asks for more than 50 megapixels a picture; give 7071 pixels or "
            "less",
        ),
        (
            class_files(5, size=(40, 60)) | {"cat/bad.png": b""},
            ["--image-size", "641", "--skip-bad-images"],
            "~/pets: images have 40 pixels a side, and 641 would show nothing more of them; give "
            "--image-size 640 or less, or larger images",
        ),
        (
            {"cat/1.jpg": b"", "dog/1.jpg": b""},
            ["--skip-bad-images"],
            "~/pets holds no image that can be used; check what is in it",
        ),
        (
            class_files(5) | {f"bird/{n}.jpg": b"" for n in range(3)},
            ["--skip-bad-images"],
            "~/pets: class 'bird' has no image that can be used, as its 3 are left out; mend them",
        ),
        (
            class_files(1),
            ["--split", "0.98:0.01:0.01"],
            "~/pets: the split of 2 rows is 2:0:0, and every part needs one of each class; use",
        ),
    ],
)
def test_folders_that_are_refused(tmp_path, refused, files, options, line):
    assert refused(write_files(tmp_path / "pets", files), *options).startswith(line)


def test_what_cannot_be_read_is_left_out_where_asked(tmp_path, refused):
    folder = write_files(tmp_path / "pets", class_files(10))
    (folder / "cat/lost.png").symlink_to("nowhere")
    assert "1 image cannot be used (cat/lost.png: No such file or directory); mend" in refused(
        folder
    )
    prepared(tmp_path, folder, skip_bad=True)
    assert facts(tmp_path)["dropped"] == {"No such file or directory": 1}


def test_output_inside_the_data_is_refused(tmp_path, refused):
    folder = write_files(tmp_path / "pets", class_files(10))
    line = refused(folder, "--output", folder / "prepared")
    assert line == (
        "~/pets/prepared lies in the folder of the data, ~/pets, and would be read as a part of "
        "it; choose another folder"
    )
    assert sorted(path.name for path in folder.iterdir()) == ["cat", "dog"]


def test_an_empty_class_folder_is_refused(tmp_path, refused):
    (write_files(tmp_path / "pets", class_files(5)) / "bird").mkdir()
    line = "~/pets/bird is an empty class folder; add images, or remove it"
    assert refused(tmp_path / "pets") == line


def test_parquet_files_that_are_refused(tmp_path, refused):
    path = tmp_path / "pets.parquet"
    columns = {"image": [png(n) for n in range(9)], "label": ["cat"] * 4 + [None] + ["dog"] * 4}
    parquet.write_table(pa.table(columns), path)
    assert refused(path, "--image-column", "photo").startswith(
        "~/pets.parquet has no column 'photo"
    )
    assert refused(path, "--image-column", "image") == (
        "~/pets.parquet: 1 image cannot be used (row 5: no label); mend or remove, or leave out "
        "with --skip-bad-images"
    )
    parquet.write_table(pa.table(columns | {"label": list(range(9))}), path)
    assert refused(path, "--image-column", "image") == (
        "~/pets.parquet: column 'label' has 9 different values in 9 rows, too many to be classes; "
        "name the label with --label-column"
    )


def test_labels_outside_the_classes_are_refused_or_left_out(tmp_path, refused):
    labels = np.append(np.arange(29) % 10, 10)
    images = noise(0, (6, 6 * 40), grey=True).reshape(40, 6, 6)
    pictures = {"train-images-idx3-ubyte": images[:30], "t10k-images-idx3-ubyte": images[30:]}
    files = idx_files(labels, "") | {name: idx(some) for name, some in pictures.items()}
    folder = write_files(tmp_path / "mnist", files)
    assert refused(folder) == (
        "~/mnist: 1 image cannot be used (row 30: label outside the classes); mend or remove, or "
        "leave out with --skip-bad-images"
    )
    splits = prepared(tmp_path, folder, skip_bad=True, split="10:10:10")
    assert [len(split.labels) for split in splits.values()] == [10, 10, 10]
    assert facts(tmp_path)["dropped"] == {"label outside the classes": 1}


def test_texts_are_not_taken_for_images(tmp_path):
    with pytest.raises(UserError, match="imdb-25k holds texts, and images are needed here"):
        prepared(tmp_path, "imdb-25k")
    with pytest.raises(UserError, match="digits holds images, and texts are needed here"):
        prepared(tmp_path, "digits", modality="text")


@pytest.mark.parametrize(
    ("name", "classes", "size"),
    [("stl10_train5000_test1000", 10, 96), ("tiny_imagenet50_train_val", 50, 64)],
)
def test_real_photographs(tmp_path, name, classes, size):
    path = SHARED / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"needs {path} (set BAKEOFF_SHARED_DATA)")
    whole = parquet.read_table(path)
    table = whole.take(np.arange(0, len(whole), 10))
    parquet.write_table(table, tmp_path / "some.parquet")
    splits = prepared(tmp_path, tmp_path / "some.parquet", split="0.7:0.1:0.2")
    tests = [row for row, split in enumerate(table["split"].to_pylist()) if split != "train"]
    assert sorted(splits["test"].ids) == tests
    assert splits["train"].inputs.shape[1:] == (size, size, 3)
    assert len(splits["train"].classes) == classes
    rest = len(splits["train"].labels) + len(splits["validation"].labels)
    assert abs(len(splits["validation"].labels) - rest / 8) < 1
    for row in (0, 7):
        content = table["image"][int(splits["test"].ids[row])].as_py()
        expected = np.broadcast_to(decode(content), (size, size, 3))
        assert np.array_equal(splits["test"].inputs[row], expected)
        with Image.open(io.BytesIO(content)) as image:
            assert np.array_equal(expected, np.asarray(image.convert("RGB")))
        label = str(table["label"][int(splits["test"].ids[row])].as_py())
        assert splits["test"].classes[splits["test"].labels[row]] == label


def test_the_command_takes_images_to_splits(tmp_path, monkeypatch, capsys):
    folder = write_files(tmp_path / "pets", class_files(10) | BAD)
    options = ["--skip-bad-images", "--image-size", "6", "--output", str(tmp_path)]
    monkeypatch.setattr(
        sys, "argv", ["bakeoff", "data", "prepare", "--data", str(folder), *options]
    )
    with pytest.raises(SystemExit) as ended:
        bakeoff.cli.main()
    assert not ended.value.code
    out = capsys.readouterr().out
    assert re.search(r"cat\s+7\s+1\s+2\n", out)
    told = sum(int(n) for n in re.findall(r"^(\d+) left out: \w", out, re.MULTILINE))
    assert told == len(BAD)
    assert read(tmp_path)["test"].inputs.shape == (4, 6, 6, 3)


@pytest.mark.parametrize(
    ("own", "side", "told"), [(8, 128, False), (8, 129, True), (40, 160, False), (40, 161, True)]
)
def test_images_that_are_enlarged_many_times_are_told(tmp_path, own, side, told):
    folder = write_files(tmp_path / "pets", class_files(10, size=(own, own)))
    prepared(tmp_path, folder, image_size=side)
    remark = (
        f"images of {own} pixels a side are enlarged to {side}, which shows nothing more of them "
        "and takes longer"
    )
    assert facts(tmp_path)["remarks"] == [remark] * told
