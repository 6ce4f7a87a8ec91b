import threading

from fake_kuberay import Time
from s3_store import Store

from bakeoff.cluster.heartbeat import NAME, beating, watch


def abandoned_at(work, clock, limit=600):
    at = []
    watch(work, limit, clock, lambda: at.append(clock.now()))
    return at[0]


def test_each_beat_is_another_one_and_the_last_is_the_last():
    beats, enough = [], threading.Event()

    class Work(Store):
        def write(self, name, content, **_):
            beats.append((name, content))
            if len(beats) >= 5:
                enough.set()

    with beating(Work("s3://bucket/work"), every=0.001):
        assert enough.wait(30)
    count = len(beats)
    assert {name for name, _ in beats} == {NAME}
    assert len({content for _, content in beats}) == count
    assert not threading.Event().wait(0.02)
    assert len(beats) == count


def test_a_training_ends_once_nobody_follows_it():
    work, clock = Store("s3://bucket/work"), Time()
    for beat in range(10):
        clock.after(20 * beat, lambda beat=beat: work.write(NAME, str(beat).encode()))
    at = abandoned_at(work, clock)
    assert 180 + 600 <= at <= 180 + 600 + 60


def test_a_step_that_never_beat_is_none():
    assert 600 <= abandoned_at(Store("s3://bucket/work"), Time()) <= 660


def test_a_beat_that_is_refused_is_not_the_last():
    work, clock = Store("s3://bucket/work"), Time()
    work.state["refuses"] = True
    with beating(work, every=0.001):
        assert not threading.Event().wait(0.02)
        work.state["refuses"] = False
        for _ in range(3000):
            if work.read(NAME):
                break
            threading.Event().wait(0.01)
    assert work.read(NAME)
    clock.after(100, lambda: work.state.update(refuses=True))
    clock.after(3700, lambda: work.state.update(refuses=False))
    assert abandoned_at(work, clock) >= 3700


def test_while_s3_is_away_nobody_can_tell():
    """An hour away, and at once another beat."""
    work, clock = Store("s3://bucket/work"), Time()
    work.write(NAME, b"0")
    clock.after(100, lambda: work.state.update(away=True))
    clock.after(3700, lambda: work.state.update(away=False))
    clock.after(3730, lambda: work.write(NAME, b"1"))
    assert abandoned_at(work, clock) >= 3730 + 600
