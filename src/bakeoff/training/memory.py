"""The most memory that a training took."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path


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
