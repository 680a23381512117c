"""A bound on the processor time that work in the background takes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 60
SLOT_S = 1


class TimeBudget:
    """At most ``share`` of one processor within any ``WINDOW_S`` seconds, if estimates are right.

    What was spent is kept by the second, so it takes little memory however often something is spent.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.whole_s = share * WINDOW_S
        """All that may be spent within a window."""
        self._clock = clock
        self._slots: deque[tuple[float, float]] = deque()
        self._spent_s = 0.0
        self._lock = threading.Lock()

    def left_s(self) -> float:
        """What may be spent now; less than 0 when the last work took longer than was estimated."""
        with self._lock:
            self._forget(self._clock())
            return self.whole_s - self._spent_s

    def spend(self, seconds: float) -> None:
        """Counts time that was spent until now."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            self._spent_s += seconds
            if self._slots and now < self._slots[-1][0] + SLOT_S:
                began, before = self._slots.pop()
                self._slots.append((began, before + seconds))
            else:
                self._slots.append((now, seconds))

    def _forget(self, now: float) -> None:
        """Drops slots that have left the window as a whole."""
        while self._slots and self._slots[0][0] + SLOT_S <= now - WINDOW_S:
            self._spent_s -= self._slots.popleft()[1]
        if not self._slots:
            self._spent_s = 0.0  # without what rounding left
