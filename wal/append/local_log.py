"""The log in local files: ``Log`` over a recovered folder."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread

from asteroid_cloud.wal.append.appender import Appender
from asteroid_cloud.wal.append.follower import Followers
from asteroid_cloud.wal.append.log import NOTHING, Retention, Unchanged
from asteroid_cloud.wal.append.sync_times import SLOW_SYNC_S, LogSyncs
from asteroid_cloud.wal.append.writer import LogWriter
from asteroid_cloud.wal.disk.atomic_write import remove_unfinished
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import AsteroidError, NoSpace
from asteroid_cloud.wal.format.events import Event, RequestKey
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.histories import count_between
from asteroid_cloud.wal.limits import COMMIT_QUEUE_BYTES_MAX, FOLLOWER_BUFFER_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.durable_reader import DurableReader
from asteroid_cloud.wal.read.log_end import find_end
from asteroid_cloud.wal.repair.torn_tail import RecoveryReport, cut_tail, refuse_torn, report_of

IDENTITY_BYTES = 16


@dataclass(frozen=True, slots=True)
class LogBuffers:
    """How much may wait in memory, beyond a single append, which may always be larger."""

    commit_bytes_max: int = COMMIT_QUEUE_BYTES_MAX
    """Encoded appends that are not durable yet; with the events that they encode up to twice as much."""
    follower_bytes_max: int = FOLLOWER_BUFFER_BYTES_MAX
    """Durable records that one follower has not taken yet."""


LOG_BUFFERS = LogBuffers()
BuffersNow = Callable[[], LogBuffers]
"""The bounds as they are now; they are asked for whenever something is buffered."""


class LocalLog:
    """Use ``LocalLog.open``; the methods are those of ``Log`` and belong to one event loop.

    Each of its parts does one thing: the appender makes events durable, ``reader`` reads them back on any
    thread, ``followers`` get them as they come, the writer rotates, trims and fences.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        writer: LogWriter,
        report: RecoveryReport,
        epoch: int | None,
        buffers: BuffersNow,
        threads: AbstractAsyncContextManager[object],
    ) -> None:
        self.report = report
        """What recovery found and cut."""
        self.reader = DurableReader(files, folder, writer)
        """Reads what is durable: cursors, and the files for a backup."""
        self.followers = Followers(
            lambda: writer.durable_lsn, self.reader.read, lambda: buffers().follower_bytes_max
        )
        """Wait for new records."""
        self._writer = writer
        self._disk = CapacityLimiter(1)
        self._appender = Appender(
            writer,
            writer.epoch if epoch is None else epoch,
            self._disk,
            threads,
            lambda: buffers().commit_bytes_max,
            self.followers.announce,
        )

    @classmethod
    async def open(
        cls,
        files: Files,
        folder: str,
        *,
        identity: bytes | None = None,
        epoch: int | None = None,
        buffers: BuffersNow = lambda: LOG_BUFFERS,
        is_strict: bool = False,
        last_ms: int = 0,
        slow_sync_s: float = SLOW_SYNC_S,
        threads: AbstractAsyncContextManager[object] | None = None,
    ) -> LocalLog:
        """Recovers the log in ``folder``, or begins one. Cuts a torn tail; on a full disk at the first write.

        ``identity`` must be that of the log when given. ``epoch`` is the writer's; by default the newest.
        ``is_strict`` refuses a torn tail. No record gets a time before ``last_ms``. Syncs that take
        ``slow_sync_s`` or longer are logged. ``threads`` are places for all logs that write at the same
        time; by default there is one. Raises CorruptionError or UnsupportedVersion, with nothing changed.
        """
        writer, report = await to_thread.run_sync(
            _recovered, files, folder, identity, is_strict, last_ms, slow_sync_s
        )
        return cls(files, folder, writer, report, epoch, buffers, threads or nullcontext())

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other."""
        return self._writer.identity

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record still held; ``durable_lsn + 1`` when there is none."""
        return self._writer.first_lsn

    @property
    def durable_lsn(self) -> Lsn:
        """The newest record."""
        return self._writer.durable_lsn

    @property
    def size_bytes(self) -> int:
        """What the log's files take."""
        return self._writer.size_bytes

    @property
    def buffer_bytes(self) -> int:
        """RAM of records that are not written yet, or not taken by a follower."""
        return self._appender.buffered_bytes + self.followers.buffered_bytes

    @property
    def poisoned(self) -> AsteroidError | None:
        """Why nothing can be appended any more, if so."""
        return self._writer.poisoned

    @property
    def clock_behind_ms(self) -> int:
        """How far the clock is behind the newest record; 0 as a rule."""
        return self._writer.sequencer.clock_behind_ms

    @property
    def clock_jumps(self) -> int:
        """How often the clock has jumped since the log was opened, as far as writes met it."""
        return self._writer.sequencer.clock_jumps

    @property
    def syncs(self) -> LogSyncs:
        """How long syncs have taken since the log was opened."""
        return self._writer.syncs.report

    def count(self, after: Lsn, until: Lsn) -> int:
        """See ``ReadableLog.count``."""
        return count_between(self._writer.jumps, after, until)

    async def append(
        self,
        events: Sequence[Event],
        *,
        expected_lsn: Lsn | None = None,
        unchanged: Unchanged | None = None,
        request: RequestKey | None = None,
    ) -> Lsn:
        """Makes events durable, all or none; see ``Log.append``."""
        return await self._appender.append(events, expected_lsn, unchanged, request)

    def check(self, unchanged: Unchanged) -> None:
        """See ``Log.check``."""
        self._appender.check(unchanged)

    def read(self, from_lsn: Lsn, to_lsn: Lsn | None = None) -> Iterator[Record]:
        """Records from the disk; see ``ReadableLog.read``."""
        return self.reader.read(from_lsn, to_lsn)

    def forget(self, from_lsn: Lsn) -> None:
        """See ``ReadableLog.forget``."""
        self.reader.forget(from_lsn)

    def tail(self, from_lsn: Lsn) -> AsyncIterator[list[Record]]:
        """Records from ``from_lsn`` on, for ever; see ``Log.tail``."""
        return self.followers.tail(from_lsn)

    async def rotate(self) -> None:
        """See ``Log.rotate``."""
        await to_thread.run_sync(self._writer.rotate, limiter=self._disk)

    async def trim(self, before_lsn: Lsn, retention: Retention = NOTHING) -> int:
        """Removes whole files; see ``Log.trim``."""
        return await to_thread.run_sync(self._writer.trim, before_lsn, retention, limiter=self._disk)

    async def fence(self, epoch: int) -> None:
        """See ``Log.fence``."""
        await to_thread.run_sync(self._writer.fence, epoch, limiter=self._disk)

    async def close(self) -> None:
        """Waits for appends under way and closes the files."""
        await self._appender.settle()
        await to_thread.run_sync(self._writer.close, limiter=self._disk)
        self._appender.forget()


def _recovered(
    files: Files, folder: str, identity: bytes | None, is_strict: bool, last_ms: int, slow_sync_s: float
) -> tuple[LogWriter, RecoveryReport]:
    """Finds the log's end, cuts a torn tail and opens the log for writing."""
    files.make_dirs(folder)
    end = find_end(files, folder, identity)
    if end is None:
        remove_unfinished(files, folder)
        chosen = identity or secrets.token_bytes(IDENTITY_BYTES)
        writer = LogWriter(files, folder, chosen, None, last_ms=last_ms, slow_sync_s=slow_sync_s)
        return writer, RecoveryReport(Lsn(1), Lsn(0))
    if is_strict:
        refuse_torn(end)
    is_cut = True
    try:
        cut_tail(files, end)
    except NoSpace:  # for the copy. Whole records can be read; the first write cuts first.
        is_cut = False
    remove_unfinished(files, folder)
    writer = LogWriter(files, folder, end.header.identity, end, is_cut, last_ms, slow_sync_s)
    return writer, report_of(end)
