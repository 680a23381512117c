"""What a store has lost to damage. Data only: ``recovery`` records it, and decides what is given up."""

from __future__ import annotations

from typing import Literal

import msgspec

RecoveryMode = Literal["strict", "tail", "salvage"]


class LostSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was given up, with rows that were nowhere else."""

    segment: int
    rows: int
    """Living rows as of ``lsn``."""
    lsn: int
    least_id: int | str | None
    """Of the living rows; None when the ids could not be read any more."""
    greatest_id: int | str | None
    reason: str
    kept: list[str]
    """What is left of its files, in the folder of the index."""
    time_ms: int
    """When it was given up, in milliseconds since 1970."""


class LostRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Records that a repair of the log gave up."""

    first_lsn: int
    last_lsn: int | None
    """The last record that is known to have existed; None when nothing says whether there were any."""
    kept: list[str]
    """Copies of what was removed, in the folder of the log."""
    time_ms: int
    """When they were given up, in milliseconds since 1970."""


class DataLoss(msgspec.Struct, frozen=True):
    """What a store has lost since it was created."""

    segments: list[LostSegment] = []
    records: list[LostRecords] = []
    acknowledged_ms: int | None = None
    """When its operator acknowledged all this, in milliseconds since 1970; None until then."""
    evidence_purged_ms: int | None = None
    """When a purge last removed evidence of it, in milliseconds since 1970: what ``kept`` names no more."""

    @property
    def rows(self) -> int:
        """Living rows that were lost with segments."""
        return sum(each.rows for each in self.segments)

    @property
    def records_known(self) -> int:
        """Records that were lost and are known to have existed."""
        return sum(each.last_lsn - each.first_lsn + 1 for each in self.records if each.last_lsn is not None)

    def __str__(self) -> str:
        ranges = [
            f"{each.first_lsn} to {each.last_lsn}"
            if each.last_lsn is not None
            else f"{each.first_lsn} on, if there were any"
            for each in self.records
        ]
        parts = [f"{self.rows} rows in {len(self.segments)} segments"] if self.segments else []
        return " and ".join([*parts, *(f"records {each}" for each in ranges)]) or "nothing"

    @property
    def kept(self) -> list[str]:
        """The names of all evidence, in the folders of the index and of the log."""
        kept = [*(each.kept for each in self.segments), *(each.kept for each in self.records)]
        return [name for names in kept for name in names]

    @property
    def is_open(self) -> bool:
        """Whether something is lost that nobody has acknowledged: the store is degraded."""
        return bool(self.segments or self.records) and self.acknowledged_ms is None
