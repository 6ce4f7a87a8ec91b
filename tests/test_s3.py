"""Folders of a real S3 server."""

import pytest
import s3fs

from bakeoff.errors import UserError
from bakeoff.s3 import Folder, S3AwayError, address, fetched, manifest_of, published


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
    folder = Folder(f"{s3_server}/last")
    put = folder._files.put_file
    monkeypatch.setattr(
        folder._files, "put_file", lambda path, to: (written.append(to), put(path, to))
    )
    folder.upload(tmp_path)
    assert [name.rpartition("/")[2] for name in written] == ["weights", "manifest.json"]


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


@pytest.mark.parametrize("uri", ["gs://bucket/x", "/minio/x", "s3://", "minio:///"])
def test_what_is_in_no_bucket_is_named(uri):
    with pytest.raises(UserError, match="is in no S3 bucket"):
        address(uri)


def test_what_is_not_there_is_named(s3_server, tmp_path):
    with pytest.raises(UserError, match="nothing at s3://trainings/none"):
        Folder(f"{s3_server}/none").download(tmp_path)
    with pytest.raises(UserError, match="there is no s3://no-such-bucket"):
        Folder("s3://no-such-bucket/a").write("x", b"")


def test_an_s3_that_is_away_may_come_back(s3_server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(S3AwayError, match="cannot reach s3://trainings/x"):
        Folder(f"{s3_server}/x").read("y", patience=0)
    s3fs.S3FileSystem.clear_instance_cache()


def test_without_keys_it_is_said_where_they_are(s3_server, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(UserError, match="mlpipeline-minio-artifact"):
        Folder(f"{s3_server}/x").write("y", b"")
    s3fs.S3FileSystem.clear_instance_cache()
