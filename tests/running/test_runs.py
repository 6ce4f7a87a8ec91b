import pytest

from bakeoff.artifacts import RESULTS_FORMAT, write_json
from bakeoff.errors import UserError
from bakeoff.running.runs import RunFolder, find_run
from bakeoff.running.store import going_on, using_store


def make_run(root, name, status="finished"):
    """A run as it stands in `root`; a finished one has results."""
    (root / name).mkdir(parents=True)
    write_json(root / name / "run.json", {"id": name, "status": status})
    if status == "finished":
        write_json(root / name / "results.json", {"format": RESULTS_FORMAT, "run": name})
    return root / name


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


def test_the_beginning_of_a_name_is_enough_where_one_run_has_it(tmp_path):
    for name, status in [
        ("20260501-120000-sentiment-quick", "finished"),
        ("20260501-130000-sentiment-quick", "failed"),
        ("20260501-140000-sentiment-quick", "interrupted"),
        ("20260502-120000-sentiment-full", "finished"),
        ("20260502-120000-sentiment-full-2", "finished"),
    ]:
        make_run(tmp_path, name, status)
    assert find_run(tmp_path, "20260501").path.name == "20260501-120000-sentiment-quick"
    assert find_run(tmp_path, "20260501-13").status == "failed"
    exact = "20260502-120000-sentiment-full"
    assert find_run(tmp_path, exact).path.name == exact
    with pytest.raises(UserError, match=f"'20260502' may be any of {exact}, {exact}-2; give more"):
        find_run(tmp_path, "20260502")
    with pytest.raises(UserError, match="unknown run ''"):
        find_run(tmp_path, "")


def test_only_finished_runs_are_offered(tmp_path):
    make_run(tmp_path, "20260501-120000-sentiment-quick", "failed")
    make_run(tmp_path, "20260502-120000-sentiment-full")
    with pytest.raises(UserError, match=r"Known: latest, 20260502-120000-sentiment-full$"):
        find_run(tmp_path, "mine")


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_has_not_finished_is_no_latest_and_has_no_results(tmp_path, status):
    run = RunFolder(make_run(tmp_path, "20260501-120000-sentiment-quick", status))
    with pytest.raises(UserError, match="no finished run in"):
        find_run(tmp_path, "latest")
    advice = "running and has no results; wait" if status == "running" else f"{status} and .* again"
    with going_on(run.path), pytest.raises(UserError, match=f"is {advice}"):
        _ = run.results


def test_a_run_whose_process_died_is_interrupted(tmp_path):
    run = RunFolder(make_run(tmp_path, "20260501-120000-sentiment-quick", "running"))
    assert run.status == "interrupted"
    with going_on(run.path):
        assert run.status == "running"
        assert run.status == "running", "also for who asks at the same time"
    with using_store(tmp_path):
        assert run.status == "interrupted", "while another one is going on"
    with pytest.raises(UserError, match="is interrupted and has no results; run its command again"):
        _ = run.results


def test_without_any_run_the_advice_is_to_start_one(tmp_path):
    with pytest.raises(UserError, match="start one with: bakeoff run sentiment"):
        find_run(tmp_path / "nowhere", "latest")
