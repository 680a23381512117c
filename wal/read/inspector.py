"""Looking at a log without opening it: read-only, without the lock, also while a server writes.

A log that is being written may lose its oldest files and grow at its end meanwhile; both are no damage.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, NotFound, StorageError
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.frame import decode_body
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FileHeader,
    Frame,
    Window,
    frame_at,
    log_files,
    next_frame,
    read_file_header,
)
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are not what they should be."""

    path: str
    offset: int
    reason: str


class FileState(msgspec.Struct):
    """What is known of one log file after its frames were gone through."""

    path: str
    first_lsn: Lsn
    last_lsn: Lsn
    """``first_lsn - 1`` when there is no record."""
    bytes: int = 0
    frames: int = 0
    records: int = 0
    epoch: int = 0
    torn: Damage | None = None
    """A tail that no caller was told of: the next start cuts it, unless it is being written now."""
    damage: Damage | None = None
    trimmed: bool = False
    """The file went away since the folder was listed, and so did all before it."""

    @property
    def end(self) -> Lsn:
        """The LSN that must come next."""
        return Lsn(self.last_lsn + 1)


class LogInspector:
    """Goes through the files of a log, oldest first."""

    def __init__(self, files: Files, folder: str) -> None:
        self._files = files
        self._folder = folder
        self._identity: bytes | None = None

    def files(self) -> list[FileState]:
        """The files there are, none of them read yet; raises NotFound when there is no log."""
        found = log_files(self._files, self._folder) if self._files.exists(self._folder) else []
        if not found:
            raise NotFound(f"there is no log in {self._folder}")
        return [FileState(path, first, Lsn(first - 1)) for first, path in found]

    def frames(self, state: FileState, *, newest: bool) -> Iterator[Frame]:
        """The frames of a file, up to its end or to what is wrong; ``state`` notes both.

        Raises UnsupportedVersion.
        """
        try:
            header = self._header(state)
            state.epoch = header.epoch
            yield from self._walk(state, header, newest)
        except CorruptionError as error:
            state.damage = Damage(error.path, error.offset, error.reason)
        except StorageError:
            if self._files.exists(state.path):
                raise
            state.trimmed = True

    def records(self, state: FileState, *, newest: bool) -> Iterator[Record]:
        """The records of a file; the rest as ``frames``."""
        unpacker = ZstdDecompressor()
        for frame in self.frames(state, newest=newest):
            try:
                yield from decode_body(frame.header, frame.packed, unpacker)
            except BadFrame as error:
                state.damage = Damage(state.path, frame.offset, error.message)
                return

    def _header(self, state: FileState) -> FileHeader:
        state.bytes = self._files.size(state.path)
        header = read_file_header(self._files, state.path)
        self._identity = self._identity or header.identity
        if header.first_lsn != state.first_lsn:
            raise CorruptionError(state.path, 0, "the file's name and header disagree")
        if header.identity != self._identity:
            raise CorruptionError(state.path, 0, "the file belongs to another store")
        return header

    def _walk(self, state: FileState, header: FileHeader, newest: bool) -> Iterator[Frame]:
        window, offset = Window(self._files, state.path, state.bytes), FILE_HEADER_BYTES
        while offset < state.bytes:
            try:
                frame = frame_at(window, header.identity, offset)
            except BadFrame as error:
                # In this order: once a frame has a whole one behind it, its writer has finished with it.
                behind = next_frame(self._files, state.path, header.identity, offset + 1, state.last_lsn)
                state.bytes = self._files.size(state.path)
                window = Window(self._files, state.path, state.bytes)
                try:
                    frame = frame_at(window, header.identity, offset)
                except BadFrame:
                    if newest and behind is None:
                        state.torn = Damage(state.path, offset, error.message)
                        return
                    raise CorruptionError(state.path, offset, error.message) from error
            if frame.header.first_lsn != state.end:
                reason = f"record {frame.header.first_lsn} follows record {state.last_lsn}"
                raise CorruptionError(state.path, offset, reason)
            state.frames += 1
            state.records += frame.header.count
            state.last_lsn, offset = frame.header.last_lsn, frame.end
            yield frame


def missing_between(before: FileState, after: FileState) -> Damage | None:
    """What is wrong with two files, one after the other, both gone through; None if they join."""
    if before.damage or before.end == after.first_lsn:
        return None
    reason = f"record {after.first_lsn} of the next file follows record {before.last_lsn}"
    return Damage(before.path, before.bytes, reason)
