"""Threads for reads of one kind, and who has the next one.

Reads that wait go on in the order of when each would be done if all ran at once: by the time at which it was
asked for, and how long it is expected to take. So a short one passes a long one that waits, and no one waits
for ever.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from asteroid_cloud.wal.errors import Overloaded

T = TypeVar("T")


class Lane:
    """So many threads; for one event loop."""

    def __init__(self, threads: int) -> None:
        self._free = threads
        self._limiter = CapacityLimiter(threads)
        self._waiting: list[tuple[float, int, anyio.Event]] = []
        self._numbers = itertools.count()

    async def run(
        self,
        call: Callable[[], T],
        cancel: Callable[[], None] = lambda: None,
        *,
        expected_s: float = 0.0,
        wait_s: float = inf,
    ) -> T:
        """The result of a call that a thread makes.

        A caller that is cancelled calls ``cancel``, which is to end the call soon, and waits for its end.
        Raises Overloaded when no thread is free within ``wait_s``.
        """
        async with self._turn(expected_s, wait_s):
            running = asyncio.ensure_future(to_thread.run_sync(call, limiter=self._limiter))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                cancel()
                with anyio.CancelScope(shield=True):
                    await asyncio.wait([running])
                if not running.cancelled():
                    running.exception()  # nobody else will ask
                raise

    @asynccontextmanager
    async def _turn(self, expected_s: float, wait_s: float) -> AsyncIterator[None]:
        """One of the threads is the caller's within the block."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(expected_s, wait_s)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, expected_s: float, wait_s: float) -> None:
        called = anyio.Event()
        entry = (anyio.current_time() + expected_s, next(self._numbers), called)
        heapq.heappush(self._waiting, entry)
        try:
            with anyio.move_on_after(wait_s):
                await called.wait()
        except BaseException:
            self._leave(entry)
            raise
        if not called.is_set():
            self._leave(entry)
            raise Overloaded("reads under way occupy all threads that there are for them", retry_after_s=1.0)

    def _leave(self, entry: tuple[float, int, anyio.Event]) -> None:
        """Waits no longer; a thread that it was given just now goes to the next one."""
        if entry[2].is_set():
            self._pass_on()
        else:
            self._waiting.remove(entry)
            heapq.heapify(self._waiting)

    def _pass_on(self) -> None:
        if self._waiting:
            heapq.heappop(self._waiting)[2].set()
        else:
            self._free += 1
