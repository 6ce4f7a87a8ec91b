"""A hash of the code a step runs, so that a cached output is never older than the code."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path


@cache
def code_hash(module: str) -> str:
    """Hash of `module`, of every bakeoff module it imports in turn, and of the versions of the
    packages these import. Imports inside functions count.
    """
    modules: dict[str, str] = {}
    packages: set[str] = set()
    _collect(module, modules, packages)
    distributions = packages_distributions()
    digest = hashlib.sha256()
    for name, source in sorted(modules.items()):
        digest.update(f"{name}\n{source}\n".encode())
    for package in sorted(packages):
        for distribution in sorted(set(distributions.get(package, ()))):
            try:
                digest.update(f"{distribution}=={version(distribution)}\n".encode())
            except PackageNotFoundError:
                continue
    return digest.hexdigest()[:16]


def _collect(module: str, modules: dict[str, str], packages: set[str]) -> None:
    if module in modules:
        return
    spec = find_spec(module)
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
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if top != "bakeoff":
                packages.add(top)
            elif _is_module(name):
                _collect(name, modules, packages)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
