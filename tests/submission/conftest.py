"""A fake of Kubeflow Pipelines, and a real S3 server."""

import pytest
from fake_kfp import FakeKfp
from real_s3 import serving


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
    with serving("mlpipeline") as filesystem:
        yield filesystem
