"""A fake of Kubeflow Pipelines, and a real S3 server."""

import fsspec
import pytest
import s3fs
from fake_kfp import FakeKfp


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """No cluster, login or address of the person who runs the tests."""
    for variable in ("KFP_HOST", "KF_PIPELINES_ENDPOINT", "KFP_TOKEN", "KFP_COOKIE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KUBECONFIG", "/nowhere")


@pytest.fixture
def kfp():
    server = FakeKfp()
    yield server
    server.close()


@pytest.fixture(scope="module")
def s3():
    """The file system of a server with one bucket, "mlpipeline"."""
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
        if filesystem.exists("mlpipeline"):  # Servers of one process share their buckets.
            filesystem.rm("mlpipeline", recursive=True)
        filesystem.mkdir("mlpipeline")
        yield filesystem
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
