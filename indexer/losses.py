"""What a store has lost, and says so for as long as its operator has not dealt with it: ``lost.json``."""

from __future__ import annotations

from typing import Literal

import msgspec

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.files import Files
from asteroid_cloud.wal.limits import MIB

RecoveryMode = Literal["strict", "tail", "salvage"]
LOST = "lost.json"
LOST_BYTES_MAX = 64 * MIB
UNFINISHED = ".new"


class LostSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was given up, with rows that were nowhere else."""

    segment: int
    rows: int
    """Living rows as of ``lsn``."""
    lsn: int
    reason: str
    kept: list[str]
    """What is left of its files, in the folder of the index."""
    time_ms: int
    """When it was given up, in milliseconds since 1970."""


class LostRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Records that a repair of the log gave up."""

    first_lsn: int
    last_lsn: int
    kept: list[str]
    time_ms: int


class Losses(msgspec.Struct, frozen=True):
    """What a store has lost; its operator removes the file that says so once it has been dealt with."""

    segments: list[LostSegment] = []
    records: list[LostRecords] = []

    @property
    def rows(self) -> int:
        """Living rows that were lost with segments."""
        return sum(each.rows for each in self.segments)

    def __bool__(self) -> bool:
        return bool(self.segments or self.records)


def read_losses(files: Files, store: str) -> Losses:
    """What is known to be lost; raises CorruptionError when that does not read."""
    path = f"{store}/{LOST}"
    if not files.exists(path):
        return Losses()
    try:
        return msgspec.json.decode(files.read(path, 0, LOST_BYTES_MAX), type=Losses)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"what was lost does not read: {error}") from error


def note(files: Files, store: str, loss: LostSegment | LostRecords) -> None:
    """Adds to what is lost, durably; a segment that was noted before keeps its note."""
    known = read_losses(files, store)
    if isinstance(loss, LostRecords):
        known = Losses(known.segments, [*known.records, loss])
    elif loss.segment in {each.segment for each in known.segments}:
        return
    else:
        known = Losses([*known.segments, loss], known.records)
    path = f"{store}/{LOST}"
    if files.exists(path + UNFINISHED):
        files.remove(path + UNFINISHED)
    file = files.create(path + UNFINISHED)
    try:
        file.write(msgspec.json.format(msgspec.json.encode(known)))
        file.sync()
    finally:
        file.close()
    files.rename(path + UNFINISHED, path)
    files.sync_dir(store)
