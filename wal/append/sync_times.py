"""How long the syncs of a log take: every write waits for one."""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

logger = logging.getLogger(__name__)
SLOW_SYNC_S = 1.0
"""A sync that takes this long is logged, unless another bound is chosen."""
SYNC_BUCKETS_S = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
)


class LogSyncs(msgspec.Struct, frozen=True):
    """The syncs of a log since it was opened; those that failed count too."""

    bounds_s: tuple[float, ...] = SYNC_BUCKETS_S
    """Upper bounds of the classes, in seconds."""
    counts: tuple[int, ...] = (0,) * (len(SYNC_BUCKETS_S) + 1)
    """Syncs of each class, those of the one before left out; the last class has no bound."""
    total_s: float = 0.0
    longest_s: float = 0.0


class SyncTimes:
    """Times syncs, one at a time; ``report`` may be called on any thread meanwhile."""

    def __init__(self, slow_s: float = SLOW_SYNC_S) -> None:
        """A sync that takes ``slow_s`` or longer is logged."""
        self._slow_s = slow_s
        self._report = LogSyncs()

    @property
    def report(self) -> LogSyncs:
        """All syncs until now."""
        return self._report

    @contextmanager
    def timed(self, path: str) -> Iterator[None]:
        """Times the block, which syncs ``path``."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.observe(path, time.perf_counter() - began_s)

    def observe(self, path: str, seconds: float) -> None:
        """One sync of ``path`` took so long."""
        before = self._report
        counts = list(before.counts)
        counts[bisect_left(before.bounds_s, seconds)] += 1
        self._report = LogSyncs(
            before.bounds_s, tuple(counts), before.total_s + seconds, max(before.longest_s, seconds)
        )
        if seconds >= self._slow_s:
            logger.warning("a sync of %s took %.3f s: writes wait for the disk", path, seconds)
