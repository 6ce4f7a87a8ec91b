"""Artifact folders: atomic, self-explaining, content-addressed."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from bakeoff.artifacts import (
    artifact_hash,
    explained_write_errors,
    new_artifact,
    read_json,
    read_manifest,
    write_json,
    written_atomically,
)
from bakeoff.data.decoding import write_pixels
from bakeoff.errors import UserError


def make(folder, text="hello", **kwargs):
    with new_artifact(folder, "dataset", settings={"a": 1}, **kwargs) as (out, facts):
        (out / "data.txt").write_text(text)
        facts["rows"] = 3
    return folder


def test_manifest_says_what_made_it_and_from_what(tmp_path):
    first = make(tmp_path / "first")
    second = make(tmp_path / "second", inputs={"first": first})
    manifest = read_manifest(second, "dataset")
    assert manifest["settings"] == {"a": 1}
    assert manifest["facts"] == {"rows": 3}
    assert manifest["inputs"]["first"] == {"path": str(first), "hash": artifact_hash(first)}
    assert manifest["files"]["data.txt"]["bytes"] == 5


def test_an_artifact_has_no_links(tmp_path):
    """Kubeflow's launcher uploads a link as a file, and fails at one to a folder."""
    with new_artifact(tmp_path / "models", "models", settings={}) as (out, _):
        (out / "wandb/offline-run-1").mkdir(parents=True)
        (out / "wandb/offline-run-1/run.wandb").write_text("1")
        (out / "wandb/latest-run").symlink_to("offline-run-1")
        (out / "wandb/debug.log").symlink_to("nowhere")
    found = list((tmp_path / "models").rglob("*"))
    assert not any(path.is_symlink() for path in found)
    assert (tmp_path / "models/wandb/offline-run-1/run.wandb").read_text() == "1"


def test_hash_follows_content_not_place(tmp_path):
    same, other = make(tmp_path / "a"), make(tmp_path / "b")
    assert artifact_hash(same) == artifact_hash(other)
    assert artifact_hash(make(tmp_path / "c", "changed")) != artifact_hash(same)


def test_a_failure_leaves_the_earlier_artifact_whole(tmp_path):
    folder = make(tmp_path / "a")
    before = artifact_hash(folder)
    with (
        pytest.raises(UnicodeEncodeError),
        new_artifact(folder, "dataset", settings={}) as (out, _),
    ):
        (out / "data.txt").write_text("half \ud800")
    assert artifact_hash(folder) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_one_line_and_leaves_the_earlier_artifact_whole(tmp_path):
    folder = make(tmp_path / "a")
    with (
        pytest.raises(UserError, match="disk is full"),
        new_artifact(folder, "dataset", settings={}),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (folder / "data.txt").read_text() == "hello"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_file_where_a_folder_is_needed(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="a file stands where a folder is needed"),
        new_artifact(tmp_path / "file" / "a", "dataset", settings={}),
    ):
        pass


BIG = b"x" * 200_000


def _frame():
    return pd.DataFrame({"text": [f"{n**9 % 10**15:x}" for n in range(20_000)]})


@pytest.mark.parametrize(
    "write",
    [
        lambda out, _: (out / "x").write_bytes(BIG),
        lambda out, _: _frame().to_parquet(out / "x.parquet"),
        lambda out, _: _frame().to_csv(out / "x.csv"),
        lambda out, _: write_pixels(out / "x.npy", np.zeros((9, 99, 99, 3), "u1"), np.arange(9)),
        lambda out, _: save_file({"x": np.arange(50_000)}, out / "x.safetensors"),
        lambda out, big: shutil.copy(big / "x", out),
        lambda out, big: shutil.copytree(big, out / "copy"),
    ],
)
def test_whatever_writes_a_full_disk_is_said_of_the_artifact(tmp_path, small_disk, write):
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "x").write_bytes(BIG)
    with (
        pytest.raises(UserError, match=f"^cannot write {small_disk}/models: the disk is full;"),
        new_artifact(small_disk / "models", "models", settings={}) as (out, _),
    ):
        write(out, tmp_path / "big")


def test_another_disk_that_is_full_is_named(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device", "/elsewhere/tmp")
    with (
        pytest.raises(UserError, match=r"^cannot write /elsewhere/tmp: the disk is full"),
        new_artifact(tmp_path / "models", "models", settings={}),
    ):
        raise full


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/weights.safetensors"),
        PermissionError(errno.EPERM, "Operation not permitted"),
        NotADirectoryError(errno.ENOTDIR, "Not a directory", "/elsewhere/file/x"),
        FileExistsError(errno.EEXIST, "File exists", "/elsewhere/models"),
        RuntimeError("a worker says: [Errno 28] No space left on device"),
    ],
)
def test_what_is_refused_elsewhere_is_not_blamed_on_the_artifact(tmp_path, error):
    beside = FileExistsError(errno.EEXIST, "File exists", str(tmp_path / "models-of-others"))
    for raised in (error, beside):
        with (
            pytest.raises(type(raised)) as caught,
            new_artifact(tmp_path / "models", "models", settings={}),
        ):
            raise raised
        assert caught.value is raised


def test_what_is_refused_in_the_artifact_is_said_of_it(tmp_path):
    with (
        pytest.raises(UserError, match=f"^cannot write {tmp_path}/models: no permission"),
        new_artifact(tmp_path / "models", "models", settings={}) as (out, _),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", str(out / "deep" / "x"))


def test_a_refusal_that_pyarrow_puts_into_words():
    said = "Failed to open local file '/a/.x.parquet.7.tmp'. Detail: [errno 13] Permission denied"
    with (
        pytest.raises(UserError, match=r"^cannot write /a/x\.parquet: no permission"),
        explained_write_errors(Path("/a/x.parquet")),
    ):
        raise PermissionError(errno.EACCES, said)


def test_other_errors_keep_their_traceback(tmp_path):
    with pytest.raises(OSError, match="Input/output"), explained_write_errors(tmp_path):
        raise OSError(errno.EIO, "Input/output error")


def test_wrong_kind_missing_and_damaged_manifests_are_explained(tmp_path):
    folder = make(tmp_path / "a")
    with pytest.raises(UserError, match="holds 'dataset', but 'models' is needed"):
        read_manifest(folder, "models")
    with pytest.raises(UserError, match="no bakeoff folder"):
        read_manifest(tmp_path)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        read_manifest(folder)


def test_what_a_store_has_lost_is_told_with_the_way_out():
    """KFP remembers steps for longer than many a bucket keeps their outputs."""
    lost = "/minio/mlpipeline/v2/artifacts/run/compare/comparison"
    with pytest.raises(UserError, match=r"^minio://mlpipeline/\S+ is empty: .* with --no-cache$"):
        read_manifest(lost, "comparison")


def test_json_is_written_atomically(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": "é"})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": "é"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize(("name", "what"), [("", "a folder"), ("in", "a folder"), ("p", "no file")])
def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch, name, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "p")
    with (
        pytest.raises(UserError, match=rf"^cannot write {name or '.'}: it is {what}; name a file$"),
        written_atomically(Path(name)) as temporary,
    ):
        temporary.write_text("x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "p"]
