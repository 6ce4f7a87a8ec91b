"""Folders in an S3 bucket, or behind another address, read and written as local ones are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from bakeoff.artifacts import MANIFEST, explained_write_errors, make_folder
from bakeoff.errors import UserError
from bakeoff.patience import causes
from bakeoff.remote import answered, is_remote, opened

T = TypeVar("T")

_MOUNTS = {"minio": "minio", "s3": "s3", "gcs": "gs"}
"""Where Kubeflow Pipelines mounts or copies artifacts in a pod → the scheme of their addresses."""


def address(uri: str) -> str:
    """An artifact's address without what S3 does not know.

    >>> address("minio://mlpipeline/v2/artifacts/models/?region=x")
    'minio://mlpipeline/v2/artifacts/models'

    Raises:
        UserError: it is in no S3 bucket.
    """
    scheme, _, path = uri.partition("://")
    path = path.partition("?")[0].strip("/")
    if scheme not in ("minio", "s3") or not path:
        raise UserError(
            f"{uri} is in no S3 bucket: give s3:// or minio:// addresses, as Kubeflow Pipelines "
            "has them by default"
        )
    return f"{scheme}://{path}"


def mounted(path: Path | str) -> str:
    """The address of an artifact that a step of Kubeflow Pipelines sees at a path; "" of others.

    >>> mounted("/minio/mlpipeline/v2/artifacts/models")
    'minio://mlpipeline/v2/artifacts/models'
    """
    root, _, rest = str(path).removeprefix("/").partition("/")
    is_one = str(path).startswith("/") and root in _MOUNTS and rest
    return f"{_MOUNTS[root]}://{rest}" if is_one else ""


def beside(place: str, what: str) -> str:
    """An address beside that of an output: the same for each try of a task, another for each task.

    >>> beside("s3://bucket/run/models", "checkpoints")
    's3://bucket/run/checkpoints-models'
    """
    above, _, name = place.rstrip("/").rpartition("/")
    return f"{above}/{what}-{name}"


class Folder:
    """What is below one prefix of a bucket.

    Each of its methods may raise a `StoreAwayError` once there was no answer for `patience` seconds
    (None, or where it cannot be given: a step's; at a terminal none), and a `UserError` at once for
    what a person has to put right: keys that are wrong, a bucket that is absent.
    """

    def __init__(self, place: str) -> None:
        """Args:
        place: `s3://bucket/prefix`, `minio://bucket/prefix`, or what else fsspec knows.
        """
        self.place = place.rstrip("/")

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.place}/{name}")

    def __str__(self) -> str:
        return self.place

    def read(self, name: str, *, patience: float | None = None) -> bytes | None:
        """A file's content; None where there is none."""
        return self._asked(
            "read",
            lambda files, path: bytes(files.cat_file(f"{path}/{name}")),
            patience,
            absent=None,
        )

    def write(self, name: str, content: bytes, *, patience: float | None = None) -> None:
        """The file is there whole, or not at all."""
        self._asked(
            "write", lambda files, path: files.pipe_file(f"{path}/{name}", content), patience
        )

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        return self._asked(
            "read",
            lambda files, path: int(files.info(f"{path}/{name}")["size"]),
            absent=None,
        )

    def put(self, file: Path, name: str) -> None:
        """Write a file of this machine."""
        self._asked("write", lambda files, path: files.put_file(str(file), f"{path}/{name}"))

    def names(self) -> list[str]:
        """Of all files below, relative to the folder, in order."""

        def found(files: Any, path: str) -> list[str]:
            files.invalidate_cache()
            return sorted(str(name).removeprefix(f"{path}/") for name in files.find(path))

        return self._asked("read", found, absent=[])

    def folders(self, *, patience: float | None = None) -> list[str]:
        """Names of the folders in this one, in order."""

        def found(files: Any, path: str) -> list[str]:
            files.invalidate_cache()
            inside = [one for one in files.ls(path, detail=True) if one["type"] == "directory"]
            return sorted(PurePosixPath(one["name"]).name for one in inside)

        return self._asked("read", found, patience, absent=[])

    def download(self, folder: Path, *, only: set[str] | None = None) -> None:
        """Add the files below, or those of the top-level names `only`, to a folder.

        Files, and folders in it that were not there, appear whole, once all is fetched, and its
        manifest last.

        Raises:
            UserError: there are none, or they cannot be written.
        """
        names = self.names()
        if not names:
            raise UserError(
                f"there is nothing at {self.place}: was it removed, or is it behind another "
                "endpoint (AWS_ENDPOINT_URL)?"
            )
        make_folder(folder)
        with (
            explained_write_errors(folder),
            tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch,
        ):
            for name in names:
                parts = PurePosixPath(name).parts
                if ".." in parts or (only is not None and parts[0] not in only):
                    continue
                target = Path(scratch, *parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                self._get(name, target, folder)
            _add(Path(scratch), folder)

    def _get(self, name: str, target: Path, folder: Path) -> None:
        """Fetch a file to `target`, on its way to `folder`."""

        def get(files: Any, path: str) -> None:
            with explained_write_errors(folder):
                files.get_file(f"{path}/{name}", str(target))

        self._asked("read", get)

    def upload(self, folder: Path) -> None:
        """Write a folder's files, its manifest last: where that is, all is."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for file in sorted(files, key=lambda file: file == folder / MANIFEST):
            self.put(file, file.relative_to(folder).as_posix())

    def remove(self) -> None:
        """Remove all that is below."""
        self._asked("remove", lambda files, path: files.rm(path, recursive=True), absent=None)

    def _asked(
        self,
        verb: str,
        work: Callable[[Any, str], T],
        patience: float | None = None,
        **absent: T,
    ) -> T:
        """What `work` gives, from the file system and the path in it; `absent` where nothing is."""

        def ask() -> T:
            try:
                return work(*opened(self.place))
            except FileNotFoundError as error:
                if absent and not _lacks_bucket(error):
                    return absent["absent"]
                raise

        return answered(ask, self.place, verb=verb, patience=patience)


def _add(fetched: Path, folder: Path) -> None:
    """Move what is in one folder to another one, where it takes the place of what is there."""
    for path in sorted(fetched.iterdir(), key=lambda path: path.name == MANIFEST):
        target = folder / path.name
        if path.is_dir() and target.is_dir():
            _add(path, target)
        else:
            path.replace(target)


def _lacks_bucket(error: Exception) -> bool:
    codes = (getattr(one, "response", {}).get("Error", {}).get("Code") for one in causes(error))
    return "NoSuchBucket" in codes


@contextmanager
def fetched(place: Path | str) -> Iterator[Path]:
    """A folder here with what is at a path, or at an address."""
    if not is_remote(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="bakeoff-fetched-") as folder:
        here = Path(folder) / "fetched"
        Folder(str(place)).download(here)
        yield here


@contextmanager
def manifest_of(place: Path | str) -> Iterator[Path]:
    """A folder with the manifest of an artifact, which is all that tells one from another."""
    if not is_remote(place):
        yield Path(place)
        return
    content = Folder(str(place)).read(MANIFEST)
    if content is None:
        raise UserError(f"{place} is no bakeoff folder: it has no {MANIFEST}")
    with tempfile.TemporaryDirectory(prefix="bakeoff-fetched-") as folder:
        (Path(folder) / MANIFEST).write_bytes(content)
        yield Path(folder)


@contextmanager
def published(place: Path | str) -> Iterator[Path]:
    """A path to write a folder to; on success it is at `place`, which may be an address."""
    if not is_remote(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="bakeoff-published-") as folder:
        made = Path(folder) / "made"
        yield made
        Folder(str(place)).upload(made)
