"""Where an LSN is given out, and the time of a frame: before anything of it is written."""

from __future__ import annotations

import time
from typing import NamedTuple

from asteroid_cloud.wal.lsn import Lsn


class LogPosition(NamedTuple):
    """The LSNs and the time that a group of events gets."""

    first_lsn: Lsn
    last_lsn: Lsn
    time_ms: int
    """Milliseconds since 1970, by this writer's clock."""


class Sequencer:
    """Numbers the events of one log, one group at a time.

    A group gets its place by ``assign`` and holds it by ``confirm``, once it is durable. Until then no other
    group can get one: what is not confirmed leaves no gap, and the same LSNs are given out again.
    """

    def __init__(self, durable_lsn: Lsn) -> None:
        self._durable_lsn = durable_lsn

    @property
    def durable_lsn(self) -> Lsn:
        """The last event that is durable."""
        return self._durable_lsn

    @property
    def next_lsn(self) -> Lsn:
        """What the next event will get."""
        return Lsn(self._durable_lsn + 1)

    def assign(self, count: int) -> LogPosition:
        """The place of the next ``count`` events."""
        return LogPosition(self.next_lsn, Lsn(self._durable_lsn + count), self.now_ms())

    def confirm(self, place: LogPosition) -> None:
        """The events of ``place``, which was assigned last, are durable."""
        if place.first_lsn != self.next_lsn:
            raise AssertionError(f"LSN {place.first_lsn} is confirmed after {self._durable_lsn}")
        self._durable_lsn = place.last_lsn

    @staticmethod
    def now_ms() -> int:
        """The clock of the log: milliseconds since 1970."""
        return time.time_ns() // 1_000_000
