"""What is changed in kfp.local is there to be changed, and changes what it should."""

import inspect

import pytest
from kfp.local import cache, docker_task_handler

from bakeoff.running import child
from bakeoff.running.cache import StoreCache

TASK = {
    "component_name": "comp-train-text-network",
    "image": "python",
    "full_command": ["sh", "-ec", 'python3 "$0"', "def train():\n    return 1\n", "--input"],
    "arguments": {"model": "rnn-64", "seed": 0.0, "settings": ""},
    "env_vars": {"BAKEOFF_CODE": "one"},
    "custom_cache_key": None,
}


@pytest.fixture
def key(tmp_path):
    found = StoreCache(tmp_path)
    return lambda **changed: found.compute_key(**{**TASK, **changed})


def test_kfp_has_what_is_replaced():
    assert set(inspect.signature(cache.LocalCache.compute_key).parameters) == {"self", *TASK}
    assert list(inspect.signature(cache.LocalCache.get).parameters) == ["self", "key"]
    for name in ("_serialize_value_for_key", "_deserialize_outputs"):
        assert callable(getattr(cache.LocalCache, name))
    assert {"_cache_singleton", "_cache_singleton_root"} <= set(vars(cache))
    given = list(inspect.signature(docker_task_handler.run_docker_container).parameters)
    assert given[:4] == list(inspect.signature(child._run_container).parameters)[:4]


def test_what_a_task_does_is_its_key_and_not_its_number_or_its_comments(key):
    before = key()
    assert key(component_name="comp-train-text-network-3") == before
    start, end = TASK["full_command"][:3], TASK["full_command"][4:]
    said = 'def train():\n    "Now."\n    return 1  # One.'
    assert key(full_command=[*start, said, *end]) == before
    others = [
        key(full_command=[*start, "def train():\n    return 2", *end]),
        key(env_vars={"BAKEOFF_CODE": "two"}),
        key(component_name="comp-train-image-network"),
        key(arguments={"model": "rnn-64", "seed": 1.0, "settings": ""}),
    ]
    assert len({before, *others}) == 5
