"""What may go on at the same time in all open indexes of one store, as each takes memory or a thread."""

from __future__ import annotations

import anyio

from asteroid_cloud.indexer.limits import (
    APPLY_THREADS_MAX,
    BULK_LOADS_MAX,
    FEED_THREADS_MAX,
    FEEDS_MAX,
    LOG_THREADS_MAX,
)
from asteroid_cloud.wal.errors import Overloaded


class SharedLimits:
    """For one event loop."""

    def __init__(self) -> None:
        self.bulk_loads = anyio.Semaphore(BULK_LOADS_MAX, fast_acquire=True)
        """Places for open bulk loads."""
        self.log_threads = anyio.Semaphore(LOG_THREADS_MAX, fast_acquire=True)
        """Places for logs that write and sync."""
        self.apply_threads = anyio.Semaphore(APPLY_THREADS_MAX, fast_acquire=True)
        """Places for indexes that apply records."""
        self.feed_threads = anyio.CapacityLimiter(FEED_THREADS_MAX)
        """Threads that read logs for change feeds."""
        self.feeds = 0
        """Change feeds that are open."""

    def open_feed(self) -> None:
        """Counts one more; raises Overloaded ``too_many_feeds`` beyond FEEDS_MAX."""
        if self.feeds >= FEEDS_MAX:
            raise Overloaded(f"{FEEDS_MAX} change feeds are open already", code="too_many_feeds")
        self.feeds += 1

    def close_feed(self) -> None:
        """Counts one less."""
        self.feeds -= 1
