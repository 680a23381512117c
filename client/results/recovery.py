"""What a server reports about the opening of its store."""

from __future__ import annotations

import msgspec

from asteroid_cloud.client.results.answer import Answer


class LostSegment(Answer, frozen=True):
    """A damaged part of the index that was given up, with rows that were nowhere else."""

    segment: int
    rows: int
    lsn: int
    """The rows were alive as of this record."""
    least_id: int | str | None
    """Of the rows; None when the ids could not be read any more."""
    greatest_id: int | str | None
    reason: str
    kept: list[str]
    time_ms: int
    """When it was given up, in milliseconds since 1970."""


class LostRecords(Answer, frozen=True):
    """Writes that were given up with a damaged part of the log."""

    first_lsn: int
    last_lsn: int | None
    """None when nothing says whether there were any."""
    kept: list[str]
    time_ms: int
    """When they were given up, in milliseconds since 1970."""


class DataLoss(Answer, frozen=True):
    """What a store has lost since it was made; empty as a rule."""

    segments: list[LostSegment] = msgspec.field(default_factory=list)
    records: list[LostRecords] = msgspec.field(default_factory=list)
    acknowledged_ms: int | None = None
    """When the operator took note of it, in milliseconds since 1970."""
    evidence_purged_ms: int | None = None
    """When a purge removed evidence of it, in milliseconds since 1970."""


class Recovery(Answer, frozen=True):
    """What the server found when it opened the store."""

    checkpoint_lsn: int
    segments: int
    segment_rows: int
    log_first_lsn: int
    durable_lsn: int
    records_replayed: int
    bytes_cut: int
    """Of a torn write at the end of the log, which was never acknowledged."""
    cut_from: str | None
    cut_offset: int | None
    cut_reason: str | None
    kept_as: str | None
    checking_s: float
    replaying_s: float
    mode: str = "tail"
    """What the server was allowed to do: "strict", "tail" or "salvage"."""
    mended: list[str] = msgspec.field(default_factory=list)
    """What was damaged and could be repaired, one sentence each."""
    losses: DataLoss = DataLoss()
    lsn: int = 0
