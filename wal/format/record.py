"""A record: one event in its place in the log."""

from __future__ import annotations

import msgspec

from asteroid_cloud.wal.format.events import Event, RequestKey
from asteroid_cloud.wal.lsn import Lsn


class Record(msgspec.Struct, frozen=True):
    """One event in its place: its number, and when it was logged (milliseconds since 1970, UTC)."""

    lsn: Lsn
    time_ms: int
    """Never less than that of the record before it."""
    event: Event
    clock_ms: int | None = None
    """What the writer's clock said, when that was less than ``time_ms``."""
    request: RequestKey | None = None
    """The request that it belongs to, when that had a key."""
