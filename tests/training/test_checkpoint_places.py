"""Checkpoints in a folder and in S3: whole, last, or absent."""

import pickle

import pytest
from test_checkpoint import FACTS, same, started, step, weights

from bakeoff.errors import UserError
from bakeoff.training.checkpoint import load_checkpoint, save_checkpoint
from bakeoff.training.places import names_in, place, read_whole, remove_all, write_whole

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture(params=["folder", "bucket"])
def where(request, tmp_path):
    """A place nobody has written to."""
    if request.param == "folder":
        return place(str(tmp_path / "place"))
    name = "".join(c for c in request.node.name if c.isalnum())
    return place(f"s3://reviews/{name}")


def test_what_was_written_last_is_read(where):
    assert read_whole(where, "a") is None
    assert names_in(where) == []
    write_whole(where, "a", b"first")
    write_whole(where, "a", b"second" * 10**6)
    write_whole(where / "deeper", "c", b"3")
    assert read_whole(where, "a") == b"second" * 10**6
    assert read_whole(where, "b") is None
    assert names_in(where) == ["a"]


def test_all_under_a_place_is_removed_and_nothing_beside_it(where):
    write_whole(where / "net", "a", b"1")
    write_whole(where / "net" / "deep", "b", b"2")
    write_whole(where, "network", b"3")
    remove_all(where / "net")
    assert read_whole(where / "net", "a") is None
    assert read_whole(where / "net" / "deep", "b") is None
    assert read_whole(where, "network") == b"3"
    remove_all(where / "net")  # Nothing is there, and that is well.


def test_a_checkpoint_is_read_as_it_was_written_and_a_damaged_one_is_none(where):
    model, optimizers = started()
    step(model, optimizers)
    save_checkpoint(where, model, weights(model), optimizers, FACTS)
    other, others = started(seed=1)
    assert load_checkpoint(where, other, others).facts == FACTS
    assert same(other.state_dict(), model.state_dict())
    content = read_whole(where, "checkpoint.safetensors")
    write_whole(where, "checkpoint.safetensors", content[:-1])
    assert load_checkpoint(where, *started()) is None


def test_a_place_travels_to_workers():
    where = place("s3://reviews/travels/")
    write_whole(pickle.loads(pickle.dumps(where)), "a", b"1")
    assert read_whole(place("s3://reviews/travels"), "a") == b"1"


def test_a_full_disk_keeps_what_was_written_last_and_nothing_else(small_disk):
    write_whole(small_disk, "a", b"first")
    with pytest.raises(UserError, match="the disk is full"):
        write_whole(small_disk, "a", b"second" * 10**6)
    assert read_whole(small_disk, "a") == b"first"
    assert names_in(small_disk) == ["a"]


def test_a_bucket_that_is_not_there_is_one_line_at_once():
    with pytest.raises(UserError, match=r"^cannot write s3://nowhere/a: .*check the address"):
        write_whole(place("s3://nowhere/a"), "b", b"1")
    with pytest.raises(UserError, match=r"^cannot read s3://nowhere/a: .*check the address"):
        read_whole(place("s3://nowhere/a"), "b")
