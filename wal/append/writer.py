"""The disk side of appending: frames into the newest file, rotation, trimming, fencing.

Every method blocks, and one runs at a time. A write that fails is undone; an fsync that fails poisons
the log: what is durable is then unknown, and trying again would only hide that (see Rebello et al.,
"Can Applications Recover from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from asteroid_cloud.wal.append.log import NOTHING, Retention
from asteroid_cloud.wal.append.retention import retained_from
from asteroid_cloud.wal.append.sequencer import LogPosition, Sequencer
from asteroid_cloud.wal.append.sync_times import SLOW_SYNC_S, SyncTimes
from asteroid_cloud.wal.disk.atomic_write import NewFile, remove_unfinished
from asteroid_cloud.wal.disk.files import AppendFile, Files
from asteroid_cloud.wal.errors import AsteroidError, Conflict, NoSpace, Poisoned, StorageError
from asteroid_cloud.wal.format.body import Packer
from asteroid_cloud.wal.format.events import Encoded
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    VERSION,
    FileHeader,
    encode_file_header,
    file_name,
)
from asteroid_cloud.wal.limits import LOG_FILE_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_end import LogEnd
from asteroid_cloud.wal.read.log_folder import Extent
from asteroid_cloud.wal.repair.torn_tail import cut_tail

logger = logging.getLogger(__name__)


class LogWriter:
    """Owns the files of a log that has been recovered."""

    def __init__(
        self,
        files: Files,
        folder: str,
        identity: bytes,
        end: LogEnd | None,
        is_cut: bool = True,
        last_ms: int = 0,
        slow_sync_s: float = SLOW_SYNC_S,
    ) -> None:
        """``is_cut`` is false when a torn tail is still there, because there was no room to save it.

        No record gets a time before ``last_ms``. A sync that takes ``slow_sync_s`` or longer is logged.
        """
        self.syncs = SyncTimes(slow_sync_s)
        """How long they take."""
        self.identity = identity
        self.epoch = end.header.epoch if end else 0
        """The smallest epoch that may write."""
        last_ms = max(last_ms, end.last_ms if end else 0)
        self.sequencer = Sequencer(end.last_lsn if end else Lsn(0), last_ms)
        """Gives out LSNs, under the lock."""
        self.poisoned: AsteroidError | None = None
        self._files = files
        self._folder = folder
        # When a caller is cancelled, what it began still goes on in its thread.
        self._lock = threading.RLock()
        self.jumps = end.jumps if end else ()
        """Where the histories begin that the log holds; none begins while the log is open."""
        # One immutable value, replaced as a whole: readers on other threads take it without the lock.
        self._extents: tuple[Extent, ...] = ()
        self._uncut = None if is_cut else end
        # An upper bound for what is there already.
        self._newest_ms = max(last_ms, self.sequencer.now_ms())
        self._version = end.header.version if end else VERSION
        """Of the newest file: nothing is appended to one of an older version, which older programs read."""
        self._flags = end.header.flags if end else 0
        """Of the newest file, and of those that follow."""
        self._packer = Packer()
        self._file: AppendFile
        if end is None:
            self._begin_file(Lsn(1), ())
        else:
            self._extents = tuple(end.extents)
            self._file = files.open_append(end.newest.path)
            self._sync_recovered()

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record held, or the next one to come."""
        return self._extents[0].first_lsn

    @property
    def durable_lsn(self) -> Lsn:
        """The newest durable record; may be asked on any thread."""
        return self.sequencer.durable_lsn

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(extent.end for extent in self._extents)

    def extents(self) -> tuple[Extent, ...]:
        """The files, oldest first, never empty; an immutable value."""
        return self._extents

    def append(self, encoded: Sequence[Encoded], epoch: int, flags: int = 0) -> LogPosition:
        """Gives the events their place in the log, writes them as one frame and syncs it.

        ``flags`` are what the file has to have for them, and all files that follow.
        Raises NoSpace or StorageError with nothing kept, Conflict ``fenced``, or Poisoned.
        """
        with self._lock:
            self._check_usable()
            if epoch < self.epoch:
                raise Conflict("a newer writer has fenced this one off", code="fenced")
            self._cut_tail()
            if self._version < VERSION or flags & ~self._flags:
                self._renew(self.epoch, self._flags | flags)
            elif self._extents[-1].end >= LOG_FILE_BYTES_MAX:
                self.rotate()
            place = self.sequencer.assign(len(encoded))
            frame = encode_frame(
                self.identity, place.first_lsn, place.time_ms, encoded, self._packer, place.clock_ms
            )
            try:
                self._file.write(frame)
            except BaseException:
                self._undo_write()
                raise
            newest = self._extents[-1]
            self._sync(self._file.sync, newest.path)
            self._extents = (*self._extents[:-1], newest._replace(end=newest.end + len(frame)))
            self.sequencer.confirm(place)
            self._newest_ms = place.time_ms
            return place

    def rotate(self) -> None:
        """Goes on in a new file; does nothing while the newest is empty."""
        with self._lock:
            self._check_usable()
            if self._extents[-1].end > FILE_HEADER_BYTES:
                self._cut_tail()
                self._replace_file(self.sequencer.next_lsn, self._extents)
                logger.info("the log goes on in a new file at LSN %d", self.sequencer.next_lsn)

    def trim(self, before_lsn: Lsn, retention: Retention = NOTHING) -> int:
        """Removes files with only records before ``before_lsn``, except retained ones; the bytes freed."""
        with self._lock:
            if self.poisoned is not None:
                return 0
            before_lsn = retained_from(
                self._files,
                self._extents,
                before_lsn,
                retention,
                self.sequencer.now_ms(),
                self._newest_ms,
            )
            # The old files go first: on a full disk a new one fits only in their room.
            freed = self._remove_before(before_lsn)
            if self.durable_lsn < before_lsn:
                self.rotate()
                freed += self._remove_before(before_lsn)
            if freed:
                logger.info("trimmed the log by %d bytes; it begins with LSN %d", freed, self.first_lsn)
            return freed

    def fence(self, epoch: int) -> None:
        """Notes durably the smallest epoch that may write, in the header of a new file."""
        with self._lock:
            if epoch <= self.epoch:
                return
            self._check_usable()
            self._cut_tail()
            self._renew(epoch, self._flags)

    def close(self) -> None:
        """Closes the newest file."""
        with self._lock:
            self._file.close()

    def _sync_recovered(self) -> None:
        """Makes durable what recovery read: a killed process may leave its last frame in the page cache."""
        try:
            self._file.sync()
            self._files.sync_dir(self._folder)
        except StorageError:
            self._file.close()
            raise

    def _cut_tail(self) -> None:
        """Cuts a torn tail that recovery had to leave; raises NoSpace while there is no room for its copy."""
        if self._uncut is None:
            return
        try:
            cut_tail(self._files, self._uncut)
            previous, self._file = self._file, self._files.open_append(self._extents[-1].path)
            previous.close()
        except NoSpace:
            with suppress(StorageError):
                remove_unfinished(self._files, self._folder)
            raise
        except StorageError as error:
            raise self._poison(f"a torn tail could not be cut: {error.message}") from error
        self._uncut = None

    def _check_usable(self) -> None:
        if self.poisoned is not None:
            # A new one each time: an exception keeps alive the stack frames that it was raised through.
            raise Poisoned(self.poisoned.message)

    def _renew(self, epoch: int, flags: int) -> None:
        """Goes on in a new file, with that in its header; an empty one is replaced by it."""
        before, (self.epoch, self._flags) = (self.epoch, self._flags), (epoch, flags)
        newest = self._extents[-1]
        try:
            if newest.end > FILE_HEADER_BYTES:
                self.rotate()
            else:
                self._replace_file(newest.first_lsn, self._extents[:-1])
        except StorageError:
            self.epoch, self._flags = before
            raise

    def _replace_file(self, first_lsn: Lsn, older: tuple[Extent, ...]) -> None:
        previous = self._file
        self._begin_file(first_lsn, older)
        previous.close()

    def _begin_file(self, first_lsn: Lsn, older: tuple[Extent, ...]) -> None:
        """Begins a file that never lies without its header under its name."""
        path = f"{self._folder}/{file_name(first_lsn)}"
        new = NewFile(self._files, path)
        try:
            new.write(encode_file_header(FileHeader(self.identity, first_lsn, self.epoch, flags=self._flags)))
            self._sync(new.sync, new.unfinished)
            new.publish()
        except BaseException:
            new.abandon()
            raise
        # From here on a next start goes on in the new file, so this log must as well, or stop.
        self._sync(lambda: self._files.sync_dir(self._folder), self._folder)
        try:
            self._file = self._files.open_append(path)
        except StorageError as error:
            raise self._poison(f"a new file could not be taken into use: {error.message}") from error
        self._extents, self._version = (*older, Extent(first_lsn, path, FILE_HEADER_BYTES)), VERSION

    def _remove_before(self, before_lsn: Lsn) -> int:
        freed = 0
        while len(self._extents) > 1 and self._extents[1].first_lsn <= before_lsn:
            oldest = self._extents[0]
            self._files.remove(oldest.path)
            self._extents = self._extents[1:]
            # Before the next one goes, so that no crash leaves a gap in the log.
            self._sync(lambda: self._files.sync_dir(self._folder), self._folder)
            freed += oldest.end
        return freed

    def _undo_write(self) -> None:
        """Cuts the newest file back, durably: no other frame may follow the rest of a failed write."""
        try:
            self._file.truncate(self._extents[-1].end)
            self._file.sync()
        except StorageError as error:
            raise self._poison(f"a write could not be undone: {error.message}") from error

    def _sync(self, sync: Callable[[], None], path: str) -> None:
        try:
            with self.syncs.timed(path):
                sync()
        except StorageError as error:
            raise self._poison(f"{path} could not be synced: {error.message}") from error

    def _poison(self, reason: str) -> Poisoned:
        self.poisoned = Poisoned(f"{reason}; restart to recover")
        return Poisoned(self.poisoned.message)
