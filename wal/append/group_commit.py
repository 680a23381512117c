"""Group commit: all appends that wait at the same time share one frame, one write and one fsync."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from asteroid_cloud.wal.append.log import Unchanged
from asteroid_cloud.wal.errors import AsteroidError, StorageError, TooLarge
from asteroid_cloud.wal.format.body import body_size
from asteroid_cloud.wal.format.events import Encoded, Event, RequestKey, encode_event
from asteroid_cloud.wal.limits import (
    COMMIT_GROUP_BYTES_MAX,
    COMMIT_QUEUE_BYTES_MAX,
    COMMIT_QUEUE_EVENTS_MAX,
    FRAME_BODY_BYTES_MAX,
)
from asteroid_cloud.wal.lsn import Lsn


@dataclass(slots=True)
class PendingAppend:
    """One append that is not durable yet: its events, encoded, and the future of its last LSN."""

    events: Sequence[Event]
    encoded: list[Encoded]
    size: int
    expected_lsn: Lsn | None
    unchanged: Unchanged | None
    request: RequestKey | None
    done: asyncio.Future[Lsn]

    def fail(self, error: AsteroidError) -> None:
        """Ends the append, unless its caller has gone, with nothing stored."""
        if not self.done.done():
            self.done.set_exception(error)


class GroupCommitter:
    """Queues appends and commits them in groups, one group at a time, in order.

    ``commit`` makes a group durable and settles each of its futures; it never raises.
    """

    def __init__(
        self,
        commit: Callable[[list[PendingAppend]], Awaitable[None]],
        bytes_max: Callable[[], int] = lambda: COMMIT_QUEUE_BYTES_MAX,
    ) -> None:
        """``bytes_max`` bounds what is queued or being committed; the last append taken may exceed it.

        It is asked at each append, for it may change.
        """
        self._commit = commit
        self._bytes_max = bytes_max
        self._queue: deque[PendingAppend] = deque()
        self._queued_bytes = 0
        self._room = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def buffered_bytes(self) -> int:
        """RAM of the appends that are queued or under way, each as events and encoded; an upper bound."""
        return 2 * self._queued_bytes

    async def append(
        self,
        events: Sequence[Event],
        expected_lsn: Lsn | None,
        unchanged: Unchanged | None = None,
        request: RequestKey | None = None,
    ) -> Lsn:
        """The LSN of the last event, once all are durable; raises what ``commit`` settles the append with.

        A caller that is cancelled meanwhile may find its events logged all the same. ``request`` is logged
        with the last event.
        """
        encoded = [*map(encode_event, events[:-1]), encode_event(events[-1], request)]
        size = body_size(encoded)
        if size > FRAME_BODY_BYTES_MAX:
            raise TooLarge(
                f"{size} bytes are more than the {FRAME_BODY_BYTES_MAX} that one append to the log may have"
            )
        while self._is_full():
            self._room.clear()
            await self._room.wait()
        done: asyncio.Future[Lsn] = asyncio.get_running_loop().create_future()
        self._queue.append(PendingAppend(events, encoded, size, expected_lsn, unchanged, request, done))
        self._queued_bytes += size
        if self._running is None:
            # A task of its own: when a caller is cancelled, its write is not stopped half way.
            self._running = asyncio.create_task(self._drain())
        return await done

    async def settle(self) -> None:
        """Returns once nothing is queued or under way."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _drain(self) -> None:
        group: list[PendingAppend] = []
        try:
            while self._queue:
                group = self._next_group()
                await self._commit(group)
                self._queued_bytes -= sum(pending.size for pending in group)
                group = []
                self._room.set()
        finally:
            self._running = None
            self._give_up([*group, *self._queue])

    def _give_up(self, left: list[PendingAppend]) -> None:
        """Fails what is left after a bug or at the end of the loop, so that no caller waits for ever."""
        for pending in left:
            if not pending.done.done():
                pending.done.set_exception(StorageError("the log stopped; whether this is stored is unknown"))
        self._queue.clear()
        self._queued_bytes = 0
        self._room.set()

    def _next_group(self) -> list[PendingAppend]:
        group = [self._queue.popleft()]
        size, size_max = group[0].size, min(COMMIT_GROUP_BYTES_MAX, self._bytes_max())
        while self._queue and size + self._queue[0].size <= size_max:
            group.append(self._queue.popleft())
            size += group[-1].size
        return group

    def _is_full(self) -> bool:
        return len(self._queue) >= COMMIT_QUEUE_EVENTS_MAX or self._queued_bytes >= self._bytes_max()
