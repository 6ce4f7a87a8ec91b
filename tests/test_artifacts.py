"""Artifact folders: atomic, self-explaining, content-addressed."""

import errno

import pytest

from bakeoff.artifacts import (
    artifact_hash,
    explained_write_errors,
    new_artifact,
    read_json,
    read_manifest,
    write_json,
)
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


def test_json_is_written_atomically(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": "é"})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": "é"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
