"""What the steps of all runs wrote, and clearing what no run needs any more.

runs/.store/<run>/         outputs of the steps of a run, as kfp.local lays them out
runs/.store/.kfp_cache/    which outputs belong to which task and arguments
runs/.store/checkpoints/   of networks in training
runs/.store/data/          frames that bake-offs were held on
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from bakeoff.artifacts import (
    MANIFEST,
    explained_write_errors,
    make_folder,
    read_facts,
    read_json,
    read_manifest,
)
from bakeoff.errors import UserError

STORE = ".store"
DATA = "data"
_CACHE, _CHECKPOINTS, _LOCK = ".kfp_cache", "checkpoints", "lock"


def store(root: Path) -> Path:
    """The store of the runs in `root`."""
    return root.resolve() / STORE


def cache_folder(root: Path) -> Path:
    """Where kfp.local keeps which outputs belong to which task and arguments."""
    return store(root) / _CACHE


def checkpoints(root: Path) -> Path:
    """Where networks in training keep their last epochs."""
    return store(root) / _CHECKPOINTS


def in_store(root: Path, path: str | Path) -> Path:
    """Where something in the store of `root` is now.

    Results, manifests and cache name it by the path at which a step saw it; since then the folder
    of all runs may have been renamed, copied to another machine or mounted elsewhere.
    """
    parts = Path(path).parts
    if STORE not in parts:
        return Path(path)
    below = parts[::-1].index(STORE)
    return store(root).joinpath(*parts[len(parts) - below :])


@contextmanager
def using_store(root: Path) -> Iterator[int]:
    """Let no `clean` remove what a run may use; waits for one that is at work.

    Yields a file descriptor. The lock lasts until this process has left the context or died, and so
    has every process that inherited the descriptor.
    """
    make_folder(store(root))
    with _held(store(root) / _LOCK, fcntl.LOCK_SH) as descriptor:
        yield descriptor


@contextmanager
def going_on(run: Path) -> Iterator[int]:
    """Have `is_going_on` say so of a run until this process has left the context or died, and so
    has every process that inherited the file descriptor, which it yields.
    """
    path = run / f".{_LOCK}"
    with _held(path, fcntl.LOCK_EX) as descriptor:
        try:
            yield descriptor
        finally:
            path.unlink(missing_ok=True)


def is_going_on(run: Path) -> bool:
    """Whether processes of a run are there, as far as can be told."""
    try:
        lock = (run / f".{_LOCK}").open()
    except OSError:
        return False
    with lock:
        # Shared, as others may ask at the same time.
        return not _taken(lock, fcntl.LOCK_SH)


@contextmanager
def _held(path: Path, how: int) -> Iterator[int]:
    """Hold a lock, waiting for it; on a file system without locks (there `clean` refuses to work)
    nothing is held. Yields its file descriptor.
    """
    with explained_write_errors(path.parent):
        lock = path.open("a")
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, how)
        yield lock.fileno()


def _taken(lock: IO[str], how: int) -> bool:
    """Take a lock until its file is closed, unless somebody's forbids it."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clean(root: Path, dry_run: bool = False) -> dict[Path, int]:
    """Remove what steps wrote and no run in `root` needs any more.

    A finished run needs what its results were made from, and its data to be run again; one that was
    interrupted or failed needs all that its steps wrote and were made from, and the checkpoints, to
    go on from there.

    Args:
        root: the folder that holds all runs.
        dry_run: remove nothing.

    Returns:
        What was removed (or would be) → its bytes.

    Raises:
        UserError: `root` is no folder; a run in it is going on, and may use anything in the store;
            or something there cannot be read or removed.
    """
    if os.path.lexists(root) and not root.is_dir():
        raise UserError(f"{root} is no folder of runs; name another with --runs")
    if not store(root).exists():
        return {}
    with explained_write_errors(store(root)):
        lock = (store(root) / _LOCK).open("a")
        with lock:
            if not _taken(lock, fcntl.LOCK_EX):
                raise UserError(
                    f"a bake-off is running in {root} (or its file system has no locks, so that "
                    "nobody can tell): run clean again when it has ended"
                )
            needed = _needed(root)
            above = {folder for path in needed for folder in path.parents}
            unneeded = {path: size_of(path) for path in _unneeded(store(root), needed, above)}
            if not dry_run:
                for path in unneeded:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                _forget_removed(root)
    return unneeded


def _needed(root: Path) -> set[Path]:
    """What is kept whole: folders of tasks (the cache names their outputs together), of runs that
    have not finished, and what is no output of a step.
    """
    runs = [read_facts(path) for path in root.glob("*/run.json")]
    kept = {store(root) / _LOCK, cache_folder(root)}
    if unfinished := _unfinished(runs):
        kept |= {checkpoints(root), *(store(root) / run["id"] for run in unfinished)}
    waiting = [Path(run["comparison"]) for run in runs if run.get("comparison")]
    for run in unfinished:
        waiting += [path.parent for path in (store(root) / run["id"]).rglob(MANIFEST)]
    data = [run.get("plan", {}).get("data", "") for run in runs]
    kept |= {in_store(root, source) for source in data if STORE in Path(source).parts}
    reached: set[Path] = set()
    while waiting:
        artifact = in_store(root, waiting.pop())
        if artifact in reached or not (artifact / MANIFEST).exists():
            continue
        reached.add(artifact)
        waiting += [Path(source["path"]) for source in read_manifest(artifact)["inputs"].values()]
    return kept | {artifact.parent for artifact in reached}


def _unfinished(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs that have not finished, and that no later one finished instead."""
    finished = [run for run in runs if run["status"] == "finished"]
    return [
        run
        for run in runs
        if run["status"] != "finished"
        and not any(f["created"] > run["created"] and f["plan"] == run["plan"] for f in finished)
    ]


def _unneeded(folder: Path, needed: Set[Path], above: Set[Path]) -> Iterator[Path]:
    """The topmost paths in a folder that hold nothing needed; `above` are the folders that do."""
    for path in sorted(folder.iterdir()):
        if path in above:
            yield from _unneeded(path, needed, above)
        elif path not in needed:
            yield path


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder, in which runs may write meanwhile."""
    below = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    size = 0
    for file in [path] if path.is_file() else below:
        with suppress(FileNotFoundError):
            size += file.lstat().st_size
    return size


def _forget_removed(root: Path) -> None:
    """Take from the cache what names outputs that are gone; with the last of them goes what names
    none.
    """
    named = {path: list(_uris(read_json(path))) for path in cache_folder(root).glob("*.json")}
    left = {p for p, uris in named.items() if all(in_store(root, uri).exists() for uri in uris)}
    if not any(named[path] for path in left):
        left = set()
    for path in named.keys() - left:
        path.unlink()


def _uris(value: Any) -> Iterator[str]:
    """The addresses of all artifacts in an entry of kfp.local's cache."""
    if isinstance(value, Mapping):
        if isinstance(value.get("uri"), str):
            yield value["uri"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _uris(one)
