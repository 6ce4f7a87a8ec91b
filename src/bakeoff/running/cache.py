"""kfp.local's cache of finished tasks, for a store that may be moved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp.local import cache
from kfp.local.cache import LocalCache

from bakeoff import events
from bakeoff.code_hash import meaning
from bakeoff.running.store import cache_folder, in_store, store


class StoreCache(LocalCache):
    """Knows an artifact by its place in the store, wherever that is, and tells what it reuses.

    kfp.local would key and remember artifacts by absolute paths: in a moved store nothing would be
    found, and in a copied one the outputs of the original.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(str(cache_folder(root)))
        self.reused: list[str] = []
        """The tasks whose outputs were taken from the cache."""
        self._root = root
        self._tasks: dict[str, dict[str, Any]] = {}

    def compute_key(
        self,
        component_name: str,
        full_command: list[str],
        arguments: dict[str, Any],
        **rest: Any,
    ) -> str:
        # Neither the number of a task in its graph nor a comment in the source of its component,
        # which is in its command, changes what it does.
        task = component_name.removeprefix("comp-").rstrip("-0123456789")
        command = [meaning(part) for part in full_command]
        key = super().compute_key(
            component_name=task, full_command=command, arguments=arguments, **rest
        )
        model = arguments.get("model")
        self._tasks[key] = {
            "task": task,
            "model": model,
            "seed": int(arguments["seed"]) if model else None,
        }
        return key

    def get(self, key: str) -> dict[str, Any] | None:
        outputs = super().get(key)
        if outputs is not None:
            self.reused.append(self._tasks[key]["task"])
            events.emit("reused", **self._tasks[key])
        return outputs

    def _serialize_value_for_key(self, value: Any) -> Any:
        def place(uri: str) -> str:
            here, home = in_store(self._root, uri), store(self._root)
            return str(here.relative_to(home) if here.is_relative_to(home) else here)

        return _with_uris(super()._serialize_value_for_key(value), place)

    def _deserialize_outputs(self, serialized: dict[str, Any]) -> dict[str, Any]:
        here = _with_uris(serialized, lambda uri: str(in_store(self._root, uri)))
        return super()._deserialize_outputs(here)


def use_store_cache(root: Path) -> StoreCache:
    """Let kfp.local, once initialised, cache in the store of the runs in `root`."""
    used = StoreCache(root)
    cache._cache_singleton, cache._cache_singleton_root = used, used.cache_root
    return used


def _with_uris(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of what JSON can hold with the address of every artifact changed."""
    if isinstance(value, dict):
        return {
            key: change(one) if key == "uri" and isinstance(one, str) else _with_uris(one, change)
            for key, one in value.items()
        }
    return [_with_uris(one, change) for one in value] if isinstance(value, list) else value
