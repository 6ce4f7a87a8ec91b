import errno
import fcntl
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from bakeoff.artifacts import RESULTS_FORMAT, new_artifact, write_json
from bakeoff.errors import UserError
from bakeoff.running.runs import RunFolder, clean, find_run, store, using_store

NOON = datetime(2020, 5, 1, 12, tzinfo=UTC)


def make_run(root, name, status="finished", at=NOON, plan="nb-counts", **facts):
    """A run of two hours as it stands in `root`; a finished one has results."""
    (root / name).mkdir(parents=True)
    created = at.isoformat(timespec="seconds")
    run = {"id": name, "status": status, "created": created, "plan": {"models": plan}, **facts}
    write_json(root / name / "run.json", run)
    end = (at + timedelta(hours=2)).timestamp()
    os.utime(root / name / "run.json", (end, end))
    if status == "finished":
        write_json(root / name / "results.json", {"format": RESULTS_FORMAT, "run": name})
    return root / name


def make_artifact(root, task, name, at=NOON, **inputs):
    """What a step wrote to the store at a time; 1,000 bytes and a manifest."""
    folder = store(root) / task / name
    with new_artifact(folder, name, settings={}, inputs=inputs) as (out, _):
        (out / "content").write_text("x" * 1000)
    os.utime(folder.parent, (at.timestamp(), at.timestamp()))
    return folder


def make_chain(root, run, at=NOON):
    """The artifacts of a whole bake-off; returns the last."""
    dataset = make_artifact(root, f"{run}/prepare", "dataset", at)
    test = make_artifact(root, f"{run}/prepare", "test", at)
    models = make_artifact(root, f"{run}/train", "models", at, dataset=dataset)
    evaluations = make_artifact(
        root, f"{run}/evaluate", "evaluations", at, models=models, test=test
    )
    return make_artifact(
        root, f"{run}/compare", "comparison", at, evaluations=evaluations, dataset=dataset
    )


def tasks(root):
    return sorted(str(p.relative_to(store(root))) for p in store(root).glob("*/*"))


def test_a_run_is_found_by_its_name_and_the_newest_finished_as_latest(tmp_path):
    for name, status in [
        ("20260501-120000-sentiment-quick", "finished"),
        ("20260502-120000-sentiment-full", "finished"),
        ("20260503-120000-sentiment-quick", "interrupted"),
    ]:
        make_run(tmp_path, name, status)
    assert find_run(tmp_path, "latest").path.name == "20260502-120000-sentiment-full"
    first = find_run(tmp_path, "20260501-120000-sentiment-quick")
    assert first.results["run"] == "20260501-120000-sentiment-quick"
    assert first.report == first.path / "report.html"
    assert find_run(tmp_path, "20260503-120000-sentiment-quick").facts["status"] == "interrupted"


def test_results_of_an_older_version_are_refused_in_a_line(tmp_path):
    folder = make_run(tmp_path, "old")
    write_json(folder / "results.json", {"run": "old"})
    with pytest.raises(UserError, match=r"run old was made by another version .*report\.html"):
        _ = find_run(tmp_path, "old").results


def test_an_unknown_run_suggests_the_nearest(tmp_path):
    make_run(tmp_path, "20260501-120000-sentiment-quick")
    with pytest.raises(UserError, match="did you mean '20260501-120000-sentiment-quick'"):
        find_run(tmp_path, "20260501-120000-sentiment-quik")
    with pytest.raises(UserError, match=r"unknown run '\.store'"):
        find_run(tmp_path, ".store")


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_has_not_finished_is_no_latest_and_has_no_results(tmp_path, status):
    run = RunFolder(make_run(tmp_path, "20260501-120000-sentiment-quick", status))
    with pytest.raises(UserError, match="no finished run in"):
        find_run(tmp_path, "latest")
    advice = "running and has no results; wait" if status == "running" else f"{status} and .* again"
    with using_store(tmp_path), pytest.raises(UserError, match=f"is {advice}"):
        _ = run.results


def test_a_run_whose_process_died_is_interrupted(tmp_path):
    run = RunFolder(make_run(tmp_path, "20260501-120000-sentiment-quick", "running"))
    assert run.status == "interrupted"
    with using_store(tmp_path):
        assert run.status == "running"
    assert run.status == "interrupted"
    with pytest.raises(UserError, match="is interrupted and has no results; run its command again"):
        _ = run.results


def test_without_any_run_the_advice_is_to_start_one(tmp_path):
    with pytest.raises(UserError, match="start one with: bakeoff run sentiment"):
        find_run(tmp_path / "nowhere", "latest")


def test_clean_keeps_all_that_a_run_was_made_from_and_removes_the_rest(tmp_path):
    kept, gone = make_chain(tmp_path, "kept"), make_chain(tmp_path, "gone")
    make_run(tmp_path, "first", comparison=str(kept))
    size = sum(p.stat().st_size for p in (store(tmp_path) / "gone").rglob("*") if p.is_file())
    assert clean(tmp_path) == size > 5_000
    assert tasks(tmp_path) == ["kept/compare", "kept/evaluate", "kept/prepare", "kept/train"]
    assert not gone.exists()
    assert not (store(tmp_path) / "gone").exists()
    assert clean(tmp_path) == 0


def test_clean_keeps_what_a_later_run_took_from_an_earlier_one(tmp_path):
    """The earlier run's folder is deleted; the later run reused its data."""
    make_chain(tmp_path, "earlier")
    dataset = store(tmp_path) / "earlier" / "prepare" / "dataset"
    models = make_artifact(tmp_path, "later/train", "models", dataset=dataset)
    comparison = make_artifact(tmp_path, "later/compare", "comparison", evaluations=models)
    make_run(tmp_path, "run", comparison=str(comparison))
    assert clean(tmp_path) > 0
    assert tasks(tmp_path) == ["earlier/prepare", "later/compare", "later/train"]


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_clean_leaves_a_run_that_has_not_finished_its_steps_and_checkpoints(tmp_path, status):
    hour = timedelta(hours=1)
    make_artifact(tmp_path, "old/prepare", "dataset", NOON - hour)
    make_artifact(tmp_path, "new/prepare", "dataset", NOON + hour)
    make_artifact(tmp_path, "checkpoints/0123456789abcdef", "best", NOON + hour)
    folder = make_run(tmp_path, "20260501-120000-sentiment-quick", status)
    assert clean(tmp_path) > 0
    assert tasks(tmp_path) == ["checkpoints/0123456789abcdef", "new/prepare"]
    (folder / "run.json").unlink()
    assert clean(tmp_path) > 0
    assert tasks(tmp_path) == []


def test_clean_refuses_while_a_run_uses_the_store(tmp_path):
    """The run may have taken its data from a run that was deleted since."""
    make_chain(tmp_path, "deleted")
    with using_store(tmp_path), using_store(tmp_path):
        with pytest.raises(UserError, match=rf"a bake-off is running in {tmp_path} .* has ended"):
            clean(tmp_path)
        assert len(tasks(tmp_path)) == 4
    assert clean(tmp_path) > 0
    assert tasks(tmp_path) == []


def test_the_store_is_in_use_until_the_last_process_has_died(tmp_path):
    wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with using_store(tmp_path) as lock:
        child = subprocess.Popen(wait, stdin=subprocess.PIPE, pass_fds=(lock,))
    with pytest.raises(UserError, match="a bake-off is running"):
        clean(tmp_path)
    child.kill()
    child.communicate()
    assert clean(tmp_path) == 0


def test_without_locks_runs_go_on_and_clean_refuses(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with using_store(tmp_path):
        make_chain(tmp_path, "chain")
    with pytest.raises(UserError, match="its file system has no locks"):
        clean(tmp_path)
    assert len(tasks(tmp_path)) == 4


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_clean_keeps_what_was_written_until_the_last_sign_of_a_run_that_died(tmp_path, status):
    folder = make_run(tmp_path, "20260501-120000-sentiment-quick", status)
    (folder / "log.txt").touch()
    last = (NOON + timedelta(hours=5)).timestamp()
    os.utime(folder / "log.txt", (last, last))
    make_artifact(tmp_path, "its/prepare", "dataset", NOON + timedelta(hours=4))
    make_artifact(tmp_path, "later/prepare", "dataset", NOON + timedelta(hours=6))
    assert clean(tmp_path) > 0
    assert tasks(tmp_path) == ["its/prepare"]


def test_clean_keeps_for_a_run_that_failed_only_what_was_written_while_it_ran(tmp_path):
    make_artifact(tmp_path, "later/prepare", "dataset", NOON + timedelta(hours=3))
    make_run(tmp_path, "20260501-120000-sentiment-quick", "failed")
    assert clean(tmp_path) > 0
    assert tasks(tmp_path) == []


def test_clean_waits_for_no_run_that_another_has_finished(tmp_path):
    hour = timedelta(hours=1)
    comparison = make_chain(tmp_path, "chain", NOON + 2 * hour)
    make_artifact(tmp_path, "left/train", "models", NOON + 2 * hour)
    make_run(tmp_path, "a", "interrupted", NOON)
    make_run(tmp_path, "b", "finished", NOON + hour, comparison=str(comparison))
    assert clean(tmp_path) > 0
    assert not (store(tmp_path) / "left").exists()
    # The same bake-off once more, for instance after a change of code.
    make_artifact(tmp_path, "again/prepare", "dataset", NOON + 3 * hour)
    make_run(tmp_path, "c", "running", NOON + 3 * hour)
    assert clean(tmp_path) == 0


def test_clean_without_runs_or_with_a_removed_store_frees_nothing(tmp_path):
    assert clean(tmp_path / "nowhere") == 0
    make_run(tmp_path, "run", comparison=str(store(tmp_path) / "x" / "compare" / "comparison"))
    assert clean(tmp_path) == 0
    assert find_run(tmp_path, "latest").results
