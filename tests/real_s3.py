"""A real S3 server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def serving(bucket: str) -> Iterator[Any]:
    """The file system of a server with one bucket, empty; the environment names the server."""
    import fsspec
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "nobody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "hidden-key")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        filesystem = fsspec.filesystem("s3")
        if filesystem.exists(bucket):  # Servers of one process share their buckets.
            filesystem.rm(bucket, recursive=True)
        filesystem.mkdir(bucket)
        yield filesystem
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
