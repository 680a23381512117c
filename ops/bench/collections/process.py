"""What a process uses, as the kernel counts it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.bench.memory import memory_of

SAMPLE_S = 0.05
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Peak:
    """The most anonymous memory that a process had while it was watched, in MiB."""

    def __init__(self) -> None:
        self.anon_mib = 0.0


@contextmanager
def watched(pid: int) -> Iterator[Peak]:
    """Looks at the memory of a process for as long as the block runs."""
    peak, is_over = Peak(), threading.Event()

    def look() -> None:
        while not is_over.wait(SAMPLE_S):
            peak.anon_mib = max(peak.anon_mib, memory_of(pid).anon_kib / 1024)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def processor_share(pid: int, seconds: float) -> float:
    """The share of one processor that a process uses in so many seconds, 0 … 1 and more."""
    before, began_s = _processor_s(pid), time.perf_counter()
    time.sleep(seconds)
    return (_processor_s(pid) - before) / (time.perf_counter() - began_s)


def threads_of(pid: int) -> int:
    """How many threads it has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def descriptors_of(pid: int) -> int:
    """How many files and sockets it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
