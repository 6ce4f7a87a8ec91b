"""Folders that explain themselves: every step of a bake-off reads some and writes one.

A folder holds a few files in open formats (Parquet, safetensors, JSON) and `manifest.json`, which
says what made it, from what, with which settings, and the hash of every file in it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bakeoff import __version__, events
from bakeoff.errors import UserError
from bakeoff.formats import size

MANIFEST = "manifest.json"
RESULTS_FORMAT = 9
"""Of results.json: what older versions of bakeoff wrote says less than a report shows."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = "the disk is full; free some space and run again (earlier results are whole)"


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def settings_hash(settings: Any) -> str:
    """A short, stable hash of anything that JSON can hold (key order does not matter)."""
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yields a path to write instead, which takes the place of `path` on success: readers see the
    old file or the new one, never half of either.

    Raises:
        UserError: it cannot be written.
    """
    with explained_write_errors(path):
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no file"
            raise UserError(f"cannot write {path}: it is {what}; name a file")
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically."""
    with written_atomically(path) as temporary:
        content = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(content, encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        UserError: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make its folder again") from None


def read_facts(path: Path) -> dict[str, Any]:
    """What a JSON file says by name.

    Raises:
        UserError: it is damaged.
    """
    facts = read_json(path)
    if not isinstance(facts, dict):
        raise UserError(f"{path} is damaged (it names nothing); make its folder again")
    return facts


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they do not exist.

    Raises:
        UserError: it cannot be.
    """
    with explained_write_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:
            raise UserError(f"cannot write {folder}: no folder can be made there") from None


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path`, or what is to take its place, into one
    line of advice.

    What is about other paths stays as it is, but for a full disk: that is said of the path that the
    error is about, and of `path` where it names none, as no writer does (pandas, pyarrow,
    safetensors, an open file).
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not (refusal := _refusal(error, path)):
            raise
        raise UserError(f"cannot write {refusal}") from error


def _refusal(error: Exception, path: Path) -> str:
    """What was refused and what to do; "" of any other error, and where it is about other paths."""
    names = (getattr(error, name, None) for name in ("filename", "filename2"))
    named = [Path(os.fsdecode(name)) for name in names if isinstance(name, str | bytes | Path)]
    here = any(_is_of(name, path) for name in named)
    if _is_full_disk(error):
        return f"{named[-1] if named and not here else path}: {_DISK_FULL}"
    # pyarrow names a file in its message alone.
    here = here or (not named and f".{path.name}." in str(error))
    if not here or not isinstance(error, OSError):
        return ""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path}: no permission to write there; choose another folder or change its owner"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{path}: a file stands where a folder is needed; choose another folder"
    if error.errno == errno.ENOENT and any(name.parent == path.parent for name in named):
        return f"{path}: no file can be made there; choose another folder"
    return ""


def _is_of(name: Path, path: Path) -> bool:
    """Whether it is `path`, in it, above it, or called after it until it takes its place."""
    name, path = name.absolute(), path.absolute()
    if name.is_relative_to(path) or path.is_relative_to(name):
        return True
    if not name.is_relative_to(path.parent):
        return False
    return name.relative_to(path.parent).parts[0].startswith((f".{path.name}.", f"{path.name}."))


def _is_full_disk(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    # They have errors of their own for what the system refused.
    own = type(error) is shutil.Error or type(error).__name__ == "SafetensorError"
    return own and any(os.strerror(number) in str(error) for number in _FULL)


@contextmanager
def new_artifact(
    folder: str | Path,
    kind: str,
    *,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str | Path] | None = None,
    told: str | Path = "",
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Write an artifact folder atomically.

    Yields a scratch folder to fill and the dictionary that becomes the manifest's `facts`. On
    success the scratch folder gets its manifest and takes the place of `folder`; on any exception
    it is removed, and what stood at `folder` before stays whole. Only an artifact or an empty
    folder is replaced.

    Args:
        folder: where the artifact will be.
        kind: "dataset", "test", "models", "trials", "evaluations", "comparison".
        settings: what the step was asked for, as JSON holds it.
        inputs: name → artifact folder this one is made from; the manifest gets paths and hashes.
        told: where it is said to go, if `folder` is a step on its way.

    Raises:
        UserError: `folder` cannot be written, or holds something else.
    """
    folder = Path(folder)
    with explained_write_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
        if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
            raise UserError(
                f"cannot write {folder}: it holds files that bakeoff did not make; choose another "
                "folder, or move them away"
            )
        make_folder(folder.parent)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            facts: dict[str, Any] = {}
            yield scratch, facts
            # Such as W&B leaves beside its runs; Kubeflow's launcher can upload none to a folder.
            for link in [p for p in scratch.rglob("*") if p.is_symlink()]:
                link.unlink()
            # What W&B records of a run is not the artifact's content: it differs every time.
            inside = (p for p in scratch.rglob("*") if p.is_file())
            files = sorted(p for p in inside if p.relative_to(scratch).parts[0] != "wandb")
            manifest = {
                "kind": kind,
                "bakeoff": __version__,
                "settings": dict(settings),
                "inputs": {
                    name: {"path": str(path), "hash": artifact_hash(path)}
                    for name, path in (inputs or {}).items()
                },
                "facts": facts,
                "files": {
                    str(p.relative_to(scratch)): {"bytes": p.stat().st_size, "sha256": file_hash(p)}
                    for p in files
                },
            }
            written = sum(p.stat().st_size for p in files)
            write_json(scratch / MANIFEST, manifest)
            scratch.chmod(0o755)
            _take_place(scratch, folder)
            events.tell(f"wrote {kind}: {len(files)} files, {size(written)}, to {told or folder}")
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise


def _take_place(scratch: Path, folder: Path) -> None:
    """Put `scratch` where `folder` is; the old content is removed last."""
    if not folder.exists():
        scratch.replace(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.replace(old)
    scratch.replace(folder)
    shutil.rmtree(old)


def read_manifest(folder: str | Path, kind: str | None = None) -> dict[str, Any]:
    """The manifest of an artifact folder.

    Raises:
        UserError: `folder` is no artifact, or one of another kind than `kind`.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = read_facts(path)
    except (FileNotFoundError, NotADirectoryError):
        from bakeoff.s3 import mounted

        if address := mounted(folder):
            raise UserError(
                f"{address} is empty: KFP reuses what a step of an earlier run put there, and the "
                "store has lost it; submit again with --no-cache"
            ) from None
        raise UserError(f"{folder} is no bakeoff folder: it has no {MANIFEST}") from None
    if kind is not None and manifest["kind"] != kind:
        raise UserError(f"{folder} holds {manifest['kind']!r}, but {kind!r} is needed here")
    return manifest


def lacks(folder: Path, *parts: str) -> bool:
    """Whether files are gone, or not whole, that the manifest of a folder, if it has one, names and
    whose paths in it begin with one of `parts`.
    """
    if not (folder / MANIFEST).exists():
        return False
    for name, facts in read_manifest(folder)["files"].items():
        file = folder / name
        is_whole = file.is_file() and file.stat().st_size == facts["bytes"]
        if name.startswith(parts) and not is_whole:
            return True
    return False


def artifact_hash(folder: str | Path) -> str:
    """The hash of an artifact's content: equal for equal files, wherever and whenever written."""
    return settings_hash(read_manifest(folder)["files"])
