"""Frames found in a file, read through a window, checked. Bad bytes become a CorruptionError with a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.events import Event, HistoryBegun
from asteroid_cloud.wal.format.frame import (
    HEADER_BYTES,
    LARGEST_FILE_BYTES,
    MAGIC,
    FrameHeader,
    check_frame,
    clock_of,
    decode_body,
    decode_header,
    decode_sized,
    frame_bytes,
    part_of_frame,
)
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.lsn import HISTORY_LSNS, Lsn

WINDOW_BYTES = MIB
HEADERS_REMEMBERED = 1024


class Frame(msgspec.Struct, frozen=True):
    """A frame whose checksum matches, and where it lies."""

    path: str
    offset: int
    header: FrameHeader
    packed: memoryview

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + self.header.frame_bytes

    @property
    def clock_ms(self) -> int:
        """When it was written by the writer's clock; raises as ``records``."""
        try:
            return clock_of(self.header, self.packed)
        except BadFrame as error:
            raise CorruptionError(self.path, self.offset, error.message) from error

    @property
    def history(self) -> HistoryBegun | None:
        """The history that the frame begins, if it begins one; raises as ``records``."""
        if self.header.first_lsn % HISTORY_LSNS:
            return None
        event = next(self.records()).event
        return event if isinstance(event, HistoryBegun) else None

    def records(self, unpacker: ZstdDecompressor | None = None) -> Iterator[Record]:
        """The records; raises CorruptionError when the body is not what its header says.

        Pass an ``unpacker`` when many frames are read: making one takes longer than decoding a small body.
        """
        try:
            yield from decode_body(self.header, self.packed, unpacker)
        except BadFrame as error:
            raise CorruptionError(self.path, self.offset, error.message) from error

    def sized_events(self, unpacker: ZstdDecompressor) -> Iterator[tuple[Event, int]]:
        """The events, each with the bytes it takes in the body before compression; raises as ``records``."""
        try:
            yield from decode_sized(self.header, self.packed, unpacker)
        except BadFrame as error:
            raise CorruptionError(self.path, self.offset, error.message) from error

    def data(self) -> bytes:
        """The bytes of the whole frame."""
        return frame_bytes(self.header, self.packed)

    def part(self, identity: bytes, first_lsn: Lsn, last_lsn: Lsn) -> bytes:
        """The bytes of a frame with only these of its records, and its time; raises as ``records``."""
        if (first_lsn, last_lsn) == (self.header.first_lsn, self.header.last_lsn):
            return self.data()
        try:
            return part_of_frame(identity, self.header, self.packed, first_lsn, last_lsn)
        except BadFrame as error:
            raise CorruptionError(self.path, self.offset, error.message) from error


class Window:
    """Reads a log file through a buffer, so that small frames do not cost a system call each."""

    def __init__(self, files: Files, path: str, end: int | None = None) -> None:
        """``end`` is where the bytes that count end; by default all of the file counts.

        Raises CorruptionError, with nothing read, for a file that is larger than any of a log.
        """
        self.path = path
        self._files = files
        self.end = self._size() if end is None else end
        self._start = 0
        self._data = b""

    def get(self, offset: int, length: int) -> memoryview:
        """The bytes there, fewer at the end."""
        length = max(0, min(length, self.end - offset))
        inside = self._start <= offset and offset + length <= self._start + len(self._data)
        if not inside:
            wanted = min(max(length, WINDOW_BYTES), self.end - offset)
            self._data = self._files.read(self.path, offset, wanted)
            self._start = offset
        at = offset - self._start
        return memoryview(self._data)[at : at + length]

    def clear(self) -> None:
        """Frees the buffer."""
        self._data = b""

    def look_again(self) -> None:
        """Takes the file as it is now, larger or smaller than before."""
        self.clear()
        self.end = self._size()

    def _size(self) -> int:
        size = self._files.size(self.path)
        if size > LARGEST_FILE_BYTES:
            reason = f"it has {size:,} bytes; a file of a log has at most {LARGEST_FILE_BYTES:,}"
            raise CorruptionError(self.path, LARGEST_FILE_BYTES, reason)
        return size

    def frame_at(self, identity: bytes, offset: int) -> Frame:
        """The frame that begins at ``offset``; raises CorruptionError when no whole one does."""
        try:
            header = decode_header(self.get(offset, HEADER_BYTES))
            packed = check_frame(identity, header, self.get(offset, header.frame_bytes))
        except BadFrame as error:
            raise CorruptionError(self.path, offset, error.message) from error
        return Frame(self.path, offset, header, packed)

    def next_frame(self, identity: bytes, offset: int, after: Lsn) -> Frame | None:
        """The first whole frame that begins at ``offset`` or later and holds records after ``after``."""
        for at, header in self._headers(offset):
            if header.first_lsn > after:
                with suppress(CorruptionError):
                    return self.frame_at(identity, at)
        return None

    def acknowledged_behind(self, offset: int, after: Lsn) -> Lsn | None:
        """A record that was acknowledged, by what is left of frames from ``offset`` on, none of them whole.

        A frame is written once the one before it is durable. So a header with a later LSN than the frame at
        ``offset`` can have proves that there was more than one, if it is no accident: it lies where an
        earlier header of the LSNs before it says that its frame ends, or its frame ends with the file.
        ``after`` is the last record before ``offset``. None when nothing is proved.
        """
        acknowledged: Lsn | None = None
        ends: dict[int, Lsn] = {}
        """Where the frames of the last few headers end, each with its last record."""
        for at, header in self._headers(offset):
            if not after < header.first_lsn or header.first_lsn // HISTORY_LSNS != after // HISTORY_LSNS:
                continue
            end = at + header.frame_bytes
            goes_on = ends.get(at) == header.first_lsn - 1
            if at > offset and header.first_lsn > after + 1 and (goes_on or end == self.end):
                known = header.last_lsn if end <= self.end else Lsn(header.first_lsn - 1)
                acknowledged = max(known, acknowledged or known)
            ends[end] = header.last_lsn
            if len(ends) > HEADERS_REMEMBERED:
                del ends[next(iter(ends))]
        return acknowledged

    def _headers(self, offset: int) -> Iterator[tuple[int, FrameHeader]]:
        """What could be the header of a frame, from ``offset`` on, and where it lies."""
        while offset + HEADER_BYTES <= self.end:
            piece = bytes(self.get(offset, WINDOW_BYTES))
            at = piece.find(MAGIC)
            while 0 <= at <= len(piece) - HEADER_BYTES:
                with suppress(BadFrame):
                    yield offset + at, decode_header(piece[at : at + HEADER_BYTES])
                at = piece.find(MAGIC, at + 1)
            offset += len(piece) - HEADER_BYTES + 1


def frame_header(files: Files, path: str, offset: int) -> FrameHeader | None:
    """The header of the frame that begins at ``offset``; None without one. The body is not looked at."""
    try:
        return decode_header(files.read(path, offset, HEADER_BYTES))
    except BadFrame:
        return None


def frame_time_ms(files: Files, path: str, offset: int) -> int | None:
    """The time of the frame that begins at ``offset``, read from its header only; None without one."""
    header = frame_header(files, path, offset)
    return None if header is None else header.time_ms
