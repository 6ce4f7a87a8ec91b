"""What `clean` may remove, and where things are after the folder of all runs was moved."""

import errno
import fcntl
import shutil
import subprocess
import sys

import pytest

from bakeoff.artifacts import new_artifact, write_json
from bakeoff.errors import UserError
from bakeoff.running.store import cache_folder, clean, in_store, store, using_store


def make_run(root, name, status="finished", created="2020-05-01T12:00:00+00:00", **facts):
    (root / name).mkdir(parents=True)
    run = {"id": name, "status": status, "created": created, "plan": {"models": "nb"}, **facts}
    write_json(root / name / "run.json", run)
    return root / name


def make_artifact(root, task, name, **inputs):
    """What a step wrote to the store: 1,000 bytes and a manifest."""
    folder = store(root) / task / name
    with new_artifact(folder, name, settings={}, inputs=inputs) as (out, _):
        (out / "content").write_text("x" * 1000)
    return folder


def make_chain(root, run):
    """The artifacts of a bake-off with a network, which a loop trained; returns the last."""
    dataset = make_artifact(root, f"{run}/prepare", "dataset")
    test = make_artifact(root, f"{run}/prepare", "test")
    loop = f"{run}/for-loop-1-iteration-0"
    models = make_artifact(root, f"{loop}/train", "models", dataset=dataset)
    evaluations = make_artifact(root, f"{loop}/evaluate", "evaluations", models=models, test=test)
    return make_artifact(
        root, f"{run}/compare", "comparison", evaluations=evaluations, dataset=dataset
    )


def cached(root, name, *artifacts):
    """An entry of the cache: a task's outputs."""
    outputs = {path.name: {"__kfp_artifact__": True, "uri": str(path)} for path in artifacts}
    cache_folder(root).mkdir(exist_ok=True)
    write_json(cache_folder(root) / f"{name}.json", outputs)


def entries(root):
    return sorted(path.stem for path in cache_folder(root).glob("*.json"))


def tasks(root):
    """The folders in the store that hold artifacts, and those of checkpoints."""
    found = {p.parents[1] for p in store(root).rglob("manifest.json")}
    return sorted(str(p.relative_to(store(root))) for p in found)


CHAIN = ["compare", "for-loop-1-iteration-0/evaluate", "for-loop-1-iteration-0/train", "prepare"]


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_clean_keeps_all_that_a_run_was_made_from_and_removes_the_rest(tmp_path):
    kept, gone = make_chain(tmp_path, "kept"), make_chain(tmp_path, "gone")
    make_run(tmp_path, "first", comparison=str(kept))
    cached(tmp_path, "kept", kept, kept.parents[1] / "prepare" / "dataset")
    cached(tmp_path, "half", kept, gone)
    cached(tmp_path, "gone", gone)
    expected = {store(tmp_path) / "gone": size(store(tmp_path) / "gone")}
    assert clean(tmp_path, dry_run=True) == expected
    assert gone.exists()
    assert entries(tmp_path) == ["gone", "half", "kept"]
    assert clean(tmp_path) == expected
    assert expected.popitem()[1] > 5_000
    assert tasks(tmp_path) == [f"kept/{task}" for task in CHAIN]
    assert entries(tmp_path) == ["kept"]
    assert clean(tmp_path) == {}


def test_runs_that_were_moved_or_copied_keep_what_they_need(tmp_path):
    """Manifests, runs and the cache name the store by where it was."""
    before, after = tmp_path / "before", tmp_path / ".store" / "after"
    comparison, gone = make_chain(before, "kept"), make_chain(before, "gone")
    make_run(before, "first", comparison=str(comparison))
    cached(before, "kept", comparison)
    cached(before, "gone", gone)
    shutil.copytree(before, after)
    shutil.rmtree(before / ".store" / "kept")
    assert set(clean(after)) == {store(after) / "gone"}
    assert tasks(after) == [f"kept/{task}" for task in CHAIN]
    assert entries(after) == ["kept"]
    assert tasks(before) == [f"gone/{task}" for task in CHAIN]


def test_a_path_outside_every_store_stays(tmp_path):
    assert in_store(tmp_path, "/data/reviews") == store(tmp_path).parents[-1] / "data" / "reviews"
    assert in_store(tmp_path, "/a/.store/b/.store/c/d") == store(tmp_path) / "c" / "d"


def test_clean_refuses_what_it_cannot_read(tmp_path):
    make_chain(tmp_path, "chain")
    (make_run(tmp_path, "damaged") / "run.json").write_text('{"id": "dam')
    with pytest.raises(UserError, match=r"damaged/run.json is damaged"):
        clean(tmp_path)
    assert len(tasks(tmp_path)) == 4


def test_clean_keeps_what_a_later_run_took_from_an_earlier_one(tmp_path):
    """The earlier run's folder is deleted; the later run reused its data."""
    make_chain(tmp_path, "earlier")
    dataset = store(tmp_path) / "earlier" / "prepare" / "dataset"
    models = make_artifact(tmp_path, "later/train", "models", dataset=dataset)
    comparison = make_artifact(tmp_path, "later/compare", "comparison", evaluations=models)
    make_run(tmp_path, "run", comparison=str(comparison))
    assert clean(tmp_path)
    assert tasks(tmp_path) == ["earlier/prepare", "later/compare", "later/train"]


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_clean_leaves_a_run_that_has_not_finished_its_steps_and_checkpoints(tmp_path, status):
    dataset = make_artifact(tmp_path, "earlier/prepare", "dataset")
    make_artifact(tmp_path, "earlier/compare", "comparison", dataset=dataset)
    make_artifact(tmp_path, "mine/train", "models", dataset=dataset)
    make_artifact(tmp_path, "checkpoints/0123456789abcdef", "best")
    folder = make_run(tmp_path, "mine", status)
    assert set(clean(tmp_path)) == {store(tmp_path) / "earlier" / "compare"}
    assert tasks(tmp_path) == ["checkpoints/0123456789abcdef", "earlier/prepare", "mine/train"]
    (folder / "run.json").unlink()
    assert clean(tmp_path)
    assert tasks(tmp_path) == []


def test_clean_refuses_while_a_run_uses_the_store(tmp_path):
    """The run may have taken its data from a run that was deleted since."""
    make_chain(tmp_path, "deleted")
    with using_store(tmp_path), using_store(tmp_path):
        with pytest.raises(UserError, match=rf"a bake-off is running in {tmp_path} .* has ended"):
            clean(tmp_path)
        assert len(tasks(tmp_path)) == 4
    assert clean(tmp_path)
    assert tasks(tmp_path) == []


def test_the_store_is_in_use_until_the_last_process_has_died(tmp_path):
    wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with using_store(tmp_path) as lock:
        child = subprocess.Popen(wait, stdin=subprocess.PIPE, pass_fds=(lock,))
    with pytest.raises(UserError, match="a bake-off is running"):
        clean(tmp_path)
    child.kill()
    child.communicate()
    assert clean(tmp_path) == {}


def test_without_locks_runs_go_on_and_clean_refuses(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with using_store(tmp_path):
        make_chain(tmp_path, "chain")
    with pytest.raises(UserError, match="its file system has no locks"):
        clean(tmp_path)
    assert len(tasks(tmp_path)) == 4


def test_clean_waits_for_no_run_that_another_has_finished(tmp_path):
    comparison = make_chain(tmp_path, "b")
    make_artifact(tmp_path, "a/train", "models")
    make_run(tmp_path, "a", "interrupted", "2020-05-01T12:00:00+00:00")
    make_run(tmp_path, "b", created="2020-05-01T13:00:00+00:00", comparison=str(comparison))
    assert set(clean(tmp_path)) == {store(tmp_path) / "a"}
    # The same bake-off once more, for instance after a change of code.
    make_artifact(tmp_path, "c/prepare", "dataset")
    make_run(tmp_path, "c", "running", "2020-05-01T14:00:00+00:00")
    assert clean(tmp_path) == {}


def test_clean_without_runs_or_with_a_removed_store_frees_nothing(tmp_path):
    assert clean(tmp_path / "nowhere") == {}
    make_run(tmp_path, "run", comparison=str(store(tmp_path) / "x" / "compare" / "comparison"))
    assert clean(tmp_path) == {}


def test_a_frame_is_kept_as_long_as_a_run_names_it(tmp_path):
    make_chain(tmp_path, "one")
    folder = store(tmp_path) / "data"
    folder.mkdir()
    for name in ("named", "unnamed"):
        (folder / f"{name}.parquet").write_text("rows")
    plan = {"data": "/elsewhere/runs/.store/data/named.parquet"}
    run = make_run(tmp_path, "one", "finished", plan=plan)
    clean(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["named.parquet"]
    shutil.rmtree(run)
    clean(tmp_path)
    assert not folder.exists()
