"""A hash of what a step runs, so that a cached output is never older than the code."""

from __future__ import annotations

import ast
import hashlib
import platform
import sys
from collections.abc import Collection
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

_distributions = cache(packages_distributions)


@cache
def code_hash(module: str, without: Collection[str] = ()) -> str:
    """Hash of what `module` and every bakeoff module it imports in turn do, and of the versions of
    Python and of the packages these import, or look up by `distribution`; where torch is one of
    them, of the GPU it finds. Imports inside functions count; comments, docstrings and imports for
    type checkers do not.

    Args:
        module: where to start.
        without: packages of ours that are not run, whoever imports them.
    """
    modules: dict[str, str] = {}
    packages: set[str] = set()
    _collect(module, modules, packages, without)
    distributions = _distributions()
    digest = hashlib.sha256(platform.python_version().encode())
    for name, content in sorted(modules.items()):
        digest.update(f"{name}\n{content}\n".encode())
    for package in sorted(packages):
        for distribution in sorted(set(distributions.get(package, [package]))):
            try:
                digest.update(f"{distribution}=={version(distribution)}\n".encode())
            except PackageNotFoundError:
                continue
    if "torch" in packages:
        digest.update(accelerator().encode())
    return digest.hexdigest()[:16]


def meaning(source: str) -> str:
    """What Python does with a source: its syntax tree without comments, docstrings and what is for
    type checkers alone; text that is no Python as it is.

    >>> meaning("x = 1  # One.") == meaning('"Numbers."\\nx = (1)') != meaning("x = 2")
    True
    """
    try:
        return ast.dump(_stripped(source))
    except SyntaxError:
        return source


def _stripped(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_said_only(part)]  # type: ignore[attr-defined]
    return tree


def _is_said_only(statement: ast.stmt) -> bool:
    """A docstring, of a field too, or a block for type checkers."""
    if isinstance(statement, ast.Expr):
        value = statement.value
        return isinstance(value, ast.Constant) and isinstance(value.value, str)
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
    )


def _collect(
    module: str, modules: dict[str, str], packages: set[str], without: Collection[str]
) -> None:
    if module in modules or any(f"{module}.".startswith(f"{room}.") for room in without):
        return
    spec = _find(module)
    if spec is None or spec.origin is None:
        return
    path = Path(spec.origin)
    modules[module], names = _read(path.read_text())
    # Templates and styles beside a package are code too.
    if path.name == "__init__.py":
        beside = sorted(p for p in path.parent.iterdir() if p.suffix in (".j2", ".css"))
        modules[module] += "".join(p.read_text() for p in beside)
    for name in names:
        top = name.partition(".")[0]
        if top != "bakeoff":
            packages.add(top)
        else:
            _collect(name, modules, packages, without)


@cache
def _read(source: str) -> tuple[str, list[str]]:
    """The meaning of a module, and the names it imports or looks up."""
    tree = _stripped(source)
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # "from package import module" may name a module.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "distribution":
            names += [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
    return ast.dump(tree), names


def accelerator() -> str:
    """The GPU that networks would run on, by its name; "" where they run on the CPU.

    Only where the system has the device of a driver is torch asked, which takes seconds to import.
    """
    if not any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")):
        return ""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def _find(name: str) -> ModuleSpec | None:
    """Where a module is; unlike `importlib.util.find_spec`, imports none of its parents."""
    spec, path = None, None
    parts = name.split(".")
    for depth in range(len(parts)):
        full = ".".join(parts[: depth + 1])
        found = (finder.find_spec(full, path) for finder in sys.meta_path)
        spec = next((one for one in found if one), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations or []
    return spec
