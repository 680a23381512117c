"""Followers: readers of new records. They get these from memory, and older ones from the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
from anyio import to_thread

from asteroid_cloud.wal.format.events import event_bytes
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import CATCH_UP_BYTES_MAX, FOLLOWER_BUFFER_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn

CATCH_UP_RECORDS = 512


def next_group(records: Iterator[Record]) -> list[Record]:
    """The next few records from the disk: bounded in number and in bytes, and at least one if any."""
    taken: list[Record] = []
    size = 0
    for record in records:
        taken.append(record)
        size += event_bytes(record.event)
        if len(taken) == CATCH_UP_RECORDS or size >= CATCH_UP_BYTES_MAX:
            break
    return taken


class Follower:
    """One reader's place in the log, and a buffer of durable records that it has not taken yet.

    The buffer is bounded. What does not fit is left out; the follower finds the gap and reads from the disk.
    """

    def __init__(
        self, next_lsn: Lsn, bytes_max: Callable[[], int] = lambda: FOLLOWER_BUFFER_BYTES_MAX
    ) -> None:
        self.next_lsn = next_lsn
        self._bytes_max = bytes_max
        self._groups: deque[tuple[list[Record], int]] = deque()
        self._buffered_bytes = 0
        self._more = anyio.Event()

    @property
    def buffered_bytes(self) -> int:
        """RAM of the buffered records."""
        return self._buffered_bytes

    def offer(self, records: list[Record], size: int) -> None:
        """New durable records, buffered if there is room."""
        if self._buffered_bytes == 0 or self._buffered_bytes + size <= self._bytes_max():
            self._groups.append((records, size))
            self._buffered_bytes += size
        self._more.set()

    def take(self) -> list[Record] | None:
        """The next records if they are buffered; None when they have to come from the disk."""
        while self._groups and self._groups[0][0][-1].lsn < self.next_lsn:
            self._drop()
        if not self._groups or self._groups[0][0][0].lsn > self.next_lsn:
            return None
        records = self._drop()
        return [record for record in records if record.lsn >= self.next_lsn]

    async def wait(self) -> None:
        """Returns when there may be more."""
        await self._more.wait()
        self._more = anyio.Event()

    def _drop(self) -> list[Record]:
        records, size = self._groups.popleft()
        self._buffered_bytes -= size
        return records


class Followers:
    """The followers of one log. Call ``announce`` for each group of durable records. For one event loop."""

    def __init__(
        self,
        durable_lsn: Callable[[], Lsn],
        read: Callable[[Lsn], Iterator[Record]],
        bytes_max: Callable[[], int],
    ) -> None:
        """``read`` gives records from the disk; ``bytes_max`` bounds each buffer, as it is now."""
        self._durable_lsn = durable_lsn
        self._read = read
        self._bytes_max = bytes_max
        self._followers: set[Follower] = set()
        self._grown = anyio.Event()

    @property
    def count(self) -> int:
        """How many followers there are now."""
        return len(self._followers)

    @property
    def buffered_bytes(self) -> int:
        """RAM of the records in all buffers."""
        return sum(follower.buffered_bytes for follower in self._followers)

    def announce(self, records: list[Record], size: int) -> None:
        """These are durable now; ``size`` are their bytes, encoded."""
        self._grown.set()
        self._grown = anyio.Event()
        for follower in self._followers:
            follower.offer(records, size)

    async def grown_beyond(self, lsn: Lsn) -> None:
        """Returns once there is a durable record after ``lsn``."""
        while self._durable_lsn() <= lsn:
            await self._grown.wait()

    async def tail(self, from_lsn: Lsn) -> AsyncIterator[list[Record]]:
        """Records from ``from_lsn`` on, in order, in groups, for ever."""
        follower = Follower(from_lsn, self._bytes_max)
        self._followers.add(follower)
        behind: Iterator[Record] | None = None
        try:
            while True:
                group = follower.take()
                if group is None and follower.next_lsn <= self._durable_lsn():
                    behind = behind or self._read(follower.next_lsn)
                    group = await to_thread.run_sync(next_group, behind)
                    behind = behind if group else None
                elif group:
                    behind = None
                if group:
                    follower.next_lsn = Lsn(group[-1].lsn + 1)
                    yield group
                elif follower.next_lsn > self._durable_lsn():
                    await follower.wait()
        finally:
            self._followers.discard(follower)
