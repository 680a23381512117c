"""Memory that is free inside the process goes back to the system.

glibc keeps what was freed for later, so that a server would go on occupying the most that it ever needed.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

import anyio
from anyio import CapacityLimiter, to_thread

from asteroid_cloud.api.service.process_info import anonymous_bytes
from asteroid_cloud.wal.limits import KIB, MIB

PERIOD_S = 10.0
"""How often the process looks whether it has grown."""
SETTLE_S = 0.5
"""How long after a large answer: more may be under way."""
GROWN_BYTES = 32 * MIB
"""Growth since the last time that is worth the work."""
HEAPS_MAX = 2
LARGE_BLOCK_BYTES = 128 * KIB
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
NOTED_BYTES = 4 * MIB
"""An answer or a body of so many bytes is."""


def trim_heap() -> bool:
    """Gives free memory back, as far as the C library can; False where it has no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


def bound_heap() -> None:
    """Has glibc keep few heaps, and large blocks out of them, so that what is freed can be given back."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, HEAPS_MAX)
        set_option(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def keep_what_is_there() -> None:
    """Has the garbage collector look at new objects only from now on.

    What a program has after its start stays to its end, and is most of what there is: to look at all of it
    again takes tens of milliseconds, in which no request is served.
    """
    gc.collect()
    gc.freeze()


class HeapTrimmer:
    """Trims the heap some time after a large request, and whenever the process has grown."""

    def __init__(
        self, trim: Callable[[], bool] = trim_heap, measure: Callable[[], int] = anonymous_bytes
    ) -> None:
        self._trim = trim
        self._measure = measure
        self._floor = 0
        """What the process occupied after the last time."""
        self._noted = anyio.Event()
        self._limiter = CapacityLimiter(1)

    def note(self, size: int) -> None:
        """A request is over that held so many bytes."""
        if size >= NOTED_BYTES:
            self._noted.set()

    async def run(self) -> None:
        """Trims until it is cancelled; ends by itself where the C library cannot."""
        while True:
            with anyio.move_on_after(PERIOD_S):
                await self._noted.wait()
                await anyio.sleep(SETTLE_S)
            is_noted, self._noted = self._noted.is_set(), anyio.Event()
            if not await to_thread.run_sync(self._trim_if, is_noted, limiter=self._limiter):
                return

    def _trim_if(self, is_noted: bool) -> bool:
        if not is_noted and self._measure() < self._floor + GROWN_BYTES:
            return True
        is_done = self._trim()
        self._floor = self._measure()
        return is_done
