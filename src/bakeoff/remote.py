"""What lies behind an address that fsspec knows: the one way there, and how it is told what failed.

S3 is found by the variables that each of its clients knows: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, or a profile. `minio://` is the store of Kubeflow
Pipelines, whose keys may be told apart from those.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from bakeoff.errors import UserError
from bakeoff.patience import RemoteError, StoreAwayError, passes, reason, repeated

T = TypeVar("T")

MINIO = "minio"
KFP_ENDPOINT = "http://seaweedfs.kubeflow:9000"
"""Where Kubeflow Pipelines 2.17 keeps what is at `minio://`, unless it was configured otherwise."""
KFP_SECRET = "mlpipeline-minio-artifact"
"""Where it keeps the keys of that."""
KFP_KEYS = {"KFP_STORE_ACCESS_KEY": "accesskey", "KFP_STORE_SECRET_KEY": "secretkey"}
"""Variable → key in that secret."""
S3_ENDPOINT = "BAKEOFF_S3_ENDPOINT"
"""Variable: where `s3://` is, for steps on a cluster whose `minio://` is elsewhere."""
KFP_STORE_ENDPOINT = "BAKEOFF_KFP_STORE_ENDPOINT"
"""Variable: where `minio://` is, for steps on a cluster whose KFP was configured otherwise."""
S3_SECRET = "s3"
"""The Kubernetes secret of stores, in the namespace of the steps, where there is one."""
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION": "AWS_DEFAULT_REGION",
    S3_ENDPOINT: "AWS_ENDPOINT_URL",
    KFP_STORE_ENDPOINT: "KFP_STORE_ENDPOINT_URL",
}
"""Variable → key in that secret; none of them has to be there."""
SEAWEED = (
    "kubectl -n kubeflow port-forward service/seaweedfs 9000:9000, AWS_ENDPOINT_URL="
    "http://localhost:9000, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the secret "
    f"{KFP_SECRET}"
)
"""How that is reached from outside."""
S3_SCHEMES = ("s3", "s3a", MINIO)
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE")
_LIMITS = {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 1}}
_TELLS_CONTENT = {
    *("etag", "generation", "version", "versionid", "sha", "sha256"),
    *("md5", "md5hash", "contentmd5", "digest", "checksum", "crc", "crc32c"),
    *("lastmodified", "modified", "mtime", "updated"),
}
"""What fsspec's file systems call facts that change with a file's content, without marks."""
_BLOCK = 1 << 20


def is_remote(place: Path | str) -> bool:
    """Whether a place is an address and no path."""
    return "://" in str(place)


def scheme_of(address: str) -> str:
    """
    >>> scheme_of("s3://bucket/key")
    's3'
    """
    return address.partition("://")[0]


def split(address: str) -> SplitResult:
    """The parts of an address that a person gave.

    Raises:
        UserError: it has none; what may be a secret in it is not shown.
    """
    try:
        return urlsplit(address)
    except ValueError:
        shown = re.sub(r"(?<=//).*@|[?#].*", "", address)
        raise UserError(f"{shown} is no address: mend the name of its server") from None


def opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    import fsspec

    scheme, _, path = address.partition("://")
    if scheme not in S3_SCHEMES:
        filesystem, path = fsspec.core.url_to_fs(address)
        return filesystem, path
    options: dict[str, Any] = {}
    if scheme == MINIO:
        path = path.partition("?")[0]
        key, secret = (os.environ.get(name) or None for name in KFP_KEYS)
        options = {"key": key, "secret": secret}
        if endpoint := os.environ.get(KFP_STORE_ENDPOINT):
            options["endpoint_url"] = endpoint
        elif not any(os.environ.get(name) for name in _ENDPOINTS):
            options["endpoint_url"] = KFP_ENDPOINT
    elif endpoint := os.environ.get(S3_ENDPOINT):
        options = {"endpoint_url": endpoint}
    # What others write must be seen.
    return fsspec.filesystem(
        "s3", config_kwargs=_LIMITS, use_listings_cache=False, **options
    ), path.rstrip("/")


def answered(
    work: Callable[[], T], source: str, *, verb: str = "read", patience: float | None = None
) -> T:
    """What `work` gives; what may pass is repeated, all else explained.

    Args:
        work: may be called again after it failed.
        source: the address that it works on.
        verb: what it does.
        patience: seconds; None: a step's, at a terminal none.

    Raises:
        StoreAwayError: it may succeed later.
        RemoteError: a person has to put something right.
    """
    try:
        return repeated(work, source, patience)
    except UserError:
        raise
    except ImportError as error:
        clone = "pip install '.[s3]' in its clone"
        advice = clone if scheme_of(source) in S3_SCHEMES else reason(error)
        raise RemoteError(
            f"cannot {verb} {source}: a package for it is missing: {advice}"
        ) from None
    except Exception as error:
        # Of a file that is missing fsspec tells only the path.
        bare = isinstance(error, FileNotFoundError) and not error.__cause__
        why = "there is no such file" if bare else reason(error)
        kind = StoreAwayError if passes(error) else RemoteError
        raise kind(f"cannot {verb} {source}: {why}; {_advice(source)}") from None


def _advice(source: str) -> str:
    is_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    if scheme_of(source) != MINIO:
        said = "check the address and the credentials"
        return f"{said}, which steps have from the secret {S3_SECRET}" if is_pod else said
    where = f"{S3_KEYS[KFP_STORE_ENDPOINT]} in the secret {S3_SECRET}"
    return (
        "it is in the store of Kubeflow Pipelines: is that behind another endpoint "
        f"({where if is_pod else 'AWS_ENDPOINT_URL'}), or its secret {KFP_SECRET} another one? "
        f"From outside: {SEAWEED}"
    )


def read_bytes(source: str) -> bytes:
    if not is_remote(source):
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {source}: {error.strerror}") from None

    return read_stream(source, lambda stream: bytes(stream.read()))


def read_stream(
    source: str, read: Callable[[IO[bytes]], T], *, compression: str | None = None
) -> T:
    """What `read` takes from a file's stream; of a remote one it may be called again.

    Raises:
        UserError: a remote file system raised something.
    """
    if not is_remote(source):
        with Path(source).open("rb") as stream:
            return read(stream)

    def opened_and_read() -> T:
        filesystem, path = opened(source)
        with filesystem.open(path, "rb", compression=compression) as stream:
            return read(stream)

    return answered(opened_and_read, source)


def remote_checksum(source: str) -> str:
    """A hash of what a remote file system tells about a file, or of its content, where it tells
    neither checksum, version nor time of change.
    """

    def checksum() -> str:
        filesystem, path = opened(source)
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
        with filesystem.open(path, "rb") as stream:
            while block := stream.read(_BLOCK):
                content.update(block)
        return content.hexdigest()

    return answered(checksum, source)
