"""Where a log ends: its last whole record, and the torn write behind it that a crash may have left.

One frame at a time is written and synced before the next, so a crash can leave one torn frame, at the very
end, and nothing of it was acknowledged. Damage with a whole frame behind it has another cause and is refused.
"""

from __future__ import annotations

import msgspec

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.format.log_file import FileHeader
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import Damage, FrameWalker, TornTail
from asteroid_cloud.wal.read.frame_window import Window
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
    for _ in walker:
        pass
    older = [Extent(first, name, files.size(name)) for first, name in found[:-1]]
    extents = [*older, Extent(first_lsn, path, walker.offset)]
    return LogEnd(header, extents, walker.last_lsn, walker.torn, window.end - walker.offset)
