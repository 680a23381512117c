"""Copying a range of records into a new log, for a restore to a record or for another store.

Frames are copied as they are. Of a frame that begins too early or ends too late only the wanted records are
written, with its time. The source is only read and may be in use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import or_

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.atomic_write import NewFile, publish_all, remove_if_exists
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LogPruned
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header, file_name
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.histories import Jump, abandoned, count_between
from asteroid_cloud.wal.limits import LOG_FILE_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import Frame
from asteroid_cloud.wal.read.log_folder import log_files
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.read.record_json import iso
from asteroid_cloud.wal.read.selection import last_until
from asteroid_cloud.wal.transfer.new_history import NewHistory


class Copied(msgspec.Struct, frozen=True):
    """What was copied."""

    first_lsn: Lsn
    last_lsn: Lsn
    """``first_lsn - 1`` when there was nothing to copy."""
    bytes: int


def check_known(time_ms: int, known_until_ms: int) -> None:
    """Raises InvalidRequest ``bad_point`` for a time of which it is not known what was logged until then."""
    if time_ms > known_until_ms:
        raise InvalidRequest(
            f"what was logged until {iso(time_ms)} is not all here: it ends at {iso(known_until_ms)}; "
            "without a time the newest state is taken",
            code="bad_point",
        )


class LogSource:
    """A log in one or more folders, one continuing the other; they may overlap and be in use."""

    def __init__(self, files: Files, folders: Sequence[str]) -> None:
        """Raises NotFound when a folder holds no log, Conflict ``another_store`` for logs of two stores."""
        self._folders = list(folders)
        self._logs = [LogReader(files, folder) for folder in folders]
        headers = [log.header for log in self._logs]
        self.identity = headers[0].identity
        self.epoch = headers[0].epoch
        self.flags = reduce(or_, [header.flags for header in headers])
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
                    if frame.header.first_lsn > following > from_lsn:
                        _refuse_other_history(frame, Lsn(following - 1))
                    following = Lsn(frame.header.last_lsn + 1)
                    yield frame

    def records(self, from_lsn: Lsn) -> Iterator[Record]:
        """The same, record by record."""
        following = from_lsn
        unpacker = ZstdDecompressor()
        for frame in self.frames(from_lsn):
            for record in frame.records(unpacker):
                if record.lsn >= following:
                    following = Lsn(following + 1)
                    yield record

    @property
    def jumps(self) -> set[Jump]:
        """Where histories begin."""
        return {jump for log in self._logs for jump in log.jumps}

    def count(self, after: Lsn, until: Lsn) -> int:
        """How many records there are after ``after`` and up to ``until``."""
        return count_between(self.jumps, after, until)

    def check_exists(self, lsn: int) -> None:
        """Raises Conflict ``other_history`` for an LSN that the log jumps over."""
        for jump in self.jumps:
            if jump.branched_at < lsn < jump.began_at:
                raise abandoned(lsn, jump.branched_at, jump.began_at)

    def reached(self, time_ms: int, known_until_ms: int) -> Lsn:
        """The last record that was logged up to a time; nothing is known of what came after another time.

        Raises InvalidRequest ``bad_point`` when the first time is after the second, or before record 1, and
        LogPruned when the log begins later.
        """
        last = self.newest_before(time_ms)  # first: it says what is missing in between
        check_known(time_ms, known_until_ms)
        if last == 0:
            raise InvalidRequest(f"there is no record of {iso(time_ms)} or before", code="bad_point")
        return last

    def newest_before(self, time_ms: int) -> Lsn:
        """The last record that was logged up to ``time_ms``, as ``last_until`` says; 0 before record 1.

        Raises LogPruned when the oldest record there is was logged later.
        """
        first = self.first_lsn
        last = last_until(self.frames(first), time_ms)
        if last is None and first > 1:
            raise LogPruned(f"the log begins with record {first}, which is younger than that")
        return last or Lsn(0)


def last_record_until(files: Files, folder: str, time_ms: int) -> Lsn:
    """The last record of a log that was logged up to a time, which must not lie beyond now.

    Raises InvalidRequest ``bad_point`` for a time that has not come yet or lies before the first record,
    LogPruned when the log begins later, and what ``LogSource`` does.
    """
    return LogSource(files, [folder]).reached(time_ms, time.time_ns() // 1_000_000)


def copy_log(
    files: Files,
    source: LogSource,
    target: str,
    *,
    from_lsn: Lsn,
    until_lsn: Lsn,
    epoch: int,
    history: NewHistory | None = None,
    progress: Callable[[Lsn], None] = lambda lsn: None,
) -> Copied:
    """Writes records ``from_lsn`` … ``until_lsn`` into the new log ``target``, durably.

    With a new ``history`` they are followed by the record that begins it.
    Raises Conflict ``not_empty`` when there is a log in the target, LogPruned or InvalidRequest ``bad_point``
    when the source begins or ends too soon, CorruptionError, NoSpace and StorageError.
    """
    files.make_dirs(target)
    if log_files(files, target):
        raise Conflict(f"there is a log in {target}", code="not_empty")
    writer = _CopyWriter(files, target, FileHeader(source.identity, from_lsn, epoch, flags=source.flags))
    try:
        if from_lsn <= until_lsn:
            for frame in source.frames(from_lsn):
                if frame.header.first_lsn > until_lsn:
                    break
                writer.write(frame, until_lsn)
                progress(writer.following)
                if writer.following > until_lsn:
                    break
        writer.finish(until_lsn, history)
    except BaseException:
        writer.abandon()
        raise
    return Copied(from_lsn, Lsn(writer.following - 1), writer.bytes)


def _refuse_other_history(frame: Frame, last_lsn: Lsn) -> None:
    """Raises Conflict ``other_history`` unless a frame begins a history behind record ``last_lsn``."""
    history = frame.history
    if history is None or history.branched_at != last_lsn:
        follows = f"record {frame.header.first_lsn}, which does not follow {last_lsn}"
        raise Conflict(f"{frame.path} goes on with {follows}", code="other_history")


class _CopyWriter:
    """The files of the copy; they have their names only once all of them are whole."""

    def __init__(self, files: Files, folder: str, first: FileHeader) -> None:
        self.following = first.first_lsn
        """The record that has to come next."""
        self.bytes = 0
        self._files = files
        self._folder = folder
        self._header = first
        self._written: list[NewFile] = []
        self._file: NewFile | None = None
        self._last_ms = 0

    def write(self, frame: Frame, until_lsn: Lsn) -> None:
        """Takes of the frame what is wanted."""
        first, last = max(frame.header.first_lsn, self.following), min(frame.header.last_lsn, until_lsn)
        data = frame.part(self._header.identity, first, last)
        is_jump = first > self.following  # a history begins a file
        if self._file is not None and (is_jump or self._file.size >= LOG_FILE_BYTES_MAX):
            self._end(self._file)
        file = self._file or self._begin()
        file.write(data)
        self.bytes += len(data)
        self.following = Lsn(last + 1)
        self._last_ms = frame.header.time_ms

    def finish(self, until_lsn: Lsn, history: NewHistory | None) -> None:
        """Makes all of it durable, and a log; raises InvalidRequest ``bad_point`` if the last is missing."""
        if self.following <= until_lsn:
            raise InvalidRequest(f"the log ends with record {self.following - 1}", code="bad_point")
        if self._file is not None or history is None:
            self._end(self._file or self._begin())
        if history is not None:
            self._begin_history(history)
        publish_all(self._files, self._folder, self._written)

    def abandon(self) -> None:
        """Leaves nothing behind."""
        for new in self._written:
            new.abandon()
            remove_if_exists(self._files, new.path)

    def _begin_history(self, history: NewHistory) -> None:
        name, data = history.start(
            self._header.identity, Lsn(self.following - 1), self._last_ms, self._header.flags
        )
        file = NewFile(self._files, f"{self._folder}/{name}")
        self._written.append(file)
        file.write(data)
        self.bytes += len(data)
        file.sync()
        file.close()

    def _begin(self) -> NewFile:
        file = self._file = NewFile(self._files, f"{self._folder}/{file_name(self.following)}")
        self._written.append(file)
        header = encode_file_header(msgspec.structs.replace(self._header, first_lsn=self.following))
        file.write(header)
        self.bytes += len(header)
        return file

    def _end(self, file: NewFile) -> None:
        file.sync()
        file.close()
        self._file = None
