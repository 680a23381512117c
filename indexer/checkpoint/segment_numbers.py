"""Numbers of segments: each is given out once, and it is known which of them are being built."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from asteroid_cloud.indexer.segment.paths import segment_number
from asteroid_cloud.wal.disk import Files


class SegmentNumbers:
    """Gives numbers out, on any thread: bulk loads take theirs from a worker."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._in_flight: frozenset[int] = frozenset()
        self._lock = threading.Lock()

    @contextmanager
    def begun(self) -> Iterator[int]:
        """A number for a segment under construction, whose files nobody removes meanwhile."""
        with self._lock:
            number = self._next
            self._next += 1
            self._in_flight = self._in_flight | {number}
        try:
            yield number
        finally:
            with self._lock:
                self._in_flight = self._in_flight - {number}

    @property
    def next(self) -> int:
        """The number of the segment that is begun next."""
        return self._next

    def seen(self) -> tuple[int, frozenset[int]]:
        """The next number, and those under construction, as of one moment."""
        with self._lock:
            return self._next, self._in_flight


def first_free_number(files: Files, folder: str) -> int:
    """A number that no segment in the folder of an index has, nor any after it."""
    names = files.list(folder) if files.exists(folder) else []
    return 1 + max((segment_number(name) or 0 for name in names), default=0)
