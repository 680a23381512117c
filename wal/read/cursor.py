"""A place in the log that moves on: durable records from the disk, frame after frame, for many readers.

A cursor holds back nothing and waits for nothing. What it remembers between two calls is bounded: where it
is, at most one window of the file, and the records of one frame if they are few bytes, or if there is room.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.format.events import event_bytes
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import CURSOR_KEEP_BYTES_MAX, CURSORS_KEEP_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import FrameWalker
from asteroid_cloud.wal.read.frame_window import Frame, Window
from asteroid_cloud.wal.read.log_folder import Extent
from asteroid_cloud.wal.read.log_walk import pruned, refuse_gap

Extents = Callable[[], tuple[Lsn, tuple[Extent, ...]]]
"""Gives the newest record, and the files with all records up to it; may be called on any thread."""


class CursorMemory:
    """What all cursors of a log retain of large frames between two calls, so that these are not read again.

    CURSORS_KEEP_BYTES_MAX in all; a single cursor may retain more. May be asked on any thread.
    """

    def __init__(self) -> None:
        self._retained: dict[LogCursor, int] = {}
        self._lock = threading.Lock()

    def has_room(self, cursor: LogCursor, size: int) -> bool:
        """Whether the cursor may retain so many bytes, in place of what it retained before."""
        with self._lock:
            self._retained.pop(cursor, None)
            if size <= CURSOR_KEEP_BYTES_MAX:
                return True
            if self._retained and sum(self._retained.values()) + size > CURSORS_KEEP_BYTES_MAX:
                return False
            self._retained[cursor] = size
            return True


class LogCursor:
    """One reader's place; its methods block and belong to one thread at a time."""

    def __init__(
        self, files: Files, identity: bytes, extents: Extents, next_lsn: Lsn, memory: CursorMemory
    ) -> None:
        self.next_lsn = next_lsn
        """The first record that was not taken yet."""
        self._files = files
        self._identity = identity
        self._extents = extents
        self._path = ""
        self._place = FILE_HEADER_BYTES, Lsn(0)
        """Where the frame with ``next_lsn`` begins, or will, and the record before it."""
        self._window: Window | None = None
        self._retained: list[Record] = []
        self._memory = memory

    def records(self) -> list[Record]:
        """Durable records from ``next_lsn`` on, of one frame; none when there is no newer one.

        The same again until ``take`` moves on. Raises LogPruned when the log begins later, CorruptionError.
        """
        if not self._retained:
            try:
                frame = self._frame()
            except StorageError as error:
                _, extents = self._extents()
                if extents[0].first_lsn > self.next_lsn:
                    raise pruned(self.next_lsn, extents[0].first_lsn) from error
                raise
            if frame is None:
                self._window = None
            else:
                self._retain(list(frame.records()))
        return self._retained

    def take(self, next_lsn: Lsn) -> None:
        """Moves on to ``next_lsn``, within the frame just read or behind it.

        Of a frame with more left than there is room for nothing is retained: it is read again.
        """
        self.next_lsn = next_lsn
        self._retain(self._retained)
        size = sum(event_bytes(record.event) for record in self._retained)
        if size > CURSOR_KEEP_BYTES_MAX:
            self._window = None  # it holds the same once more, packed
        if not self._memory.has_room(self, size):
            self._retained = []

    def close(self) -> None:
        """Frees what is retained."""
        self._retained, self._window = [], None
        self._memory.has_room(self, 0)

    def _retain(self, records: list[Record]) -> None:
        self._retained = [record for record in records if record.lsn >= self.next_lsn]

    def _frame(self) -> Frame | None:
        """The frame with ``next_lsn``; None at the end of the log. Its place is found by one walk."""
        extent, next_first = self._extent()
        if extent.path != self._path:
            self._path, self._window = extent.path, None
            self._place = FILE_HEADER_BYTES, Lsn(extent.first_lsn - 1)
        if self._window is None:
            self._window = Window(self._files, extent.path, extent.end)
        self._window.end = extent.end
        offset, last_lsn = self._place
        walker = FrameWalker(self._window, self._identity, last_lsn, offset=offset)
        for frame in walker:
            if frame.header.last_lsn >= self.next_lsn:
                self._place = frame.offset, Lsn(frame.header.first_lsn - 1)
                return frame
        self._place = walker.offset, walker.last_lsn
        if next_first is not None:
            refuse_gap(walker, next_first)
        return None

    def _extent(self) -> tuple[Extent, Lsn | None]:
        """The file that holds ``next_lsn``, or will, and the first record of the file behind it."""
        _, extents = self._extents()
        if self.next_lsn < extents[0].first_lsn:
            raise pruned(self.next_lsn, extents[0].first_lsn)
        next_first: Lsn | None = None
        for extent in reversed(extents):
            if extent.first_lsn <= self.next_lsn:
                return extent, next_first
            next_first = extent.first_lsn
        raise AssertionError("the oldest file begins at or before the record")
