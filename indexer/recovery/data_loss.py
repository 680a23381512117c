"""What a store has lost, durably beside it in ``lost.json``, until its operator has acknowledged it."""

from __future__ import annotations

from typing import Literal

import msgspec

from asteroid_cloud.wal.disk import Files, lock_directory, write_atomic
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB

RecoveryMode = Literal["strict", "tail", "salvage"]
LOST = "lost.json"
LOST_BYTES_MAX = 64 * MIB


class LostSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was given up, with rows that were nowhere else."""

    segment: int
    rows: int
    """Living rows as of ``lsn``."""
    lsn: int
    least_id: int | None
    """Of the living rows; None when the ids could not be read any more."""
    greatest_id: int | None
    reason: str
    kept: list[str]
    """What is left of its files, in the folder of the index."""
    time_ms: int
    """When it was given up, in milliseconds since 1970."""


class LostRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Records that a repair of the log gave up."""

    first_lsn: int
    last_lsn: int | None
    """The last that is known to have been; None when nothing says whether there were any."""
    kept: list[str]
    """Copies of what was taken away, in the folder of the log."""
    time_ms: int
    """When they were given up, in milliseconds since 1970."""


class DataLoss(msgspec.Struct, frozen=True):
    """What a store has lost since it was made."""

    segments: list[LostSegment] = []
    records: list[LostRecords] = []
    acknowledged_ms: int | None = None
    """When its operator took note of all this, in milliseconds since 1970; None as long as that is open."""

    @property
    def rows(self) -> int:
        """Living rows that were lost with segments."""
        return sum(each.rows for each in self.segments)

    @property
    def is_open(self) -> bool:
        """Whether something is lost that nobody has acknowledged: the store is degraded."""
        return bool(self.segments or self.records) and self.acknowledged_ms is None


def read_losses(files: Files, store: str) -> DataLoss:
    """What is known to be lost; raises CorruptionError when that does not read."""
    path = f"{store}/{LOST}"
    if not files.exists(path):
        return DataLoss()
    try:
        return msgspec.json.decode(files.read(path, 0, LOST_BYTES_MAX), type=DataLoss)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"what was lost does not read: {error}") from error


def note(files: Files, store: str, loss: LostSegment | LostRecords) -> None:
    """Adds to what is lost, durably; a segment that was noted before keeps its note, records are noted anew.

    Raises CorruptionError when what was lost before does not read, NoSpace and StorageError.
    """
    known = read_losses(files, store)
    if isinstance(loss, LostRecords):
        same = (loss.first_lsn, loss.last_lsn)
        others = [each for each in known.records if (each.first_lsn, each.last_lsn) != same]
        known = DataLoss(known.segments, [*others, loss])
    elif loss.segment in {each.segment for each in known.segments}:
        return
    else:
        known = DataLoss([*known.segments, loss], known.records)
    _write(files, store, known)


def acknowledge_losses(files: Files, store: str, now_ms: int) -> DataLoss:
    """Marks all that is lost as known to the operator, durably; a second time changes nothing.

    Raises LockHeld when somebody has the store open, CorruptionError, NoSpace and StorageError.
    """
    lock = lock_directory(files, store)
    try:
        known = read_losses(files, store)
        if known.is_open:
            known = msgspec.structs.replace(known, acknowledged_ms=now_ms)
            _write(files, store, known)
    finally:
        lock.release()
    return known


def _write(files: Files, store: str, losses: DataLoss) -> None:
    write_atomic(files, f"{store}/{LOST}", msgspec.json.format(msgspec.json.encode(losses)))
