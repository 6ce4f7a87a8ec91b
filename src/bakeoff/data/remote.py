"""Bytes of a file here or behind an address that fsspec knows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bakeoff.data.patience import repeated
from bakeoff.errors import UserError

_TELLS_CONTENT = {
    *("etag", "generation", "version", "versionid", "sha", "sha256"),
    *("md5", "md5hash", "contentmd5", "digest", "checksum", "crc", "crc32c"),
    *("lastmodified", "modified", "mtime", "updated"),
}
"""What fsspec's file systems call facts that change with a file's content, without marks."""
_BLOCK = 1 << 20


def read_bytes(source: str) -> bytes:
    if "://" not in source:
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {source}: {error.strerror}") from None

    def read() -> bytes:
        import fsspec

        with fsspec.open(source, "rb") as stream:
            return bytes(stream.read())

    with explained_remote_errors(source):
        return repeated(read, source)


@contextmanager
def stream_of(source: str) -> Iterator[IO[bytes]]:
    """A file's stream, of which a reader takes what it needs; only what a remote file system raises
    is explained.
    """
    if "://" not in source:
        with Path(source).open("rb") as stream:
            yield stream
        return
    with explained_remote_errors(source):
        import fsspec

        with fsspec.open(source, "rb") as stream:
            yield stream


@contextmanager
def explained_remote_errors(source: str) -> Iterator[None]:
    """Turn whatever a remote file system raises into one line."""
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        s3 = source.startswith(("s3://", "s3a://"))
        advice = 'pip install "bakeoff[s3]"' if s3 else _line(error)
        raise UserError(f"cannot read {source}: a package for it is missing: {advice}") from None
    except Exception as error:
        missing = isinstance(error, FileNotFoundError)  # Of which fsspec tells only the path.
        reason = str(error.__cause__ or "there is no such file") if missing else _line(error)
        raise UserError(
            f"cannot read {source}: {reason.splitlines()[0]}; check the address and the credentials"
        ) from None


def _line(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none."""
    return (str(error) or type(error).__name__).splitlines()[0]


def remote_checksum(source: str) -> str:
    """A hash of what a remote file system tells about a file, or of its content, where it tells
    neither checksum, version nor time of change.
    """

    def checksum() -> str:
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

    with explained_remote_errors(source):
        return repeated(checksum, source)
