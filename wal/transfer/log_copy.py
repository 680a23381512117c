"""Copying a range of records into a new log, for a restore to a record or for another store.

Frames are copied as they are. Of a frame that begins too early or ends too late only the wanted records are
written, with its time. The source is only read and may be in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.atomic_write import NewFile, publish_all, remove_if_exists
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LogPruned
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header, file_name
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import LOG_FILE_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import Frame
from asteroid_cloud.wal.read.log_folder import log_files
from asteroid_cloud.wal.read.log_reader import LogReader


class Copied(msgspec.Struct, frozen=True):
    """What was copied."""

    first_lsn: Lsn
    last_lsn: Lsn
    """``first_lsn - 1`` when there was nothing to copy."""
    bytes: int


class LogSource:
    """A log in one or more folders, one continuing the other; they may overlap and be in use."""

    def __init__(self, files: Files, folders: Sequence[str]) -> None:
        """Raises NotFound when a folder holds no log, Conflict ``another_store`` for logs of two stores."""
        self._folders = list(folders)
        self._logs = [LogReader(files, folder) for folder in folders]
        headers = [log.header for log in self._logs]
        self.identity = headers[0].identity
        self.epoch = headers[0].epoch
        for folder, header in zip(folders[1:], headers[1:], strict=True):
            if header.identity != self.identity:
                raise Conflict(f"{folder} is the log of another store", code="another_store")
            if header.epoch != self.epoch:
                raise Conflict(
                    f"{folder} does not go on where {folders[0]} ends: the store was taken back in time",
                    code="another_store",
                )

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record there is."""
        return min(log.first_lsn for log in self._logs)

    def frames(self, from_lsn: Lsn) -> Iterator[Frame]:
        """Whole frames with records from ``from_lsn`` on, in order and without a gap, to the end.

        Raises LogPruned when the log begins later, CorruptionError at damage.
        """
        following = from_lsn
        for number, log in enumerate(self._logs):
            if number > 0 and log.first_lsn > following:
                missing = f"records {following} to {log.first_lsn - 1}"
                folders = f"{self._folders[number - 1]} nor in {self._folders[number]}"
                raise LogPruned(f"a link of the chain is missing: {missing} are neither in {folders}")
            for frame in log.frames(following):
                if frame.header.last_lsn >= following:
                    following = Lsn(frame.header.last_lsn + 1)
                    yield frame

    def records(self, from_lsn: Lsn) -> Iterator[Record]:
        """The same, record by record."""
        following = from_lsn
        unpacker = ZstdDecompressor()
        for frame in self.frames(from_lsn):
            for record in frame.records(unpacker):
                if record.lsn == following:
                    following = Lsn(following + 1)
                    yield record

    def newest_before(self, time_ms: int) -> Lsn:
        """The last record before the first that was logged after ``time_ms``, by the writer's clock.

        Raises LogPruned when the oldest record there is was logged later.
        """
        first = self.first_lsn
        last = Lsn(first - 1)
        for frame in self.frames(first):
            if frame.header.time_ms > time_ms:
                break
            last = frame.header.last_lsn
        if last < first and first > 1:
            raise LogPruned(f"the log begins with record {first}, which is younger than that")
        return last


def copy_log(
    files: Files,
    source: LogSource,
    target: str,
    *,
    from_lsn: Lsn,
    until_lsn: Lsn,
    epoch: int,
    progress: Callable[[Lsn], None] = lambda lsn: None,
) -> Copied:
    """Writes records ``from_lsn`` … ``until_lsn`` into the new log ``target``, durably.

    Raises Conflict ``not_empty`` when there is a log in the target, LogPruned or InvalidRequest ``bad_point``
    when the source begins or ends too soon, CorruptionError, NoSpace and StorageError.
    """
    files.make_dirs(target)
    if log_files(files, target):
        raise Conflict(f"there is a log in {target}", code="not_empty")
    writer = _CopyWriter(files, target, source.identity, epoch, from_lsn)
    try:
        if from_lsn <= until_lsn:
            for frame in source.frames(from_lsn):
                writer.write(frame, until_lsn)
                progress(writer.following)
                if writer.following > until_lsn:
                    break
        writer.finish(until_lsn)
    except BaseException:
        writer.abandon()
        raise
    return Copied(from_lsn, Lsn(writer.following - 1), writer.bytes)


class _CopyWriter:
    """The files of the copy; they have their names only once all of them are whole."""

    def __init__(self, files: Files, folder: str, identity: bytes, epoch: int, first_lsn: Lsn) -> None:
        self.following = first_lsn
        """The record that has to come next."""
        self.bytes = 0
        self._files = files
        self._folder = folder
        self._identity = identity
        self._epoch = epoch
        self._written: list[NewFile] = []
        self._file: NewFile | None = None

    def write(self, frame: Frame, until_lsn: Lsn) -> None:
        """Takes of the frame what is wanted."""
        last = min(frame.header.last_lsn, until_lsn)
        data = frame.part(self._identity, self.following, last)
        if self._file is not None and self._file.size >= LOG_FILE_BYTES_MAX:
            self._end(self._file)
        file = self._file or self._begin()
        file.write(data)
        self.bytes += len(data)
        self.following = Lsn(last + 1)

    def finish(self, until_lsn: Lsn) -> None:
        """Makes all of it durable, and a log; raises InvalidRequest ``bad_point`` if the last is missing."""
        if self.following <= until_lsn:
            raise InvalidRequest(f"the log ends with record {self.following - 1}", code="bad_point")
        self._end(self._file or self._begin())
        publish_all(self._files, self._folder, self._written)

    def abandon(self) -> None:
        """Leaves nothing behind."""
        for new in self._written:
            new.abandon()
            remove_if_exists(self._files, new.path)

    def _begin(self) -> NewFile:
        file = self._file = NewFile(self._files, f"{self._folder}/{file_name(self.following)}")
        self._written.append(file)
        header = encode_file_header(FileHeader(self._identity, self.following, self._epoch))
        file.write(header)
        self.bytes += len(header)
        return file

    def _end(self, file: NewFile) -> None:
        file.sync()
        file.close()
        self._file = None
