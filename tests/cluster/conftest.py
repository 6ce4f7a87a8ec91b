import pytest
from fake_kuberay import FakeKubernetes, Life, Step, Time
from s3_store import Store


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def store():
    return Store("s3://bucket/run")


@pytest.fixture
def fake(clock):
    fake = FakeKubernetes(clock)
    yield fake
    fake.close()


@pytest.fixture
def life(store, clock):
    return Life(store / "work", store / "models", clock)


@pytest.fixture
def step(fake, store, clock):
    from test_rayjob import ONE

    def make(attempt):
        from dataclasses import replace

        return replace(ONE, attempt=attempt)

    return Step(fake, make, store / "work", store / "models", clock)
