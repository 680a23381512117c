"""Backpressure: a write waits here, before it is logged, until the store can take it.

A write waits while the tail has no room for it, or while the tails of all collections together leave none.
Once segments pile up, because rows arrive faster than they are merged, writes are delayed in proportion to
how far they do, and in the end wait too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from asteroid_cloud.indexer.limits import WRITE_ADMISSION_WAIT_S_MAX
from asteroid_cloud.indexer.memory.share import PooledShare
from asteroid_cloud.wal.errors import NoSpace, Overloaded

DELAY_ROW_S = 2e-4
"""What a row delays all later writes by when segments have all but piled up to the bound."""
DELAY_S_MAX = 1.0
"""The longest that a write is delayed for while it need not wait."""


class Backpressure:
    """Bounds rows and bytes that are logged or about to be, and not in a segment yet; slows what piles up."""

    def __init__(
        self,
        rows_max: int,
        share: PooledShare,
        tail: Callable[[], tuple[int, int]],
        make_room: Callable[[], None],
        pileup: Callable[[], float] = lambda: 0.0,
        no_space: Callable[[], NoSpace | None] = lambda: None,
    ) -> None:
        """``tail`` gives the rows and bytes applied but not sealed; ``make_room`` has them sealed soon.

        ``share`` of the budget bounds the bytes; it is asked at each write. ``pileup`` says how far segments
        have piled up: 0 is not at all, at 1 writes have to wait. ``no_space`` gives the reason when there
        will be no room because the disk is full.
        """
        self._rows_max = rows_max
        self._share = share
        self._tail = tail
        self._make_room = make_room
        self._pileup = pileup
        self._no_space = no_space
        self._rows = 0
        self._bytes = 0
        self._next_s = 0.0
        """When the next write may go on, by the event loop's clock, while writes are delayed."""
        self._freed: anyio.Event | None = None
        """Set when there may be room again; None when no write waits."""
        share.measure_with(lambda: self._bytes + tail()[1])
        share.shrink, share.wake = make_room, self._wake

    @asynccontextmanager
    async def admitted(self, rows: int, size: int) -> AsyncIterator[None]:
        """Reserves room for a write from before it is logged until it is applied.

        Raises Overloaded when there is none for WRITE_ADMISSION_WAIT_S_MAX seconds, NoSpace when that is
        because nothing can be sealed on a full disk.
        """
        if self._pileup() > 0:
            await self._slow_down(rows)
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

    async def _slow_down(self, rows: int) -> None:
        """Waits for this write's turn, which comes the later the more segments there are."""
        now_s = anyio.current_time()
        delay_s = min(1.0, self._pileup()) * rows * DELAY_ROW_S
        self._next_s = min(max(self._next_s, now_s) + delay_s, now_s + DELAY_S_MAX)
        with anyio.CancelScope(deadline=self._next_s):
            while self._pileup() > 0:
                await self._event().wait()

    async def _wait_for_room(self, rows: int, size: int) -> None:
        with anyio.move_on_after(WRITE_ADMISSION_WAIT_S_MAX) as scope:
            while not self._has_room(rows, size):
                freed = self._event()
                if self._fits_tail(rows, size):
                    await freed.wait()
                    continue
                if (full := self._no_space()) is not None:
                    raise NoSpace(full.message) from full
                if self._is_beyond(rows, size):
                    self._make_room()
                with self._share.waiting(size):
                    await freed.wait()
        if scope.cancelled_caught:
            why = "the tail is full" if not self._fits_tail(rows, size) else "too many segments are unmerged"
            raise Overloaded(f"indexing lags behind; {why}", retry_after_s=1.0)

    def _event(self) -> anyio.Event:
        self._freed = freed = self._freed or anyio.Event()
        return freed

    def wake(self) -> None:
        """Lets waiting writes look again, because the tail has shrunk or segments have become fewer."""
        self._wake()
        self._share.freed()

    def _wake(self) -> None:
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    def _has_room(self, rows: int, size: int) -> bool:
        return self._pileup() < 1 and self._fits_tail(rows, size)

    def _fits_tail(self, rows: int, size: int) -> bool:
        tail_rows, tail_bytes = self._tail()
        used_rows, used_bytes = tail_rows + self._rows, tail_bytes + self._bytes
        if used_rows == 0:
            return self._share.admits(used_bytes + size, alone=True)  # it may be larger than the bound
        return used_rows + rows <= self._rows_max and self._share.admits(used_bytes + size)

    def _is_beyond(self, rows: int, size: int) -> bool:
        """Whether the write waits because of what this tail holds, not for room that others have to give."""
        tail_rows, tail_bytes = self._tail()
        after = tail_bytes + self._bytes + size
        return tail_rows + self._rows + rows > self._rows_max or after > self._share.bytes_max
