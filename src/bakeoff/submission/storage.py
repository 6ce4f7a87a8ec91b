"""Files in S3: what a cluster reads, and what its runs left."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bakeoff.artifacts import file_hash
from bakeoff.data.remote import explained_remote_errors
from bakeoff.data.sources import refuse_credentials
from bakeoff.errors import UserError

SEAWEED = (
    "kubectl -n kubeflow port-forward service/seaweedfs 9000:9000, AWS_ENDPOINT_URL="
    "http://localhost:9000, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the secret "
    "mlpipeline-minio-artifact"
)
"""How KFP's own object store is reached from outside."""


def upload(path: Path, prefix: str) -> str:
    """Put a file below an S3 address, under a name that tells its content; returns its address.

    What is there already is not sent again.

    Raises:
        UserError: `prefix` is no address of S3, the file is a folder, or S3 refuses.
    """
    refuse_credentials(prefix)
    if urlsplit(prefix).scheme not in ("s3", "s3a") or not urlsplit(prefix).netloc:
        raise UserError(f"--upload {prefix}: give a place in S3, such as s3://bucket/data")
    if path.is_dir():
        raise UserError(
            f"{path} is a folder, and a cluster reads files: put its images into a Parquet with "
            "the columns image and label"
        )
    name = f"{file_hash(path)[:16]}-{path.name}"
    address = f"{prefix.rstrip('/')}/{name}"
    with explained_remote_errors(address):
        filesystem, target = _opened(address)
        if not (filesystem.exists(target) and filesystem.size(target) == path.stat().st_size):
            filesystem.put_file(str(path), target)
    return address


def s3_address(uri: str) -> str:
    """An artifact's address as S3 tools know it: minio:// is S3 behind an endpoint.

    >>> s3_address("minio://mlpipeline/v2/artifacts/a?region=x")
    's3://mlpipeline/v2/artifacts/a'
    """
    address = uri.partition("?")[0]
    return f"s3://{address.removeprefix('minio://')}" if address.startswith("minio://") else address


def address_of(path: str) -> str:
    """The address of an artifact that a step saw at a path: KFP mounts or copies
    minio://bucket/key to /minio/bucket/key.

    >>> address_of("/minio/mlpipeline/v2/artifacts/a")
    's3://mlpipeline/v2/artifacts/a'
    """
    scheme, _, rest = path.lstrip("/").partition("/")
    return s3_address(f"{'gs' if scheme == 'gcs' else scheme}://{rest}")


def key_of(address: str) -> PurePosixPath:
    """What stands behind the bucket in an address."""
    return PurePosixPath(urlsplit(s3_address(address)).path.lstrip("/"))


def download(address: str, folder: Path, only: set[str] | None = None) -> list[Path]:
    """Bring an artifact folder.

    Args:
        address: of S3, or another that fsspec knows.
        folder: where the content goes.
        only: top-level names in it that are brought; None brings all.

    Returns:
        The files.

    Raises:
        UserError: there is nothing, or the store refuses.
    """
    if address.startswith("minio://") and not _has_endpoint():
        raise UserError(
            f"{address} is in a store of the cluster's own: say where that is with "
            f"AWS_ENDPOINT_URL, for KFP's by {SEAWEED}"
        )
    brought = []
    with _explained(address):
        filesystem, root = _opened(address)
        filesystem.invalidate_cache()
        files = filesystem.find(root)
        if not files:
            raise UserError(
                f"nothing is left at {address}: was it removed, or is it behind another endpoint "
                f"(AWS_ENDPOINT_URL)? KFP's own store: {SEAWEED}"
            )
        for file in files:
            below = PurePosixPath(file).relative_to(PurePosixPath(root))
            if ".." in below.parts or (only is not None and below.parts[0] not in only):
                continue
            target = folder.joinpath(*below.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(file, str(target))
            brought.append(target)
    return brought


def _has_endpoint() -> bool:
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE")
    return any(os.environ.get(variable) for variable in variables)


def _opened(address: str) -> tuple[Any, str]:
    import fsspec

    return fsspec.core.url_to_fs(s3_address(address))


def _explained(address: str) -> Any:
    return explained_remote_errors(s3_address(address))
