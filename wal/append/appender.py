"""From an append to a durable record: queued, accepted, written as one frame, announced, answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import reduce
from operator import or_

from anyio import CapacityLimiter, to_thread

from asteroid_cloud.wal.append.acceptance import Acceptance
from asteroid_cloud.wal.append.group_commit import GroupCommitter, PendingAppend
from asteroid_cloud.wal.append.log import Unchanged
from asteroid_cloud.wal.append.writer import LogWriter
from asteroid_cloud.wal.errors import AsteroidError, StorageError
from asteroid_cloud.wal.format.events import Event, RequestKey, flags_of
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn


class Appender:
    """The writing side of a log; for one event loop."""

    def __init__(
        self,
        writer: LogWriter,
        epoch: int,
        disk: CapacityLimiter,
        threads: AbstractAsyncContextManager[object],
        queue_bytes_max: Callable[[], int],
        announce: Callable[[list[Record], int], None],
    ) -> None:
        """``announce`` gets each group of durable records, and its encoded bytes, before callers return.

        ``disk`` lets one thread at a time at this log, ``threads`` are places for all logs that write.
        """
        self._writer = writer
        self._epoch = epoch
        self._disk = disk
        self._threads = threads
        self._announce = announce
        self._committer = GroupCommitter(self._commit, queue_bytes_max)
        self._acceptance = Acceptance(writer.durable_lsn)

    @property
    def buffered_bytes(self) -> int:
        """RAM of the appends that are not durable yet."""
        return self._committer.buffered_bytes

    async def append(
        self,
        events: Sequence[Event],
        expected_lsn: Lsn | None,
        unchanged: Unchanged | None,
        request: RequestKey | None,
    ) -> Lsn:
        """Makes events durable, all or none; see ``Log.append``."""
        if not events:
            return self._writer.durable_lsn
        return await self._committer.append(events, expected_lsn, unchanged, request)

    def check(self, unchanged: Unchanged) -> None:
        """See ``Log.check``."""
        self._acceptance.check(unchanged)

    def forget(self) -> None:
        """Lets go of what was noted of each id's last change; nothing is appended any more."""
        self._acceptance = Acceptance(self._writer.durable_lsn)

    async def settle(self) -> None:
        """Returns once no append is queued or under way."""
        await self._committer.settle()

    async def _commit(self, group: list[PendingAppend]) -> None:
        accepted = self._acceptance.accepted(group)
        if not accepted:
            return
        encoded = [event for pending in accepted for event in pending.encoded]
        flags = reduce(or_, [flags_of(event) for pending in accepted for event in pending.events])
        try:
            async with self._threads:
                place = await to_thread.run_sync(
                    self._writer.append, encoded, self._epoch, flags, limiter=self._disk
                )
        except AsteroidError as error:
            _fail(accepted, error)
            return
        except MemoryError:
            _fail(accepted, StorageError("there was not enough memory to write this; nothing is stored"))
            return
        first, time_ms = place.first_lsn, place.time_ms
        records = [
            Record(Lsn(lsn), time_ms, event, None, request)
            for lsn, (event, request) in enumerate(_with_requests(accepted), first)
        ]
        self._acceptance.note(records)
        self._announce(records, sum(pending.size for pending in accepted))
        last = first - 1
        for pending in accepted:
            last += len(pending.events)
            if not pending.done.done():
                pending.done.set_result(Lsn(last))


def _with_requests(group: list[PendingAppend]) -> Iterator[tuple[Event, RequestKey | None]]:
    """All events; the last one of each append with its request."""
    for pending in group:
        for event in pending.events[:-1]:
            yield event, None
        yield pending.events[-1], pending.request


def _fail(group: list[PendingAppend], error: AsteroidError) -> None:
    for pending in group:
        pending.fail(error)
