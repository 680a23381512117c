"""Backpressure: a write waits here, before it is logged, until the tail has room for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from asteroid_cloud.indexer.limits import WRITE_ADMISSION_WAIT_S_MAX
from asteroid_cloud.wal.errors import Overloaded


class Backpressure:
    """Bounds rows and bytes that are logged or about to be, and not in a segment yet."""

    def __init__(
        self,
        rows_max: int,
        bytes_max: Callable[[], int],
        tail: Callable[[], tuple[int, int]],
        make_room: Callable[[], None],
    ) -> None:
        """``tail`` gives the rows and bytes applied but not sealed; ``make_room`` has them sealed soon.

        ``bytes_max`` is asked at each write, for the share of the budget may change.
        """
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._tail = tail
        self._make_room = make_room
        self._rows = 0
        self._bytes = 0
        self._freed: anyio.Event | None = None
        """Set when there may be room again; None when no write waits."""

    @asynccontextmanager
    async def admitted(self, rows: int, size: int) -> AsyncIterator[None]:
        """Reserves room for a write from before it is logged until it is applied.

        Raises Overloaded when the tail stays full for WRITE_ADMISSION_WAIT_S_MAX seconds.
        """
        if not self._has_room(rows, size):
            await self._wait_for_room(rows, size)
        self._rows += rows
        self._bytes += size
        try:
            yield
        finally:
            self._rows -= rows
            self._bytes -= size
            self.wake()

    async def _wait_for_room(self, rows: int, size: int) -> None:
        with anyio.move_on_after(WRITE_ADMISSION_WAIT_S_MAX) as scope:
            while not self._has_room(rows, size):
                self._freed = freed = self._freed or anyio.Event()
                self._make_room()
                await freed.wait()
        if scope.cancelled_caught:
            raise Overloaded("indexing lags behind; the tail is full", retry_after_s=1.0)

    def wake(self) -> None:
        """Lets waiting writes look again, because the tail has shrunk."""
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    def _has_room(self, rows: int, size: int) -> bool:
        tail_rows, tail_bytes = self._tail()
        used_rows, used_bytes = tail_rows + self._rows, tail_bytes + self._bytes
        if used_rows == 0:
            return True  # a single write may be larger than the bound, alone
        return used_rows + rows <= self._rows_max and used_bytes + size <= self._bytes_max()
