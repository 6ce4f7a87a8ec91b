"""The named image sets: their official archives in small, served as files."""

import gzip
import hashlib
import tarfile
import zipfile

import numpy as np
import pytest
from noise_images import encoded, noise, write_files

from bakeoff.data import image_sets, tiny_imagenet
from bakeoff.data.images import clean_images
from bakeoff.data.sources import fingerprint, holds_images, location, read_images, read_source
from bakeoff.errors import UserError


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def idx(array):
    head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
    return head + array.astype("uint8").tobytes()


TRAIN = noise(0, (6, 5 * 20)).reshape(20, 5, -1)[..., :6]
TEST = noise(1, (6, 5 * 10)).reshape(10, 5, -1)[..., :6]


def idx_files(labels=None, ending=".gz"):
    pack = gzip.compress if ending else bytes
    labels = np.arange(20) % 10 if labels is None else labels
    return {
        f"train-images-idx3-ubyte{ending}": pack(idx(TRAIN)),
        f"train-labels-idx1-ubyte{ending}": pack(idx(labels)),
        f"t10k-images-idx3-ubyte{ending}": pack(idx(TEST)),
        f"t10k-labels-idx1-ubyte{ending}": pack(idx(np.arange(10)[::-1])),
    }


def checked_idx(source, classes):
    frame = source.frame
    assert frame["label"].tolist() == [*range(10), *range(10), *range(9, -1, -1)]
    assert frame["own"].tolist() == ["train"] * 20 + ["test"] * 10
    assert frame["name"].tolist()[::29] == ["row 1", "row 30"]
    assert np.array_equal(source.read(19), TRAIN[19])
    assert np.array_equal(source.read(20), TEST[0])
    assert source.classes[::9] == classes


def test_digits():
    source = read_images("digits")
    assert len(source.frame) == 1797
    assert source.classes == [str(n) for n in range(10)]
    assert set(source.frame["own"]) == {""}
    first = source.read(0)
    assert first.shape == (8, 8)
    assert (first.min(), first.max(), first.dtype) == (0, 239, np.uint8)  # 15 of 16.
    assert max(source.read(row).max() for row in range(50)) == 255
    assert len(fingerprint("digits")) == 64
    assert location("digits") == "digits"


def test_fashion_mnist_is_downloaded_once(tmp_path, monkeypatch):
    served = write_files(tmp_path / "served", idx_files())
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image_sets, "FASHION_URL", served.as_uri())
    sums = {name: md5(served / name) for name in image_sets.FASHION_MD5}
    monkeypatch.setattr(image_sets, "FASHION_MD5", sums)
    checked_idx(read_images("fashion-mnist"), ["T-shirt/top", "Ankle boot"])
    for name in sums:
        (served / name).unlink()
    checked_idx(read_images("fashion-mnist"), ["T-shirt/top", "Ankle boot"])
    copy = read_images(str(tmp_path / "cache" / "fashion-mnist"))
    checked_idx(copy, ["T-shirt/top", "Ankle boot"])
    assert copy.name == "fashion-mnist"


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_files_like_those_of_fashion_mnist_are_digits(tmp_path, ending):
    folder = write_files(tmp_path / "mnist", idx_files(ending=ending))
    source = read_images(str(folder))
    checked_idx(source, ["0", "9"])
    assert source.name == "mnist"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte", b"", "cannot be read as an idx file: its first bytes are"),
        ("train-labels-idx1-ubyte", idx(TRAIN), "cannot be read as an idx file: its first"),
        ("train-images-idx3-ubyte", idx(TRAIN)[:-1], "cannot be read as an idx file: cannot resh"),
        ("train-labels-idx1-ubyte", idx(np.arange(9)), "has 20 images and 9 labels (train)"),
        ("t10k-labels-idx1-ubyte", None, "cannot be read as an idx file: [Errno 2]"),
    ],
)
def test_damaged_idx_files_are_explained(tmp_path, name, content, message):
    files = {**idx_files(ending=""), name: content}
    write_files(tmp_path, {name: found for name, found in files.items() if found is not None})
    with pytest.raises(UserError) as caught:
        read_images(str(tmp_path))
    assert message in str(caught.value)


def test_a_damaged_gz_file_is_explained(tmp_path):
    name = "train-images-idx3-ubyte.gz"
    write_files(tmp_path, {**idx_files(), name: idx_files()[name][:-20]})
    with pytest.raises(UserError, match=f"{name} cannot be read as an idx file: .*get it again"):
        read_images(str(tmp_path))


@pytest.fixture
def stl10(tmp_path):
    """Ten training and ten test images: the official layout has columns before rows."""
    files = {"stl10_binary/unlabeled_X.bin": bytes(1000)}
    for seed, part in enumerate(["test", "train"]):
        images = np.stack([noise(10 * seed + row, (96, 96)) for row in range(10)])
        files[f"stl10_binary/{part}_X.bin"] = images.transpose(0, 3, 2, 1).tobytes()
        files[f"stl10_binary/{part}_y.bin"] = bytes(range(1, 11))
    folder = write_files(tmp_path / "unpacked", files)
    with tarfile.open(tmp_path / "stl10_binary.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(folder / "stl10_binary", "stl10_binary")
    return tmp_path / "stl10_binary.tar.gz"


def test_stl10_packed_and_unpacked(stl10, tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image_sets, "STL10_URL", stl10.as_uri())
    monkeypatch.setattr(image_sets, "STL10_MD5", md5(stl10))
    unpacked = tmp_path / "unpacked"
    for place in ("stl10", stl10, unpacked, unpacked / "stl10_binary"):
        assert holds_images(str(place))
        source = read_images(str(place))
        assert source.frame["label"].tolist() == [*range(10)] * 2
        assert source.frame["own"].tolist() == ["train"] * 10 + ["test"] * 10
        assert np.array_equal(source.read(3), noise(13, (96, 96)))
        assert np.array_equal(source.read(10), noise(0, (96, 96)))
        assert source.classes[2] == "car"
    assert fingerprint("stl10") == image_sets.STL10_MD5


def test_damaged_stl10_archives_are_explained(stl10, tmp_path):
    content = stl10.read_bytes()
    stl10.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"\.tar\.gz cannot be read as the STL-10 archive: ."):
        read_images(str(stl10))
    folder = tmp_path / "unpacked" / "stl10_binary"
    (folder / "train_X.bin").write_bytes(bytes(100))
    with pytest.raises(UserError, match="unpacked cannot be read as the STL-10 archive: cannot"):
        read_images(str(folder.parent))
    (folder / "train_X.bin").unlink()
    with tarfile.open(stl10, "w:gz") as archive:
        archive.add(folder, "stl10_binary")
    with pytest.raises(UserError, match=r"is not the STL-10 archive: it lacks 'train_X\.bin'"):
        read_images(str(stl10))


WNIDS = ["n02", "n01", "n03"]


@pytest.fixture
def tiny(tmp_path):
    """Three classes, two of which share their first name."""
    files = {
        "wnids.txt": "\n".join(WNIDS).encode(),
        "words.txt": b"n00\tentity\nn01\tgoldfish, Carassius auratus\nn02\tcrane\nn03\tcrane, bird",
        "val/val_annotations.txt": b"val_0.JPEG\tn01\t0\t32\t44\t62\nval_1.JPEG\tn03\t1\t1\t2\t2\n",
        "test/images/test_0.JPEG": b"nobody labelled this",
        "train/n01/n01_boxes.txt": b"n01_0.JPEG\t0\t10\t63\t58\n",
    }
    for number, wnid in enumerate(WNIDS):
        files[f"train/{wnid}/images/{wnid}_0.JPEG"] = encoded(noise(number), "jpeg")
    for number in range(2):
        files[f"val/images/val_{number}.JPEG"] = encoded(noise(10 + number), "jpeg")
    folder = write_files(tmp_path / "tiny-imagenet-200", files)
    with zipfile.ZipFile(tmp_path / "tiny.zip", "w") as archive:
        for name in ["", *files]:
            archive.write(folder / name, f"tiny-imagenet-200/{name}")
    return folder


def test_tiny_imagenet_packed_and_unpacked(tiny, tmp_path, monkeypatch):
    packed = tmp_path / "tiny.zip"
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tiny_imagenet, "TINY_URL", packed.as_uri())
    monkeypatch.setattr(tiny_imagenet, "TINY_MD5", md5(packed))
    for place in ("tiny-imagenet", packed, tiny):
        assert holds_images(str(place))
        source = read_images(str(place))
        assert source.classes == ["crane (n02)", "goldfish", "crane (n03)"]
        assert list(source.frame.itertuples(index=False, name=None)) == [
            ("train/n01/images/n01_0.JPEG", 1, "train"),
            ("train/n02/images/n02_0.JPEG", 0, "train"),
            ("train/n03/images/n03_0.JPEG", 2, "train"),
            ("val/images/val_0.JPEG", 1, "test"),
            ("val/images/val_1.JPEG", 2, "test"),
        ]
        assert source.read(1) == encoded(noise(0), "jpeg")
        assert source.read(4) == encoded(noise(11), "jpeg")
    assert fingerprint("tiny-imagenet") == tiny_imagenet.TINY_MD5


def test_an_image_that_the_archive_lacks_is_named(tiny, tmp_path):
    (tiny / "val/images/val_1.JPEG").unlink()
    lacking = tmp_path / "lacking.zip"
    with zipfile.ZipFile(lacking, "w") as archive:
        for file in sorted(tiny.rglob("*.*")):
            archive.write(file, file.relative_to(tiny.parent))
    for place, reason in ((lacking, "cannot be read"), (tiny, "No such file or directory")):
        with pytest.raises(UserError, match=rf"\(val/images/val_1.JPEG: {reason}\)"):
            clean_images(read_images(str(place)))


def test_other_zip_archives_are_explained(tmp_path):
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.jpg", b"")
    with pytest.raises(UserError) as caught:
        read_images(str(path))
    assert str(caught.value) == (
        f"{path} cannot be read as the Tiny ImageNet archive: \"There is no item named 'wnids.txt' "
        'in the archive"; unpack other archives and give the folder'
    )
    path.write_bytes(b"words")
    with pytest.raises(UserError, match="cannot be read as the Tiny ImageNet archive: File is not"):
        read_images(str(path))


def test_texts_and_images_are_not_taken_for_each_other():
    with pytest.raises(UserError) as caught:
        read_images("imdb-25k")
    assert str(caught.value) == (
        "imdb-25k holds texts, and images are needed here; those known by name are digits, "
        "fashion-mnist, stl10, tiny-imagenet"
    )
    with pytest.raises(UserError) as caught:
        read_source("digits")
    assert str(caught.value) == (
        "digits holds images, and texts are needed here; those known by name are imdb-25k, "
        "rotten-tomatoes, imdb"
    )


def test_what_holds_images_is_known_beforehand(tmp_path, imdb_archive, imdb_folder):
    write_files(tmp_path / "pets", {"cat/1.png": b""})
    write_files(tmp_path, {"films.csv": b"", "pets.parquet": b""})
    assert holds_images("digits")
    assert holds_images(str(tmp_path / "pets"))
    texts = ["imdb-25k", imdb_archive, imdb_folder, tmp_path / "films.csv", "s3://b/films.csv"]
    assert not any(holds_images(str(source)) for source in [*texts, tmp_path / "pets.parquet"])
    with pytest.raises(UserError, match="no such file"):
        holds_images("none/pets")
