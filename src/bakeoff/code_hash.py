"""A hash of the code a step runs, so that a cached output is never older than the code."""

from __future__ import annotations

import ast
import hashlib
import platform
import sys
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path


@cache
def code_hash(module: str) -> str:
    """Hash of `module`, of every bakeoff module it imports in turn, and of the versions of Python
    and of the packages these import, or look up by `distribution`. Imports inside functions count.
    """
    modules: dict[str, str] = {}
    packages: set[str] = set()
    _collect(module, modules, packages)
    distributions = packages_distributions()
    digest = hashlib.sha256(platform.python_version().encode())
    for name, source in sorted(modules.items()):
        digest.update(f"{name}\n{source}\n".encode())
    for package in sorted(packages):
        for distribution in sorted(set(distributions.get(package, [package]))):
            try:
                digest.update(f"{distribution}=={version(distribution)}\n".encode())
            except PackageNotFoundError:
                continue
    return digest.hexdigest()[:16]


def _collect(module: str, modules: dict[str, str], packages: set[str]) -> None:
    if module in modules:
        return
    spec = _find(module)
    if spec is None or spec.origin is None:
        return
    path = Path(spec.origin)
    source = path.read_text()
    # Templates and styles beside a package are code too.
    if path.name == "__init__.py":
        beside = sorted(p for p in path.parent.iterdir() if p.suffix in (".j2", ".css"))
        source += "".join(p.read_text() for p in beside)
    modules[module] = source
    for node in ast.walk(ast.parse(source if path.name != "__init__.py" else path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # "from package import module" may name a module.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "distribution":
            names = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if top != "bakeoff":
                packages.add(top)
            else:
                _collect(name, modules, packages)


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
