"""On what machine, and with which versions, figures were obtained."""

from __future__ import annotations

import math
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("bakeoff", "torch", "torchvision", "pillow", "scikit-learn", "numpy"),
    *("kfp", "gensim", "wandb"),
)


def versions() -> dict[str, str]:
    """Python's version and those of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


REVISION = "BAKEOFF_REVISION"
"""Variable: the commit of the code in a container image."""


@cache
def revision() -> str:
    """The commit of the code that runs, with "-dirty" where files differ from it; "" if unknown."""
    if REVISION in os.environ:
        return os.environ[REVISION]
    ours = Path(__file__).parent
    try:
        # An installed package may lie in the repository of somebody else's project.
        _git(ours, "ls-files", "--error-unmatch", Path(__file__).name)
        return _git(ours, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory and system."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "platform": platform.platform(terse=True),
    }


def cores() -> int:
    """CPUs this process may use: those it may run on, or fewer where a container has a quota."""
    if hasattr(os, "sched_getaffinity"):  # Not on macOS.
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = _quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return max(1, int(min(allowed, quota)))


def _quota(own: Path, mounted: Path) -> float:
    """CPUs that control groups leave to a process; infinite without a limit.

    Args:
        own: lists the groups of the process, as /proc/PID/cgroup does.
        mounted: where the groups are files: version 2 itself, or version 1 with a folder for `cpu`.
    """
    try:
        groups = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return math.inf
    quota = math.inf
    for _, controllers, name in groups:
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = mounted / "cpu" if controllers else mounted
        # A container sees its own group as the root, whatever the name says.
        group = root / name.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                quota = min(quota, _limit(folder))
    return quota


def _limit(group: Path) -> float:
    """CPUs of one control group: its time over its period."""
    try:
        if (group / "cpu.max").exists():
            time, period = (group / "cpu.max").read_text().split()
        else:
            time, period = (
                (group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
        return math.inf if time == "max" or int(time) <= 0 else int(time) / int(period)
    except (OSError, ValueError):
        return math.inf


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
