"""Where an LSN is given out, and the time of a frame: before anything of it is written."""

from __future__ import annotations

import logging
import time
from time import monotonic_ns
from typing import NamedTuple

from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.lsn import LSN_MAX, Lsn

logger = logging.getLogger(__name__)
CLOCK_JUMP_MS = 1000
"""A clock that goes back by this or more is told, and so is one that goes ahead by CLOCK_AHEAD_MS or more."""
CLOCK_AHEAD_MS = 60_000


class LogPosition(NamedTuple):
    """The LSNs and the time that a group of events gets."""

    first_lsn: Lsn
    last_lsn: Lsn
    time_ms: int
    """Milliseconds since 1970, by this writer's clock, but never less than of the group before."""
    clock_ms: int | None = None
    """What the clock said, if it was less."""


class Sequencer:
    """Numbers the events of one log, one group at a time.

    A group gets its place by ``assign`` and holds it by ``confirm``, once it is durable. Until then no other
    group can get one: what is not confirmed leaves no gap, and the same LSNs are given out again.
    """

    def __init__(self, durable_lsn: Lsn, last_ms: int = 0) -> None:
        """``last_ms`` is the time of the last event that is durable."""
        self._durable_lsn = durable_lsn
        self._last_ms = last_ms
        self._watch = ClockWatch()

    @property
    def durable_lsn(self) -> Lsn:
        """The last event that is durable."""
        return self._durable_lsn

    @property
    def next_lsn(self) -> Lsn:
        """What the next event will get."""
        return Lsn(self._durable_lsn + 1)

    def assign(self, count: int) -> LogPosition:
        """The place of the next ``count`` events; raises Conflict ``too_many_histories`` beyond LSN_MAX."""
        last = Lsn(self._durable_lsn + count)
        if last > LSN_MAX:
            raise Conflict(f"no LSN is left: the greatest is {LSN_MAX}", code="too_many_histories")
        clock_ms = self.now_ms()
        self._watch.look(clock_ms, self._last_ms)
        if clock_ms < self._last_ms:
            return LogPosition(self.next_lsn, last, self._last_ms, clock_ms)
        return LogPosition(self.next_lsn, last, clock_ms)

    def confirm(self, place: LogPosition) -> None:
        """The events of ``place``, which was assigned last, are durable."""
        if place.first_lsn != self.next_lsn:
            raise AssertionError(f"LSN {place.first_lsn} is confirmed after {self._durable_lsn}")
        self._durable_lsn = place.last_lsn
        self._last_ms = place.time_ms

    @property
    def last_ms(self) -> int:
        """The time of the last event that is durable; 0 when that is not known."""
        return self._last_ms

    @property
    def clock_behind_ms(self) -> int:
        """How far the clock is behind the newest record, written while it was ahead; 0 as a rule."""
        return max(0, self._last_ms - self.now_ms())

    @property
    def clock_jumps(self) -> int:
        """How often the clock has jumped, as far as writes met it."""
        return self._watch.jumps

    @staticmethod
    def now_ms() -> int:
        """The clock of the log: milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class ClockWatch:
    """Counts jumps of the clock, and says each once in the program's log."""

    def __init__(self) -> None:
        self.jumps = 0
        """Back by CLOCK_JUMP_MS or more, or ahead by CLOCK_AHEAD_MS or more."""
        self._is_behind = False
        self._seen: tuple[int, int] | None = None
        """What the clock said last, and the monotonic clock then."""

    def look(self, clock_ms: int, last_ms: int) -> None:
        """The clock says ``clock_ms``, and the newest record has the time ``last_ms``."""
        behind_ms, monotonic_ms = last_ms - clock_ms, monotonic_ns() // 1_000_000
        if self._seen is not None:
            ahead_ms = clock_ms - self._seen[0] - (monotonic_ms - self._seen[1])
            if ahead_ms >= CLOCK_AHEAD_MS:
                self.jumps += 1
                logger.warning("the clock went ahead by %.1f s; times of records follow it", ahead_ms / 1000)
        self._seen = clock_ms, monotonic_ms
        if behind_ms >= CLOCK_JUMP_MS and not self._is_behind:
            self.jumps += 1
            logger.warning(
                "the clock is %.1f s behind the newest record: records get its time until the clock "
                "has caught up, and what the clock says beside it",
                behind_ms / 1000,
            )
        elif behind_ms <= 0 and self._is_behind:
            logger.info("the clock has caught up with the newest record")
        self._is_behind = behind_ms >= CLOCK_JUMP_MS or (self._is_behind and behind_ms > 0)
