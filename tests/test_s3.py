"""Folders of a real S3 server."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import s3fs
from moto.server import ThreadedMotoServer

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.patience import StoreAwayError, patient
from bakeoff.remote import opened
from bakeoff.s3 import Folder, address, fetched, manifest_of, mounted, published


def test_files(s3_server):
    folder = Folder(f"{s3_server}/files/")
    assert folder.read("none") is None
    assert folder.names() == []
    assert folder.folders() == []
    folder.write("b", b"1")
    (folder / "in" / "side").write("a", b"2")
    folder.write("b", b"3")
    assert folder.read("b") == b"3"
    assert folder.names() == ["b", "in/side/a"]
    assert folder.folders() == ["in"]
    Folder(f"{s3_server}/files-of-others").write("x", b"")
    assert folder.names() == ["b", "in/side/a"]


def test_a_folder_goes_there_and_back(s3_server, tmp_path):
    made = tmp_path / "made"
    (made / "model").mkdir(parents=True)
    (made / "manifest.json").write_text("{}")
    (made / "model" / "weights").write_bytes(bytes(range(256)) * 5000)
    (made / "zuletzt ü.txt").write_text("ä")
    Folder(f"{s3_server}/models").upload(made)
    back = tmp_path / "back"
    Folder(f"minio://{s3_server.removeprefix('s3://')}/models").download(back)
    found = {p.relative_to(back).as_posix(): p.read_bytes() for p in back.rglob("*") if p.is_file()}
    assert found == {
        p.relative_to(made).as_posix(): p.read_bytes() for p in made.rglob("*") if p.is_file()
    }


def test_the_manifest_comes_last(s3_server, tmp_path, monkeypatch):
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "weights").write_text("1")
    written = []
    put = Folder.put

    def told(folder, file, name, **how):
        written.append(name)
        put(folder, file, name, **how)

    monkeypatch.setattr(Folder, "put", told)
    Folder(f"{s3_server}/last").upload(tmp_path)
    assert written == ["weights", "manifest.json"]


def test_single_files_and_parts_of_a_folder(s3_server, tmp_path):
    folder = Folder(f"{s3_server}/parts")
    (tmp_path / "here").write_bytes(b"123")
    for name in ("a/1", "a/2", "b/1", "c"):
        folder.put(tmp_path / "here", name)
    assert (folder.size("c"), folder.size("d")) == (3, None)
    folder.download(tmp_path / "back", only={"a", "c"})
    back = tmp_path / "back"
    found = [p.relative_to(back).as_posix() for p in back.rglob("*") if p.is_file()]
    assert sorted(found) == ["a/1", "a/2", "c"]
    Folder(f"{s3_server}/parts-of-others").write("x", b"")
    folder.remove()
    assert folder.names() == []
    assert Folder(f"{s3_server}/parts-of-others").names() == ["x"]
    folder.remove()


@pytest.fixture
def models(s3_server, tmp_path):
    """A folder with a manifest and one model, there."""
    made = tmp_path / "made"
    (made / "model").mkdir(parents=True)
    for name in ("manifest.json", "model/model.json", "model/weights"):
        (made / name).write_text(name)
    folder = Folder(f"{s3_server}/of-models")
    folder.upload(made)
    return folder


def test_a_folder_that_is_fetched_appears_whole(models, tmp_path, monkeypatch):
    back, seen = tmp_path / "there" / "back", []
    files, _ = opened(str(models))
    get_file = files.get_file

    def breaks_off(name, target):
        seen.extend(back.rglob("*"))
        get_file(name, target)
        if name.endswith("weights"):
            Path(target).write_text("half")
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "get_file", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            models.download(back)
    assert seen == list(back.iterdir()) == []
    assert [path.name for path in back.parent.iterdir()] == ["back"]
    models.download(back)
    assert (back / "model" / "weights").read_text() == "model/weights"


def test_what_is_fetched_again_is_mended_and_what_else_is_there_stays(models, tmp_path):
    back = tmp_path / "back"
    models.download(back)
    (back / "model" / "weights").unlink()
    (back / "manifest.json").write_text("changed")
    (back / "model" / "mine").write_text("1")
    models.download(back)
    for name in ("manifest.json", "model/weights"):
        assert (back / name).read_text() == name
    assert (back / "model" / "mine").read_text() == "1"


def test_a_disk_too_full_for_what_is_fetched(s3_server, small_disk):
    folder = Folder(f"{s3_server}/large")
    folder.write("weights", bytes(200_000))
    with pytest.raises(UserError, match=f"^cannot write {small_disk}/back: the disk is full"):
        folder.download(small_disk / "back")
    assert not list((small_disk / "back").iterdir())


def test_places_here_and_there(s3_server, tmp_path):
    with published(f"{s3_server}/there") as made:
        made.mkdir()
        (made / "manifest.json").write_text("{}")
        (made / "data").write_text("1")
    with fetched(f"{s3_server}/there") as folder:
        assert (folder / "data").read_text() == "1"
    assert not folder.exists()
    with manifest_of(f"{s3_server}/there") as folder:
        assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    for here in (fetched, manifest_of, published):
        with here(tmp_path) as folder:
            assert folder == tmp_path


def test_what_failed_is_not_published(s3_server):
    def fails():
        with published(f"{s3_server}/failed") as made:
            made.mkdir()
            (made / "manifest.json").write_text("{}")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert Folder(f"{s3_server}/failed").names() == []


@pytest.mark.parametrize("uri", ["gs://bucket/x", "/minio/x", "s3://", "minio:///", "", "s3://?a"])
def test_what_is_in_no_bucket_is_named(uri):
    with pytest.raises(UserError, match="is in no S3 bucket"):
        address(uri)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/minio/b/k/x", "minio://b/k/x"),
        ("/s3/b/k", "s3://b/k"),
        ("/gcs/b/k", "gs://b/k"),
        ("/minio", ""),
        ("minio/b/k", ""),
        ("/home/minio/b", ""),
        ("minio://b/k", ""),
    ],
)
def test_paths_of_a_pod_are_addresses(path, uri):
    assert mounted(path) == uri


def test_what_is_not_there_is_named(s3_server, tmp_path):
    with pytest.raises(UserError, match="nothing at s3://trainings/none"):
        Folder(f"{s3_server}/none").download(tmp_path)


@pytest.mark.usefixtures("s3_server")
@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_a_bucket_that_is_absent_is_refused_at_once(waits, scheme):
    folder = Folder(f"{scheme}://no-such-bucket/a")
    for ask in (lambda: folder.read("x"), lambda: folder.write("x", b""), folder.remove):
        with patient(), pytest.raises(UserError, match=r"no-such-bucket/a: .*exist") as refused:
            ask()
        assert not isinstance(refused.value, StoreAwayError)
    assert waits == []


@pytest.fixture
def waits(monkeypatch):
    """The seconds between tries, which pass at once."""
    waited = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=lambda: sum(waited))
    monkeypatch.setattr("bakeoff.clock.time", clock)
    return waited


@pytest.fixture(autouse=True)
def _fresh():
    """No client of another environment."""
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def unsteady(monkeypatch):
    """The server, which answers with the `trouble` it has: a status and code, or "broken"."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    way = Unsteady(server._server.app)
    server._server.app = way
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    yield way
    server.stop()


class Unsteady:
    def __init__(self, app):
        self.app, self.trouble = app, None

    def __call__(self, environ, start_response):
        if not self.trouble:
            return self.app(environ, start_response)
        if self.trouble == "broken":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        code = self.trouble.partition(" ")[2]
        said = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        start_response(self.trouble, [("Content-Length", str(len(said)))])
        # What follows the head of an answer to HEAD would be read as the next answer.
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [said]


@pytest.mark.parametrize("trouble", ["500 InternalError", "503 ServiceUnavailable", "broken"])
def test_what_passes_is_repeated_and_each_time_is_said(s3_server, unsteady, waits, trouble):
    folder, said = Folder(f"{s3_server}/unsteady"), []

    def hear(event):
        said.append(event["message"])
        unsteady.trouble = None

    with patient(), events.heard(hear):
        unsteady.trouble = trouble
        folder.write("a", b"1")
        unsteady.trouble = trouble
        assert folder.read("a") == b"1"
    assert len(said) == len(waits) == 2
    assert all(line.startswith("s3://trainings/unsteady does not answer (") for line in said)
    assert all(line.endswith("): again in 1 s") for line in said)


@pytest.mark.parametrize("trouble", ["403 InvalidAccessKeyId", "403 SignatureDoesNotMatch"])
def test_wrong_keys_are_refused_at_once(s3_server, unsteady, waits, trouble):
    unsteady.trouble = trouble
    folder = Folder(f"{s3_server}/x")
    for ask in (folder.names, lambda: folder.read("a"), lambda: folder.size("a")):
        with patient(), pytest.raises(UserError, match="check the address and the cred") as refused:
            ask()
        assert not isinstance(refused.value, StoreAwayError)
    assert waits == []


@pytest.mark.parametrize("seconds", [0, 7])
def test_an_s3_that_is_away_may_come_back(s3_server, monkeypatch, waits, seconds):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreAwayError, match="cannot read s3://trainings/x: Could not connect"):
        Folder(f"{s3_server}/x").read("y", patience=seconds)
    assert sum(waits) == seconds


@pytest.fixture
def no_keys(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("no_keys")
def test_without_keys_it_is_said_where_they_are(s3_server):
    with pytest.raises(UserError, match="check the address and the credentials"):
        Folder(f"{s3_server}/x").write("y", b"")
    with pytest.raises(UserError, match="mlpipeline-minio-artifact"):
        Folder(f"{s3_server}/x".replace("s3://", "minio://")).write("y", b"")


@pytest.mark.usefixtures("no_keys")
def test_a_step_on_a_cluster_says_which_secret_it_has_keys_from(s3_server, monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(UserError, match="which steps have from the secret s3"):
        Folder(f"{s3_server}/x").read("y")


def test_s3_may_be_elsewhere_than_the_store_of_kubeflow(s3_server, monkeypatch):
    monkeypatch.setenv("BAKEOFF_S3_ENDPOINT", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    Folder(f"{s3_server}/x").write("y", b"1")
    assert Folder(f"{s3_server}/x").read("y") == b"1"
    with pytest.raises(UserError, match="Could not connect"):
        Folder(f"{s3_server}/x".replace("s3://", "minio://")).read("y")


def test_the_store_of_kubeflow_may_be_elsewhere_than_kubeflow_has_it(s3_server, monkeypatch):
    kept = Folder(f"{s3_server}/moved".replace("s3://", "minio://"))
    monkeypatch.setenv("BAKEOFF_KFP_STORE_ENDPOINT", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    kept.write("y", b"1")
    assert kept.read("y") == b"1"
    monkeypatch.setenv("BAKEOFF_KFP_STORE_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(UserError, match=r"endpoint \(KFP_STORE_ENDPOINT_URL in the secret s3\)"):
        kept.read("y")


@pytest.mark.usefixtures("no_keys")
def test_the_store_of_kubeflow_has_keys_of_its_own(s3_server, monkeypatch):
    monkeypatch.setenv("KFP_STORE_ACCESS_KEY", "kfp")
    monkeypatch.setenv("KFP_STORE_SECRET_KEY", "of-its-own")
    Folder(f"{s3_server}/kfp".replace("s3://", "minio://")).write("y", b"1")
    with pytest.raises(UserError, match="redentials"):
        Folder(f"{s3_server}/kfp").read("y")


def test_the_store_of_kubeflow_has_an_address_of_its_own(s3_server, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(UserError, match=r'URL: "http://seaweedfs.kubeflow:9000/trainings/'):
        Folder(f"{s3_server}/x".replace("s3://", "minio://")).read("y")
