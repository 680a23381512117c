"""What is found in each file of a log that is gone through to its end, and in all of them together."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from asteroid_cloud.wal.histories import Branch
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import Damage
from asteroid_cloud.wal.read.log_walk import gap_between


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
    """An unacknowledged write at the end: the next start cuts it, unless it is being written now."""
    damage: Damage | None = None
    trimmed: bool = False
    """The file was trimmed after the folder was listed, and so were all before it."""


class LogCheck(msgspec.Struct, frozen=True):
    """The files of a log, oldest first, after all of them were gone through."""

    files: list[FileState]
    branches: tuple[Branch, ...] = ()
    """The histories that the log begins, ascending."""

    @property
    def damage(self) -> list[Damage]:
        """All that is wrong: damage in files, then gaps between them. A torn tail is no damage."""
        inside = [state.damage for state in self.files if state.damage is not None]
        gaps = [
            gap_between(before.path, before.bytes, before.last_lsn, after.first_lsn)
            for before, after in pairwise(self.files)
            if before.damage is None
        ]
        return [*inside, *(gap for gap in gaps if gap is not None)]

    @property
    def torn_tail(self) -> Damage | None:
        """The torn write at the end of the newest file, if there is one."""
        return self.files[-1].torn

    @property
    def records(self) -> int:
        """Whole records in all files."""
        return sum(state.records for state in self.files)

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(state.bytes for state in self.files)

    @property
    def first_lsn(self) -> Lsn:
        """The first record of the oldest file."""
        return self.files[0].first_lsn

    @property
    def last_lsn(self) -> Lsn:
        """The last record of the newest file."""
        return self.files[-1].last_lsn
