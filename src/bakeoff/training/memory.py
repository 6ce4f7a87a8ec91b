"""The memory of a training: what the system keeps of it, and the most that it took."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


def forget_peak() -> None:
    """Give memory that is free back to the system, and measure the peak from here on.

    Where the system cannot forget it (all but Linux), it stays that of the whole process.
    """
    if sys.platform != "linux":
        return
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # Not in every C library.
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory_bytes() -> int:
    """Largest resident size of this process since `forget_peak`, in bytes."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_freed() -> None:
    """Have glibc keep what is freed: handing the large maps of a step back to the system and
    fetching them again took a tenth of a convolutional network's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
