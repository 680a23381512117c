"""The memory and the processors of this process, as the kernel counts them."""

from __future__ import annotations

import os
from pathlib import Path

STATUS = Path("/proc/self/status")


def anonymous_bytes() -> int:
    """Resident memory that no file backs; 0 on a system that does not report it."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:  # no /proc: not Linux
        return 0
    for line in lines:
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
