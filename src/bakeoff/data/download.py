"""Downloads that go on where they broke off, are checked, and show how far they are."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from bakeoff import events
from bakeoff.artifacts import explained_write_errors
from bakeoff.errors import UserError
from bakeoff.locks import alone

CACHE = "BAKEOFF_CACHE"
TIMEOUT = 30.0
"""Seconds without a byte before a try is given up."""
TRIES = 4
_BLOCK = 1 << 20
_LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
"""What this machine's disk says; trying again would not help."""


def cache() -> Path:
    """Where downloads are kept: `$BAKEOFF_CACHE`, or ~/.cache/bakeoff."""
    return Path(os.environ.get(CACHE, Path.home() / ".cache" / "bakeoff"))


def download(url: str, target: Path, md5: str) -> Path:
    """Fetch `url` to `target`, unless it is there already.

    An interrupted download leaves `<target>.part` and goes on from its end. Of several processes
    that want the file one fetches it, and the others wait.

    Args:
        url: http, https or file address.
        target: the file to write; it appears only once complete and checked.
        md5: what upstream publishes, as hex.

    Raises:
        UserError: the server cannot be reached, or the checksum does not match.
    """
    if target.exists():
        return target
    with explained_write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f".{target.name}.lock")
        said = f"another process downloads {target.name}: waiting for it"
        with alone(lock, lambda: events.emit("warning", message=said)):
            if not target.exists():  # Another process may have brought it.
                _bring(url, target, md5)
    return target


def _bring(url: str, target: Path, md5: str) -> None:
    part = target.with_name(f"{target.name}.part")
    for attempt in range(TRIES):
        try:
            _fetch(url, part, target.name)
            break
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in _LOCAL:
                raise
            if attempt + 1 == TRIES:
                raise UserError(
                    f"cannot download {url}: {error}; try again (it goes on where it "
                    f"stopped), or give a local copy with --data"
                ) from None
            time.sleep(2**attempt)
    found = _md5(part)
    if found != md5:
        part.unlink()
        raise UserError(
            f"{url} has the wrong checksum: expected MD5 {md5}, found {found}; the partial "
            "file was removed, so try again, or check who serves the file"
        )
    part.replace(target)


def _fetch(url: str, part: Path, name: str) -> None:
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # Nothing is left to fetch.
            return
        raise
    with response:
        if response.status != 206:
            done = 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        told = 0.0
        with part.open("ab" if done else "wb") as stream:
            while block := response.read(_BLOCK):
                stream.write(block)
                done += len(block)
                if time.monotonic() - told > 0.25 or done == total:
                    told = time.monotonic()
                    events.emit("download", name=name, done=done, total=total)
        if total is not None and done < total:
            raise OSError(f"the connection broke after {done} of {total} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
