"""The log in local files: ``Log`` over a recovered folder, with group commit and followers."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import anyio
from anyio import to_thread
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.append.acceptance import Acceptance
from asteroid_cloud.wal.append.follower import Follower, next_group
from asteroid_cloud.wal.append.group_commit import GroupCommitter, Waiting
from asteroid_cloud.wal.append.log import NOTHING, Retention, Unchanged
from asteroid_cloud.wal.append.writer import LogWriter
from asteroid_cloud.wal.disk.atomic_write import remove_unfinished
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import (
    AsteroidError,
    CorruptionError,
    LogPruned,
    NoSpace,
    StorageError,
)
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.events import Event
from asteroid_cloud.wal.format.frame import decode_body
from asteroid_cloud.wal.format.log_file import Extent, read_frames
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import COMMIT_QUEUE_BYTES_MAX, FOLLOWER_BUFFER_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.cursor import Kept, LogCursor
from asteroid_cloud.wal.repair.torn_tail import (
    RecoveryReport,
    cut_tail,
    find_end,
    refuse_torn,
)

IDENTITY_BYTES = 16


@dataclass(frozen=True, slots=True)
class LogBuffers:
    """How much may wait in memory, beyond a single append, which may always be larger."""

    commit_bytes_max: int = COMMIT_QUEUE_BYTES_MAX
    """Encoded appends that are not durable yet; up to twice as much is held, with what they encode."""
    follower_bytes_max: int = FOLLOWER_BUFFER_BYTES_MAX
    """Durable records that one follower has not taken yet."""


LOG_BUFFERS = LogBuffers()


class LocalLog:
    """Use ``LocalLog.open``; the methods are those of ``Log`` and belong to one event loop."""

    def __init__(
        self,
        files: Files,
        writer: LogWriter,
        report: RecoveryReport,
        epoch: int | None,
        buffers: LogBuffers,
    ) -> None:
        self.report = report
        """What recovery found and cut."""
        self._files = files
        self._writer = writer
        self._epoch = writer.epoch if epoch is None else epoch
        self._buffers = buffers
        self._committer = GroupCommitter(self._commit, buffers.commit_bytes_max)
        self._followers: set[Follower] = set()
        self._disk = anyio.CapacityLimiter(1)
        self._grown = anyio.Event()
        self._acceptance = Acceptance(writer.durable_lsn)
        self._kept = Kept()

    @classmethod
    async def open(
        cls,
        files: Files,
        folder: str,
        *,
        identity: bytes | None = None,
        epoch: int | None = None,
        buffers: LogBuffers = LOG_BUFFERS,
        is_strict: bool = False,
    ) -> LocalLog:
        """Recovers the log in ``folder``, or begins one; cuts a torn tail, on a full disk before it writes.

        ``identity`` must be that of the log when given. ``epoch`` is the writer's; by default the newest.
        ``is_strict`` refuses a torn tail. Raises CorruptionError or UnsupportedVersion with nothing changed.
        """
        return await to_thread.run_sync(cls._open, files, folder, identity, epoch, buffers, is_strict)

    @classmethod
    def _open(
        cls,
        files: Files,
        folder: str,
        identity: bytes | None,
        epoch: int | None,
        buffers: LogBuffers,
        is_strict: bool,
    ) -> LocalLog:
        files.make_dirs(folder)
        end = find_end(files, folder, identity)
        if is_strict and end is not None:
            refuse_torn(end)
        is_cut = True
        if end is not None:
            try:
                cut_tail(files, end)
            except NoSpace:  # for its copy; what is whole can be read, and the first write cuts first
                is_cut = False
        remove_unfinished(files, folder)
        chosen = end.header.identity if end else identity or secrets.token_bytes(IDENTITY_BYTES)
        writer = LogWriter(files, folder, chosen, end, is_cut)
        report = end.report if end else RecoveryReport(Lsn(1), Lsn(0))
        return cls(files, writer, report, epoch, buffers)

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
        """RAM of records that wait: to be written, or for a follower."""
        return self._committer.held_bytes + sum(follower.held_bytes for follower in self._followers)

    @property
    def poisoned(self) -> AsteroidError | None:
        """Why nothing can be appended any more, if so."""
        return self._writer.poisoned

    async def append(
        self,
        events: Sequence[Event],
        *,
        expected_lsn: Lsn | None = None,
        unchanged: Unchanged | None = None,
    ) -> Lsn:
        """Makes events durable, all or none; see ``Log.append``."""
        if not events:
            return self.durable_lsn
        return await self._committer.append(events, expected_lsn, unchanged)

    def check(self, unchanged: Unchanged) -> None:
        """See ``Log.check``."""
        self._acceptance.check(unchanged)

    def read(self, from_lsn: Lsn, to_lsn: Lsn | None = None) -> Iterator[Record]:
        """Records from the disk; see ``Log.read``."""
        last, extents = self.durable_lsn, self._writer.extents()  # in this order: files never fall short
        if from_lsn < extents[0][0]:
            raise LogPruned(f"record {from_lsn} is gone; the log begins with {extents[0][0]}")
        return self._read(extents, from_lsn, last if to_lsn is None else min(last, to_lsn))

    def _read(self, extents: Sequence[Extent], from_lsn: Lsn, to_lsn: Lsn) -> Iterator[Record]:
        starts: list[Lsn | None] = [first for first, _, _ in extents[1:]]
        for extent, next_first in zip(extents, [*starts, None], strict=True):
            if (next_first is not None and next_first <= from_lsn) or extent[0] > to_lsn:
                continue
            try:
                yield from self._read_file(extent, next_first, from_lsn, to_lsn)
            except StorageError as error:
                if extent[0] < self.first_lsn:
                    raise LogPruned(f"record {from_lsn} was pruned while it was being read") from error
                raise

    def _read_file(
        self, extent: Extent, next_first: Lsn | None, from_lsn: Lsn, to_lsn: Lsn
    ) -> Iterator[Record]:
        expected, path, end = extent
        unpacker = ZstdDecompressor()
        for frame in read_frames(self._files, path, self.identity, end):
            header = frame.header
            if header.first_lsn != expected:
                raise CorruptionError(path, frame.offset, f"record {expected} is missing")
            expected = Lsn(header.last_lsn + 1)
            if header.first_lsn > to_lsn:
                return
            if header.last_lsn < from_lsn:
                continue
            try:
                for record in decode_body(header, frame.packed, unpacker):
                    if from_lsn <= record.lsn <= to_lsn:
                        yield record
            except BadFrame as error:
                raise CorruptionError(path, frame.offset, error.message) from error
        if next_first is not None and expected != next_first:
            raise CorruptionError(path, end, f"records {expected} to {next_first - 1} are missing")

    def extents(self) -> tuple[Lsn, tuple[Extent, ...]]:
        """The newest record, and the files with all records up to it, with the bytes that count.

        Oldest first. They stay as long as nothing is trimmed.
        """
        last = self.durable_lsn  # in this order: files never fall short
        return last, self._writer.extents()

    def forget(self, from_lsn: Lsn) -> None:
        """Lets the page cache go of the files read back; see ``Log.forget``."""
        extents = self._writer.extents()
        ends = [*(first for first, _, _ in extents[1:]), Lsn(self.durable_lsn + 1)]
        for (_, path, _), end in zip(extents, ends, strict=True):
            if end > from_lsn:
                with suppress(StorageError):  # trimmed meanwhile
                    self._files.forget(path)

    async def tail(self, from_lsn: Lsn) -> AsyncIterator[list[Record]]:
        """Records from ``from_lsn`` on, for ever; see ``Log.tail``."""
        follower = Follower(from_lsn, self._buffers.follower_bytes_max)
        self._followers.add(follower)
        behind: Iterator[Record] | None = None
        try:
            while True:
                group = follower.take()
                if group is None and follower.next_lsn <= self.durable_lsn:
                    behind = behind or self.read(follower.next_lsn)
                    group = await to_thread.run_sync(next_group, behind)
                    behind = behind if group else None
                elif group:
                    behind = None
                if group:
                    follower.next_lsn = Lsn(group[-1].lsn + 1)
                    yield group
                elif follower.next_lsn > self.durable_lsn:
                    await follower.wait()
        finally:
            self._followers.discard(follower)

    def cursor(self, from_lsn: Lsn) -> LogCursor:
        """A place in the log, for reading on from the disk on a worker thread; it holds nothing back."""
        return LogCursor(self._files, self, from_lsn, self._kept)

    async def grown_beyond(self, lsn: Lsn) -> None:
        """Returns once there is a durable record after ``lsn``."""
        while self.durable_lsn <= lsn:
            await self._grown.wait()

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
        await self._committer.settle()
        await to_thread.run_sync(self._writer.close, limiter=self._disk)

    async def _commit(self, group: list[Waiting]) -> None:
        accepted = self._acceptance.accepted(group)
        if not accepted:
            return
        encoded = [event for waiting in accepted for event in waiting.encoded]
        try:
            first, time_ms = await to_thread.run_sync(
                self._writer.append, encoded, self._epoch, limiter=self._disk
            )
        except AsteroidError as error:
            for waiting in accepted:
                waiting.fail(error)
            return
        except MemoryError:
            for waiting in accepted:
                waiting.fail(StorageError("there was not enough memory to write this; nothing is stored"))
            return
        events = [event for waiting in accepted for event in waiting.events]
        records = [Record(Lsn(first + number), time_ms, event) for number, event in enumerate(events)]
        self._acceptance.note(records)
        self._grown.set()
        self._grown = anyio.Event()
        for follower in self._followers:
            follower.offer(records, sum(waiting.size for waiting in accepted))
        last = first - 1
        for waiting in accepted:
            last += len(waiting.events)
            if not waiting.done.done():
                waiting.done.set_result(Lsn(last))
