"""Two bake-offs share no W&B run; an interrupted one and its continuation share them all."""

import json
from dataclasses import replace

import pytest

from bakeoff.artifacts import new_artifact, read_manifest
from bakeoff.data.prepare import prepare
from bakeoff.environment import REVISION, revision
from bakeoff.tracking import Identity
from bakeoff.tracking.identity import RUN, VARIABLE

PLAN = {"study": "sentiment", "preset": "quick", "settings": "5e77"}


@pytest.fixture(autouse=True)
def one_plan(monkeypatch):
    monkeypatch.setenv(VARIABLE, json.dumps(PLAN))
    monkeypatch.setenv(REVISION, "c0ffee")
    monkeypatch.delenv(RUN, raising=False)
    revision.cache_clear()
    yield
    revision.cache_clear()


def prepared(folder, word="good", seed=0):
    """A dataset of 40 reviews."""
    folder.mkdir()
    rows = [f"{word if row % 2 else 'bad'} film {row},{row % 2}" for row in range(40)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    prepare(
        folder / "dataset",
        folder / "test",
        source=str(folder / "reviews.csv"),
        split="0.5:0.25:0.25",
        seed=seed,
    )
    return folder / "dataset"


def test_what_is_recorded_tells_the_data_and_the_code(tmp_path):
    dataset = prepared(tmp_path / "a")
    identity = Identity.of_step(dataset, "key")
    assert identity.group.startswith("sentiment-quick-")
    assert identity.about == {
        "study": "sentiment",
        "preset": "quick",
        "commit": "c0ffee",
        "data": read_manifest(dataset)["facts"]["source"]["name"],
        "data_hash": read_manifest(dataset)["facts"]["source"]["fingerprint"],
        "rows": {"train": 20, "validation": 10, "test": 10},
    }


def test_a_continuation_is_the_same_and_other_data_or_a_new_preparation_is_not(tmp_path):
    dataset = prepared(tmp_path / "a")
    first = Identity.of_step(dataset, "key")
    assert Identity.of_step(dataset, "key") == first
    others = [prepared(tmp_path / "b", word="fine"), prepared(tmp_path / "c")]
    found = [first, *(Identity.of_step(other, "key") for other in others)]
    assert len({one.group for one in found}) == 3
    assert len({one.run_id("rnn-64", 0) for one in found}) == 3


def test_a_step_that_another_plan_repeats_keeps_its_runs_in_a_group_of_its_own(
    tmp_path, monkeypatch
):
    dataset = prepared(tmp_path / "a")
    first = Identity.of_step(dataset, "key")
    monkeypatch.setenv(VARIABLE, json.dumps({**PLAN, "settings": "other"}))
    second = Identity.of_step(dataset, "key")
    assert second.group != first.group
    assert second.run_id("rnn-64", 0) == first.run_id("rnn-64", 0)
    changed = Identity.of_step(dataset, "other code or settings")
    assert changed.group == second.group
    assert changed.run_id("rnn-64", 0) != first.run_id("rnn-64", 0)


def test_evaluation_continues_what_training_began_and_a_mixture_belongs_beside_it(
    tmp_path, monkeypatch
):
    dataset = prepared(tmp_path / "a")
    trained = Identity.of_step(dataset, "key")
    with new_artifact(tmp_path / "models", "models", settings={}) as (_, facts):
        facts["identity"] = trained.facts()
    mixed = Identity.of_mixture(tmp_path / "models", "mixture")
    assert (mixed.group, mixed.about) == (trained.group, trained.about)
    assert mixed.run_id("ensemble", 0) != trained.run_id("ensemble", 0)
    monkeypatch.delenv(VARIABLE)
    assert Identity.of_models(tmp_path / "models") == trained, "no plan is needed"


def test_ids_differ_by_model_and_seed_and_hold_what_wandb_allows():
    identity = Identity(key="a")
    twins = [identity, replace(identity, key="b")]
    ids = {one.run_id(m, s) for one in twins for m in ("rnn-64", "x/y:z") for s in (0, 1)}
    assert len(ids) == 8
    assert not set("".join(ids)) & set("/\\#?%: ")


def test_outside_of_a_plan_there_is_an_identity_too(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    identity = Identity.of_step(prepared(tmp_path / "a"), "key")
    assert identity.group
    assert "study" not in identity.about


def test_two_pipeline_runs_share_no_wandb_run_and_a_repeated_step_does(tmp_path, monkeypatch):
    dataset = prepared(tmp_path / "one")
    local = Identity.of_step(dataset, "training")

    def of_run(name):
        monkeypatch.setenv(RUN, name)
        return Identity.of_step(dataset, "training")

    first, again, second = of_run("run-1"), of_run("run-1"), of_run("run-2")
    assert first == again
    for one, other in ((first, second), (first, local), (second, local)):
        assert one.group != other.group
        assert one.run_id("cnn", 0) != other.run_id("cnn", 0)
    assert first.about["kfp_run"] == "run-1"
    assert first.about["commit"] == local.about["commit"] == "c0ffee"
    assert "kfp_run" not in local.about
