"""A lock for writers: they share it as a rule, and hold it alone when they must know what they change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class ReadWriteLock:
    """A lock that many tasks share or one holds alone; first come, first served, so that no task starves."""

    def __init__(self) -> None:
        self._queue = anyio.Lock(fast_acquire=True)
        """Passed by tasks that share, held by a task that is alone; it serves tasks in order."""
        self._sharing = 0
        self._idle = anyio.Event()
        self._sole: int | None = None

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Begins when no other task is alone; within ``alone``, the same task passes at once."""
        if self._sole is not None and self._sole == anyio.get_current_task().id:
            yield
            return
        if self._queue.locked():  # by a task that is alone, or by the next in the queue that has not run yet
            async with self._queue:
                self._sharing += 1
        else:
            self._sharing += 1
        try:
            yield
        finally:
            self._sharing -= 1
            if self._sharing == 0:
                self._idle.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Begins when all that share it have ended; no other begins until it ends."""
        async with self._queue:
            while self._sharing:
                self._idle = anyio.Event()
                await self._idle.wait()
            self._sole = anyio.get_current_task().id
            try:
                yield
            finally:
                self._sole = None
