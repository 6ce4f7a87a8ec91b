"""Checkpoints in a folder and in S3: whole, last, or absent."""

import pickle

import pytest
from test_checkpoint import FACTS, same, started, step, weights

from bakeoff.errors import UserError
from bakeoff.training import places
from bakeoff.training.checkpoint import load_checkpoint, save_checkpoint
from bakeoff.training.places import Bucket, place, read_whole, remove_all, write_whole

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture(params=["folder", "bucket"])
def where(request, tmp_path):
    """A place nobody has written to."""
    if request.param == "folder":
        return place(str(tmp_path / "place"))
    name = "".join(c for c in request.node.name if c.isalnum())
    return place(f"s3://reviews/{name}")


def test_what_was_written_last_is_read(where):
    assert read_whole(where / "a") is None
    write_whole(where / "a", b"first")
    write_whole(where / "a", b"second" * 10**6)
    assert read_whole(where / "a") == b"second" * 10**6
    assert read_whole(where / "b") is None


def test_all_under_a_place_is_removed_and_nothing_beside_it(where):
    write_whole(where / "net" / "a", b"1")
    write_whole(where / "net" / "deep" / "b", b"2")
    write_whole(where / "network", b"3")
    remove_all(where / "net")
    assert read_whole(where / "net" / "a") is None
    assert read_whole(where / "net" / "deep" / "b") is None
    assert read_whole(where / "network") == b"3"
    remove_all(where / "net")  # Nothing is there, and that is well.


def test_a_checkpoint_is_read_as_it_was_written_and_a_damaged_one_is_none(where):
    model, optimizers = started()
    step(model, optimizers)
    save_checkpoint(where, model, weights(model), optimizers, FACTS)
    other, others = started(seed=1)
    assert load_checkpoint(where, other, others).facts == FACTS
    assert same(other.state_dict(), model.state_dict())
    content = read_whole(where / "checkpoint.safetensors")
    write_whole(where / "checkpoint.safetensors", content[:-1])
    assert load_checkpoint(where, *started()) is None


def test_a_place_travels_to_workers():
    where = Bucket("s3://reviews/travels/")
    write_whole(pickle.loads(pickle.dumps(where)) / "a", b"1")
    assert read_whole(Bucket("s3://reviews/travels") / "a") == b"1"


def test_a_bucket_that_is_not_there_is_one_line_at_once(monkeypatch):
    monkeypatch.setattr(places, "PAUSES", (600.0,))
    with pytest.raises(UserError, match=r"^cannot write s3://nowhere/a: .*check the address"):
        write_whole(Bucket("s3://nowhere/a"), b"1")
    assert read_whole(Bucket("s3://nowhere/a")) is None


def test_what_fails_on_the_way_is_tried_again(bucket, monkeypatch):
    pauses = []
    monkeypatch.setattr(places.time, "sleep", pauses.append)
    failing = iter([ConnectionError("reset by peer"), OSError(5, "SlowDown"), None])

    class Unsteady:
        def pipe_file(self, path, content):
            if error := next(failing):
                raise error
            bucket.pipe_file(path, content)

    monkeypatch.setattr(Bucket, "_files", staticmethod(Unsteady))
    write_whole(Bucket("s3://reviews/unsteady"), b"1")
    assert bucket.cat_file("reviews/unsteady") == b"1"
    assert pauses == [0.5, 1.0]


def test_what_never_works_is_one_line(monkeypatch):
    monkeypatch.setattr(places, "PAUSES", (0.0, 0.0))

    class Broken:
        def cat_file(self, path):
            raise ConnectionError("nobody\nlistens")

    monkeypatch.setattr(Bucket, "_files", staticmethod(Broken))
    with pytest.raises(UserError, match=r"^cannot read s3://reviews/a: nobody; check [^\n]*$"):
        read_whole(Bucket("s3://reviews/a"))
