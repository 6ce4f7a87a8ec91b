"""Files in S3: what a cluster reads, and what its runs left."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from bakeoff.artifacts import file_hash
from bakeoff.data.sources import refuse_credentials
from bakeoff.errors import UserError
from bakeoff.remote import S3_SCHEMES, scheme_of
from bakeoff.s3 import Folder


def address_below(prefix: str, path: Path) -> str:
    """The address of a file below one of S3, by a name that tells its content.

    Raises:
        UserError: `prefix` is no address of S3, or the file is a folder.
    """
    refuse_credentials(prefix)
    if scheme_of(prefix) not in S3_SCHEMES or not urlsplit(prefix).netloc:
        raise UserError(
            f"--upload {prefix}: give a place in S3, such as s3://bucket/data, or "
            "in the store of Kubeflow Pipelines, minio://mlpipeline/data"
        )
    if path.is_dir():
        raise UserError(
            f"{path} is a folder, and a cluster reads files: put its texts or images into a "
            "Parquet with the columns text or image, and label"
        )
    return f"{Folder(prefix)}/{file_hash(path)[:16]}-{path.name}"


def upload(path: Path, address: str) -> None:
    """Put a file at an address that tells its content; what is there already is not sent again.

    Raises:
        UserError: S3 refuses.
    """
    above, _, name = address.rpartition("/")
    folder = Folder(above)
    if folder.size(name) != path.stat().st_size:
        folder.put(path, name)


def key_of(address: str) -> PurePosixPath:
    """What stands behind the bucket in an address.

    >>> key_of("minio://mlpipeline/v2/artifacts/a?region=x")
    PurePosixPath('v2/artifacts/a')
    """
    return PurePosixPath(urlsplit(address).path.lstrip("/"))
