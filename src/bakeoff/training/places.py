"""Where checkpoints lie: in a folder, or under an s3:// address.

What is written is whole or absent in both: a file is renamed, an object appears at its end.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.artifacts import explained_write_errors
from bakeoff.errors import UserError

Done = TypeVar("Done")
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries of what failed on the way to a server."""


@dataclass(frozen=True)
class Bucket:
    """A place under an s3:// address, at the server that `AWS_ENDPOINT_URL` names or Amazon's; with
    `/` as for paths.
    """

    address: str

    def __truediv__(self, name: str) -> Bucket:
        return Bucket(f"{self.address.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.address

    def read(self) -> bytes | None:
        """The content; None where there is none."""
        return self._tried("read", lambda files: files.cat_file(self.address), missing=None)

    def write(self, content: bytes) -> None:
        self._tried("write", lambda files: files.pipe_file(self.address, content))

    def remove(self) -> None:
        """Remove all that lies under the address."""

        def removed(files: Any) -> None:
            files.invalidate_cache()
            files.rm(self.address, recursive=True)

        self._tried("remove", removed, missing=None)

    def _tried(self, verb: str, work: Callable[[Any], Done], **missing: Done) -> Done:
        """Do it, after a failure again; `missing` is what is done where nothing is there.

        Raises:
            UserError: it failed every time, or is not allowed.
        """
        for pause in (*PAUSES, None):
            try:
                return work(self._files())
            except FileNotFoundError as error:
                if missing:
                    return missing["missing"]
                failure: Exception = error
                break
            except (ImportError, PermissionError) as error:
                failure = error
                break
            except Exception as error:  # Whatever a server, a network or their libraries raise.
                failure = error
                if pause:
                    time.sleep(pause)
        if isinstance(failure, ImportError):
            reason = 'a package for it is missing: pip install "bakeoff[s3]"'
        else:
            said = (str(failure).strip() or type(failure).__name__).splitlines()[0]
            reason = f"{said}; check the address and the credentials"
        raise UserError(f"cannot {verb} {self.address}: {reason}") from None

    @staticmethod
    def _files() -> Any:
        import s3fs

        return s3fs.S3FileSystem(config_kwargs={"connect_timeout": 10, "read_timeout": 60})


Place = Path | Bucket


def place(address: str) -> Place:
    """The place of an address: a path, or s3://bucket/prefix."""
    return Bucket(address) if address.startswith("s3://") else Path(address)


def read_whole(where: Place) -> bytes | None:
    """What was written last; None where nothing was."""
    if isinstance(where, Bucket):
        return where.read()
    try:
        # In one go: a file that is replaced while it is read stays the old one.
        return where.read_bytes()
    except FileNotFoundError:
        return None


def write_whole(where: Place, content: bytes) -> None:
    """Put content in place of what is there, whole or not at all.

    Raises:
        UserError: nothing can be written there.
    """
    if isinstance(where, Bucket):
        where.write(content)
        return
    with explained_write_errors(where.parent):
        where.parent.mkdir(parents=True, exist_ok=True)
        temporary = where.with_name(f".{where.name}.{os.getpid()}.tmp")
        temporary.write_bytes(content)
        temporary.replace(where)


def remove_all(where: Place) -> None:
    """Remove a place with all that lies there."""
    if isinstance(where, Bucket):
        where.remove()
    else:
        shutil.rmtree(where, ignore_errors=True)
