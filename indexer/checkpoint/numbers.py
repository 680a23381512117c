"""Numbers of segments: each is given once, and who builds one is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SegmentNumbers:
    """Gives numbers, on any thread: bulk loads take theirs from a worker."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._in_flight: frozenset[int] = frozenset()
        self._turn = threading.Lock()

    @contextmanager
    def begun(self) -> Iterator[int]:
        """A number for a segment under construction, whose files nobody removes meanwhile."""
        with self._turn:
            number = self._next
            self._next += 1
            self._in_flight = self._in_flight | {number}
        try:
            yield number
        finally:
            with self._turn:
                self._in_flight = self._in_flight - {number}

    @property
    def next(self) -> int:
        """The number of the segment that is begun next."""
        return self._next

    def seen(self) -> tuple[int, frozenset[int]]:
        """The next number, and those under construction, as of one moment."""
        with self._turn:
            return self._next, self._in_flight
