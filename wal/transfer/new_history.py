"""Beginning a new history in a log that nobody has open."""

from __future__ import annotations

import time

import msgspec

from asteroid_cloud.wal.disk.atomic_write import remove_unfinished, write_atomic
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import NotFound
from asteroid_cloud.wal.format.history_start import epoch_after, history_start
from asteroid_cloud.wal.format.log_file import file_name
from asteroid_cloud.wal.histories import Branch, first_of_next
from asteroid_cloud.wal.lsn import BEFORE_ALL, Lsn
from asteroid_cloud.wal.read.highest import highest_lsn
from asteroid_cloud.wal.read.log_end import find_end
from asteroid_cloud.wal.repair.torn_tail import cut_tail

STORE_NAME_BYTES = 16


class NewHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A history that is about to begin, wherever the one before it will end."""

    began_at: Lsn
    epoch: int
    store: bytes
    """The name that the store has from then on, 16 bytes."""
    after_ms: int = 0
    """The record that begins it gets no earlier time."""

    @classmethod
    def above(cls, highest: Lsn, epoch: int, store: bytes, after_ms: int = 0) -> NewHistory:
        """One above the highest LSN and the highest epoch there ever were; raises Conflict."""
        epoch = epoch_after(epoch, store)
        return cls(began_at=first_of_next(highest), epoch=epoch, store=store, after_ms=after_ms)

    def start(self, identity: bytes, branched_at: Lsn, last_ms: int, flags: int) -> tuple[str, bytes]:
        """Name and contents of the file that begins it behind a record in a file of these flags."""
        branch = Branch(branched_at, self.began_at, self.store)
        clock_ms = time.time_ns() // 1_000_000
        data = history_start(identity, branch, self.epoch, clock_ms, max(last_ms, self.after_ms), flags)
        return file_name(Lsn(branched_at + 1)), data


def begin_history(
    files: Files, folder: str, store: bytes, highest: Lsn = BEFORE_ALL, epoch: int = 0
) -> Branch:
    """Begins a new history at the end of the log in ``folder``, durably; a torn tail is cut off first.

    ``highest`` and ``epoch`` are the highest that are known from elsewhere. The caller has the store's lock.
    Raises NotFound, CorruptionError for a damaged log, Conflict ``too_many_histories``, NoSpace and
    StorageError, with nothing changed but the tail.
    """
    end = find_end(files, folder)
    if end is None:
        raise NotFound(f"there is no log in {folder}")
    cut_tail(files, end)
    remove_unfinished(files, folder)
    highest = max(highest, end.last_lsn, highest_lsn(files, [folder]))
    new = NewHistory.above(highest, max(epoch, end.header.epoch), store)
    name, data = new.start(end.header.identity, end.last_lsn, end.last_ms, end.header.flags)
    write_atomic(files, f"{folder}/{name}", data)
    return Branch(end.last_lsn, new.began_at, store)
