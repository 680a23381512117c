"""Where a log ends: its last whole record, and the torn write behind it that a crash may have left.

One frame at a time is written and synced before the next, so a crash can leave one torn frame, at the very
end, and nothing of it was acknowledged. Damage with a whole frame behind it has another cause and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, FileHeader
from asteroid_cloud.wal.histories import Jump
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import Damage, FrameWalker, TornTail
from asteroid_cloud.wal.read.frame_window import Window, frame_header
from asteroid_cloud.wal.read.log_folder import Extent, checked_file_header, log_files


class LogEnd(msgspec.Struct, frozen=True):
    """A checked log: its files in order, and where its whole records end."""

    header: FileHeader
    """Of the newest file."""
    extents: list[Extent]
    """All files, oldest first, with the bytes that count."""
    last_lsn: Lsn
    """The last whole record; one before the first LSN when there is none."""
    torn: Damage | None
    """Where the torn tail begins, if there is one."""
    torn_bytes: int
    last_ms: int = 0
    """The time of the last whole record; 0 when there is none."""
    jumps: tuple[Jump, ...] = ()
    """Where histories begin, ascending."""

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record, or the next one to come."""
        return self.extents[0].first_lsn

    @property
    def newest(self) -> Extent:
        """The file that is written next."""
        return self.extents[-1]


def find_end(files: Files, folder: str, identity: bytes | None = None) -> LogEnd | None:
    """Checks the headers of all files and every frame of the newest; changes nothing.

    None when there is no log yet. Raises CorruptionError for damage that no crash explains, for a foreign
    file when ``identity`` is given, and UnsupportedVersion.
    """
    found = log_files(files, folder)
    if not found:
        return None
    headers: list[FileHeader] = []
    for first_lsn, path in found:
        headers.append(checked_file_header(files, path, first_lsn, identity))
        identity = headers[-1].identity
    header, (first_lsn, path) = headers[-1], found[-1]
    window = Window(files, path)
    walker = FrameWalker(window, header.identity, Lsn(first_lsn - 1), policy=TornTail(files))
    last_ms = 0
    for frame in walker:
        last_ms = frame.header.time_ms
    older = [Extent(first, name, files.size(name)) for first, name in found[:-1]]
    extents = [*older, Extent(first_lsn, path, walker.offset)]
    return LogEnd(
        header,
        extents,
        walker.last_lsn,
        walker.torn,
        window.end - walker.offset,
        last_ms or last_time_ms(files, older),
        jumps_of(files, found),
    )


def has_records_after(files: Files, folder: str, lsn: Lsn) -> bool:
    """Whether a log seems to hold records after ``lsn``, by the headers of its frames only.

    A torn frame counts, and damage may hide some. It reads a header for each frame of one file.
    """
    for first_lsn, path in reversed(log_files(files, folder)):
        header = frame_header(files, path, FILE_HEADER_BYTES)
        offset = FILE_HEADER_BYTES
        while header is not None:
            if header.last_lsn > lsn:
                return True
            offset += header.frame_bytes
            header = frame_header(files, path, offset)
        if first_lsn <= lsn:
            return False
    return False


def jumps_of(files: Files, found: Sequence[tuple[Lsn, str]]) -> tuple[Jump, ...]:
    """Where the LSNs of these files jump, given each with the LSN of its name.

    A history always begins a file, which is named as if the LSNs went on densely. One that was trimmed
    meanwhile is passed over.
    """
    jumps = []
    for named_lsn, path in found:
        with suppress(StorageError):
            header = frame_header(files, path, FILE_HEADER_BYTES)
            if header is not None and header.first_lsn > named_lsn:
                jumps.append(Jump(Lsn(named_lsn - 1), header.first_lsn))
    return tuple(jumps)


def last_time_ms(files: Files, extents: Sequence[Extent]) -> int:
    """The time of the last record in these files, read from headers only; 0 when there is none."""
    for _, path, end in reversed(extents):
        offset, time_ms = FILE_HEADER_BYTES, 0
        while offset < end and (header := frame_header(files, path, offset)) is not None:
            offset, time_ms = offset + header.frame_bytes, header.time_ms
        if time_ms:
            return time_ms
    return 0
