"""Followers: readers of the tail, who get new records from memory and older ones from the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import anyio

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
    """One reader's place in the log, and the durable records that wait for it in memory.

    The buffer is bounded: what does not fit is left out, and the follower, finding a gap, reads it
    from the disk.
    """

    def __init__(self, next_lsn: Lsn, bytes_max: int = FOLLOWER_BUFFER_BYTES_MAX) -> None:
        self.next_lsn = next_lsn
        self._bytes_max = bytes_max
        self._groups: deque[tuple[list[Record], int]] = deque()
        self._buffered_bytes = 0
        self._more = anyio.Event()

    @property
    def held_bytes(self) -> int:
        """RAM of the records that wait."""
        return self._buffered_bytes

    def offer(self, records: list[Record], size: int) -> None:
        """New durable records; kept if there is room."""
        if self._buffered_bytes == 0 or self._buffered_bytes + size <= self._bytes_max:
            self._groups.append((records, size))
            self._buffered_bytes += size
        self._more.set()

    def take(self) -> list[Record] | None:
        """The next records if they wait in memory; None when they have to come from the disk."""
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
