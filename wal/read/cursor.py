"""A place in the log that moves on: durable records from the disk, frame after frame, for many readers.

It holds nothing back and waits for nothing. What it remembers between two calls is bounded: where it is, at
most one window of the file, and the records of one frame if they are few bytes, or if there is room for them.
"""

from __future__ import annotations

import threading
from typing import Protocol

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, LogPruned, StorageError
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.events import event_bytes
from asteroid_cloud.wal.format.frame import decode_body
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, Extent, Frame, Window, frame_at
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import CURSOR_KEEP_BYTES_MAX, CURSORS_KEEP_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn


class Readable(Protocol):
    """What a cursor needs to know of a log; all of it may be asked on any thread."""

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other."""
        ...

    def extents(self) -> tuple[Lsn, tuple[Extent, ...]]:
        """The newest record, and the files with all records up to it, with the bytes that count."""
        ...


class Kept:
    """What all cursors of a log keep of large frames between two calls, so that these are not read again.

    CURSORS_KEEP_BYTES_MAX in all; who is the only one may keep more. May be asked on any thread.
    """

    def __init__(self) -> None:
        self._held: dict[LogCursor, int] = {}
        self._turn = threading.Lock()

    def has_room(self, cursor: LogCursor, size: int) -> bool:
        """Whether the cursor may keep so much, in place of what it kept before."""
        with self._turn:
            self._held.pop(cursor, None)
            if size <= CURSOR_KEEP_BYTES_MAX:
                return True
            if self._held and sum(self._held.values()) + size > CURSORS_KEEP_BYTES_MAX:
                return False
            self._held[cursor] = size
            return True


class LogCursor:
    """One reader's place; its methods block and belong to one thread at a time."""

    def __init__(self, files: Files, log: Readable, next_lsn: Lsn, kept: Kept) -> None:
        self.next_lsn = next_lsn
        """The first record that was not taken yet."""
        self._files = files
        self._log = log
        self._path = ""
        self._offset = 0
        """Where the frame with ``next_lsn`` begins, or will."""
        self._window: tuple[Window, int] | None = None
        self._kept: list[Record] = []
        self._all_kept = kept

    def records(self) -> list[Record]:
        """Durable records from ``next_lsn`` on, of one frame; none when the newest is behind it.

        The same again until ``take`` moves on. Raises LogPruned when the log begins later, CorruptionError.
        """
        if not self._kept:
            try:
                frame = self._frame(self._extent())
            except StorageError as error:
                _, extents = self._log.extents()
                if extents[0][0] > self.next_lsn:
                    raise _pruned(self.next_lsn, extents[0][0]) from error
                raise
            if frame is None:
                self._window = None
            else:
                self._keep(self._decoded(frame))
        return self._kept

    def take(self, next_lsn: Lsn) -> None:
        """Moves on to ``next_lsn``, within the frame just read or behind it.

        Of a frame with more left than there is room to keep nothing is kept: it is read again.
        """
        self.next_lsn = next_lsn
        self._keep(self._kept)
        size = sum(event_bytes(record.event) for record in self._kept)
        if size > CURSOR_KEEP_BYTES_MAX:
            self._window = None  # which has the same once more, packed
        if not self._all_kept.has_room(self, size):
            self._kept = []

    def close(self) -> None:
        """Keeps nothing any more."""
        self._kept, self._window = [], None
        self._all_kept.has_room(self, 0)

    def _keep(self, records: list[Record]) -> None:
        self._kept = [record for record in records if record.lsn >= self.next_lsn]

    def _extent(self) -> Extent:
        """The file that holds ``next_lsn``, or will; the place in it is found by going through it once."""
        _, extents = self._log.extents()
        if self.next_lsn < extents[0][0]:
            raise _pruned(self.next_lsn, extents[0][0])
        extent = next(extent for extent in reversed(extents) if extent[0] <= self.next_lsn)
        if extent[1] != self._path:
            self._path, self._offset, self._window = extent[1], FILE_HEADER_BYTES, None
        return extent

    def _frame(self, extent: Extent) -> Frame | None:
        """The frame with ``next_lsn``; None at the end of the log."""
        _, path, end = extent
        while self._offset < end:
            try:
                frame = frame_at(self._window_up_to(end), self._log.identity, self._offset)
            except BadFrame as error:
                raise CorruptionError(path, self._offset, error.message) from error
            if frame.header.last_lsn >= self.next_lsn:
                if frame.header.first_lsn > self.next_lsn:
                    raise CorruptionError(path, self._offset, f"record {self.next_lsn} is missing")
                return frame
            self._offset = frame.end
        return None

    def _window_up_to(self, end: int) -> Window:
        if self._window is None or self._window[1] != end:
            self._window = Window(self._files, self._path, end), end
        return self._window[0]

    def _decoded(self, frame: Frame) -> list[Record]:
        try:
            return list(decode_body(frame.header, frame.packed))
        except BadFrame as error:
            raise CorruptionError(self._path, frame.offset, error.message) from error


def _pruned(wanted: Lsn, first: Lsn) -> LogPruned:
    return LogPruned(f"record {wanted} is gone; the log begins with {first}")
