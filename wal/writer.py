"""The disk side of appending: frames into the newest file, rotation, trimming, fencing.

Every method blocks and runs on the log's one disk thread. A write that fails is undone; an fsync that
fails poisons the log: what is durable is then unknown, and trying again would only hide that (see
Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from asteroid_cloud.wal.errors import AsteroidError, Poisoned, StorageError
from asteroid_cloud.wal.files import AppendFile, Files
from asteroid_cloud.wal.frame import encode_frame
from asteroid_cloud.wal.limits import LOG_FILE_BYTES_MAX
from asteroid_cloud.wal.log_file import FILE_HEADER_BYTES, FileHeader, encode_file_header, file_name
from asteroid_cloud.wal.recover import LogEnd
from asteroid_cloud.wal.types import Lsn


class LogWriter:
    """Owns the files of a log that has been recovered."""

    def __init__(self, files: Files, folder: str, identity: bytes, end: LogEnd | None) -> None:
        self.identity = identity
        self.epoch = end.header.epoch if end else 0
        """The smallest epoch that may write."""
        self.durable_lsn = end.report.durable_lsn if end else Lsn(0)
        self.poisoned: AsteroidError | None = None
        self._files = files
        self._folder = folder
        self._paths: list[tuple[Lsn, str, int]] = []
        """(first LSN, path, bytes) of all files but the newest."""
        self._file: AppendFile
        if end is None:
            self._begin_file(Lsn(1))
        else:
            *older, (self._first, self._path) = end.files
            self._paths = [(first, path, files.size(path)) for first, path in older]
            self._file = files.open_append(self._path)
            self._end = end.end

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record held, or the next one to come."""
        return self._paths[0][0] if self._paths else self._first

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return self._end + sum(size for _, _, size in self._paths)

    def extents(self) -> list[tuple[Lsn, str, int]]:
        """The files as (first LSN, path, bytes that count), oldest first: a view that stays true."""
        return [*self._paths, (self._first, self._path, self._end)]

    def append(self, encoded: Sequence[bytes]) -> tuple[Lsn, int]:
        """Writes one frame and syncs it; the LSN of its first event, and its time in milliseconds.

        Raises NoSpace or StorageError with nothing kept, or Poisoned.
        """
        if self.poisoned is not None:
            raise self.poisoned
        if self._end >= LOG_FILE_BYTES_MAX:
            self.rotate()
        first, time_ms = Lsn(self.durable_lsn + 1), time.time_ns() // 1_000_000
        frame = encode_frame(self.identity, first, time_ms, encoded)
        try:
            self._file.write(frame)
        except StorageError:
            self._undo_write()
            raise
        self._sync(self._file, self._path)
        self._end += len(frame)
        self.durable_lsn = Lsn(self.durable_lsn + len(encoded))
        return first, time_ms

    def rotate(self) -> None:
        """Goes on in a new file; does nothing while the newest is empty."""
        if self._end == FILE_HEADER_BYTES:
            return
        finished = (self._first, self._path, self._end)
        previous = self._file
        self._begin_file(Lsn(self.durable_lsn + 1))
        self._paths.append(finished)
        previous.close()

    def trim(self, before_lsn: Lsn) -> int:
        """Removes files with no record from ``before_lsn`` on; the bytes freed."""
        if self.poisoned is not None:
            return 0
        if self.durable_lsn < before_lsn:
            self.rotate()
        if not self._paths:
            return 0
        starts = [first for first, _, _ in self._paths[1:]] + [self._first]
        gone = [
            file for file, next_first in zip(self._paths, starts, strict=True) if next_first <= before_lsn
        ]
        for _, path, _ in gone:
            self._files.remove(path)
        if gone:
            self._files.sync_dir(self._folder)
            self._paths = self._paths[len(gone) :]
        return sum(size for _, _, size in gone)

    def fence(self, epoch: int) -> None:
        """Notes durably the smallest epoch that may write, in the header of a new file."""
        if epoch <= self.epoch:
            return
        before = self.epoch
        self.epoch = epoch
        try:
            if self._end > FILE_HEADER_BYTES:
                self.rotate()
            else:
                self._replace_empty_file()
        except StorageError:
            self.epoch = before
            raise

    def close(self) -> None:
        """Closes the newest file."""
        self._file.close()

    def _begin_file(self, first_lsn: Lsn) -> None:
        path = f"{self._folder}/{file_name(first_lsn)}"
        if self._files.exists(path):  # left by a try that failed before anything was in it
            self._files.remove(path)
        file = self._files.create(path)
        try:
            file.write(encode_file_header(FileHeader(self.identity, first_lsn, self.epoch)))
        except StorageError:
            file.close()
            self._files.remove(path)
            raise
        self._sync(file, path)
        self._files.sync_dir(self._folder)
        self._file, self._path, self._first, self._end = file, path, first_lsn, FILE_HEADER_BYTES

    def _replace_empty_file(self) -> None:
        self._file.close()
        self._begin_file(self._first)

    def _undo_write(self) -> None:
        try:
            self._file.truncate(self._end)
        except StorageError as error:
            self.poisoned = Poisoned(f"a write could not be undone: {error.message}")
            raise self.poisoned from error

    def _sync(self, file: AppendFile, path: str) -> None:
        try:
            file.sync()
        except StorageError as error:
            self.poisoned = Poisoned(f"{path} could not be synced: {error.message}; restart to recover")
            raise self.poisoned from error
