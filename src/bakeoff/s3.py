"""Folders in an S3 bucket, read and written as local ones are.

The endpoint and the keys come from the variables that every S3 client knows (AWS_ENDPOINT_URL,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.artifacts import MANIFEST
from bakeoff.errors import UserError

T = TypeVar("T")


class S3AwayError(OSError):
    """S3 did not answer for long: it may later."""


PATIENCE_SECONDS = 300.0
"""For which what must be read or written is tried again."""
ENDPOINT = "AWS_ENDPOINT_URL"
KFP_ENDPOINT = "http://seaweedfs.kubeflow:9000"
"""Where KFP 2.17 keeps what is at `minio://`, unless it was configured otherwise."""
_MINIO, _S3 = "minio://", "s3://"
_LIMITS = {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 1}}


def is_remote(place: Path | str) -> bool:
    """Whether a place is an address and no path."""
    return "://" in str(place)


def address(uri: str) -> str:
    """An artifact's URI as S3 knows it.

    >>> address("minio://mlpipeline/v2/artifacts/models")
    's3://mlpipeline/v2/artifacts/models'

    Raises:
        UserError: it is in no S3 bucket.
    """
    for scheme in (_MINIO, _S3):
        if uri.startswith(scheme) and uri.removeprefix(scheme).strip("/"):
            return _S3 + uri.removeprefix(scheme).strip("/")
    raise UserError(
        f"{uri} is in no S3 bucket: a RayJob reads and writes s3:// or minio:// artifacts, as "
        "Kubeflow Pipelines keeps them by default"
    )


class Folder:
    """What is below one prefix of a bucket."""

    def __init__(self, place: str) -> None:
        """Args:
        place: `s3://bucket/prefix`.
        """
        self.place = address(place)
        self._path = self.place.removeprefix(_S3)

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.place}/{name}")

    def read(self, name: str, *, patience: float = PATIENCE_SECONDS) -> bytes | None:
        """A file's content; None where there is none.

        Raises:
            S3AwayError: there was no answer for `patience` seconds.
        """
        return self._tried(
            partial(_absent_is_none, self._files.cat_file, f"{self._path}/{name}"), patience
        )

    def write(self, name: str, content: bytes, *, patience: float = PATIENCE_SECONDS) -> None:
        """Raises:
        S3AwayError: there was no answer for `patience` seconds.
        """
        self._tried(partial(self._files.pipe_file, f"{self._path}/{name}", content), patience)

    def names(self, *, patience: float = PATIENCE_SECONDS) -> list[str]:
        """Of all files below, relative to the folder, in order.

        Raises:
            S3AwayError: there was no answer for `patience` seconds.
        """
        found = self._tried(
            partial(_absent_is_none, self._files.find, self._path, refresh=True), patience
        )
        return sorted(str(name).removeprefix(f"{self._path}/") for name in found or [])

    def folders(self, *, patience: float = PATIENCE_SECONDS) -> list[str]:
        """Names of the folders in this one, in order.

        Raises:
            S3AwayError: there was no answer for `patience` seconds.
        """
        inside = self._tried(
            partial(_absent_is_none, self._files.ls, self._path, detail=True, refresh=True),
            patience,
        )
        return sorted(
            str(one["name"]).rstrip("/").rpartition("/")[2]
            for one in inside or []
            if one["type"] == "directory"
        )

    def download(self, folder: Path, *, patience: float = PATIENCE_SECONDS) -> None:
        """Fill a folder with all files below.

        Raises:
            UserError: there are none.
            S3AwayError: there was no answer for `patience` seconds.
        """
        names = self.names(patience=patience)
        if not names:
            raise UserError(f"there is nothing at {self.place}")
        for name in names:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = f"{self._path}/{name}"
            self._tried(partial(self._files.get_file, source, str(target)), patience)

    def upload(self, folder: Path, *, patience: float = PATIENCE_SECONDS) -> None:
        """Write a folder's files, its manifest last: where that is, all is.

        Raises:
            S3AwayError: there was no answer for `patience` seconds.
        """
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: path == folder / MANIFEST):
            target = f"{self._path}/{path.relative_to(folder).as_posix()}"
            self._tried(partial(self._files.put_file, str(path), target), patience)

    @cached_property
    def _files(self) -> Any:
        try:
            import s3fs
        except ImportError:
            raise UserError(
                f'cannot reach {self.place}: a package for it is missing: pip install "bakeoff[s3]"'
            ) from None
        limits: dict[str, Any] = dict(_LIMITS)
        if os.environ.get(ENDPOINT):
            # Endpoints of one's own rarely have a name for each bucket.
            limits["s3"] = {"addressing_style": "path"}
        return s3fs.S3FileSystem(config_kwargs=limits, use_listings_cache=False)

    def _tried(self, ask: Callable[[], T], patience: float) -> T:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            ParamValidationError,
        )

        until, pause = time.monotonic() + patience, 0.5
        while True:
            try:
                return ask()
            except (NoCredentialsError, ParamValidationError, PermissionError) as error:
                raise UserError(_advice(self.place, error)) from None
            except FileNotFoundError as error:
                raise UserError(f"there is no {self.place} ({_line(error)})") from None
            except (OSError, BotoCoreError, ClientError) as error:
                if time.monotonic() + pause > until:
                    raise S3AwayError(f"cannot reach {self.place}: {_line(error)}") from error
            time.sleep(pause)
            pause = min(2 * pause, 15.0)


@contextmanager
def fetched(place: Path | str) -> Iterator[Path]:
    """A folder here with what is at a path, or at an address."""
    if not is_remote(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="bakeoff-fetched-") as folder:
        Folder(str(place)).download(Path(folder))
        yield Path(folder)


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


def _absent_is_none(ask: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    try:
        return ask(*arguments, **more)
    except FileNotFoundError:
        return None


def _advice(place: str, error: Exception) -> str:
    return (
        f"may not read or write {place} ({_line(error)}): give the task AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, from the secret that Kubeflow Pipelines uses "
        "(mlpipeline-minio-artifact: accesskey, secretkey)"
    )


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
