"""Reading what is durable of a log that is open for appending, on any thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.cursor import CursorMemory, LogCursor
from asteroid_cloud.wal.read.frame_walker import FrameWalker
from asteroid_cloud.wal.read.frame_window import Frame, Window
from asteroid_cloud.wal.read.log_folder import Extent
from asteroid_cloud.wal.read.log_walk import pruned, walk_log


class ReadableLog(Protocol):
    """A log that can be read, whether it is open for appending or only looked at."""

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other."""
        ...

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record still held; ``durable_lsn + 1`` when there is none."""
        ...

    @property
    def durable_lsn(self) -> Lsn:
        """The newest record."""
        ...

    def read(self, from_lsn: Lsn, to_lsn: Lsn | None = None) -> Iterator[Record]:
        """Records from the disk, blocking, up to ``to_lsn`` or to what is durable now.

        Raises LogPruned when ``from_lsn`` is no longer held, CorruptionError at damage.
        """
        ...

    def count(self, after: Lsn, until: Lsn) -> int:
        """How many records there are after ``after`` and up to ``until``; their LSNs may jump in between."""
        ...

    def forget(self, from_lsn: Lsn) -> None:
        """Says, blocking, that what was read from ``from_lsn`` on will not be read again soon."""
        ...


class DurableFiles(Protocol):
    """What is known of a log that is being written; may be asked on any thread."""

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other."""
        ...

    @property
    def durable_lsn(self) -> Lsn:
        """The newest durable record."""
        ...

    def extents(self) -> tuple[Extent, ...]:
        """The files, oldest first, never empty, with the bytes that count."""
        ...


class DurableReader:
    """Reads up to the newest durable record; it holds back nothing and waits for nothing."""

    def __init__(self, files: Files, folder: str, log: DurableFiles) -> None:
        self._files = files
        self._folder = folder
        self._log = log
        self._memory = CursorMemory()

    def extents(self) -> tuple[Lsn, tuple[Extent, ...]]:
        """The newest record, and the files with all records up to it, until something is trimmed."""
        last = self._log.durable_lsn  # in this order: the files never fall short of it
        return last, self._log.extents()

    def read(self, from_lsn: Lsn, to_lsn: Lsn | None = None) -> Iterator[Record]:
        """See ``ReadableLog.read``; what is appended after the call is left out."""
        last, extents = self.extents()
        if from_lsn < extents[0].first_lsn:
            raise pruned(from_lsn, extents[0].first_lsn)
        return records_between(
            self._frames(extents, from_lsn), from_lsn, last if to_lsn is None else min(last, to_lsn)
        )

    def forget(self, from_lsn: Lsn) -> None:
        """Lets go of the page cache of the files with records from ``from_lsn`` on."""
        last, extents = self.extents()
        forget_files(self._files, extents, from_lsn, last)

    def cursor(self, from_lsn: Lsn) -> LogCursor:
        """A place in the log, for reading on from the disk on a worker thread."""
        return LogCursor(self._files, self._log.identity, self.extents, from_lsn, self._memory)

    def _frames(self, extents: tuple[Extent, ...], from_lsn: Lsn) -> Iterator[Frame]:
        def opened(number: int) -> FrameWalker:
            first, path, end = extents[number]
            return FrameWalker(Window(self._files, path, end), self._log.identity, Lsn(first - 1))

        firsts = [extent.first_lsn for extent in extents]
        return walk_log(self._files, self._folder, firsts, opened, from_lsn)


def records_between(frames: Iterator[Frame], from_lsn: Lsn, to_lsn: Lsn | None) -> Iterator[Record]:
    """The records of these frames from ``from_lsn`` on, up to ``to_lsn`` if it is given."""
    unpacker = ZstdDecompressor()
    if to_lsn is not None and to_lsn < from_lsn:
        return
    for frame in frames:
        first, last = frame.header.first_lsn, frame.header.last_lsn
        if to_lsn is not None and first > to_lsn:
            return
        if from_lsn <= first and (to_lsn is None or last <= to_lsn):
            yield from frame.records(unpacker)
        else:
            for record in frame.records(unpacker):
                if from_lsn <= record.lsn and (to_lsn is None or record.lsn <= to_lsn):
                    yield record
        if last == to_lsn:
            return


def forget_files(files: Files, extents: tuple[Extent, ...] | list[Extent], from_lsn: Lsn, last: Lsn) -> None:
    """Drops files with records from ``from_lsn`` on from the page cache; trimmed ones are passed over."""
    ends = [*(extent.first_lsn for extent in extents[1:]), Lsn(last + 1)]
    for extent, end in zip(extents, ends, strict=True):
        if end > from_lsn:
            with suppress(StorageError):
                files.forget(extent.path)
