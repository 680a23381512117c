"""A description of the machine in one line."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def describe() -> str:
    """Processor, cores that this process may use, memory, Python."""
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    plural = "" if cores == 1 else "s"
    return (
        f"{_processor()}, {cores} core{plural}, {memory_gib:.0f} GiB of memory, "
        f"Linux, Python {platform.python_version()}"
    )


def load() -> str:
    """The machine's load average over one minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    """The processor's name, or its architecture where the kernel does not give one."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()
