"""Whose turn it is to write: many at once as a rule, one alone when it must know what it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class ReadWriteLock:
    """A lock that many share or one holds alone; who comes first goes first, so nobody starves."""

    def __init__(self) -> None:
        self._gate = anyio.Lock(fast_acquire=True)
        """Passed by those who share, held by the one who is alone; its queue is in order."""
        self._sharing = 0
        self._idle = anyio.Event()
        self._sole: int | None = None

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Begins when nobody is alone; within ``alone``, the same task passes at once."""
        if self._sole is not None and self._sole == anyio.get_current_task().id:
            yield
            return
        if self._gate.locked():  # by who is alone, or by who was let in next and has not run yet
            async with self._gate:
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
        """Begins when all who share have ended; nobody begins until it ends."""
        async with self._gate:
            while self._sharing:
                self._idle = anyio.Event()
                await self._idle.wait()
            self._sole = anyio.get_current_task().id
            try:
                yield
            finally:
                self._sole = None
