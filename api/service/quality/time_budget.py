"""A bound on the time that work in the background takes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 60
SLOT_S = 1


class TimeBudget:
    """At most ``share`` of the time within any ``WINDOW_S`` seconds, as far as estimates are right.

    Work that took longer than was estimated is a debt that is paid before the next: in the long run the share
    holds whatever was estimated. What was spent is kept by the second, which takes little memory.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.whole_s = share * WINDOW_S
        """All that may be spent within a window."""
        self._share = share
        self._clock = clock
        self._slots: deque[tuple[float, float]] = deque()
        self._spent_s = 0.0
        """Within the window."""
        self._saved_s = self.whole_s
        """What was not spent, a whole window's at most; less than 0 is a debt."""
        self._counted_at = clock()
        self._lock = threading.Lock()

    def left_s(self) -> float:
        """What may be spent now; less than 0 while there is a debt."""
        with self._lock:
            self._come_to(self._clock())
            return min(self.whole_s - self._spent_s, self._saved_s)

    def spend(self, seconds: float) -> None:
        """Counts time that was spent until now."""
        with self._lock:
            now = self._clock()
            self._come_to(now)
            self._spent_s += seconds
            self._saved_s -= seconds
            if self._slots and now < self._slots[-1][0] + SLOT_S:
                began, before = self._slots.pop()
                self._slots.append((began, before + seconds))
            else:
                self._slots.append((now, seconds))

    def _come_to(self, now: float) -> None:
        """Saves up to now, and drops slots that have left the window as a whole."""
        self._saved_s = min(self.whole_s, self._saved_s + self._share * (now - self._counted_at))
        self._counted_at = now
        while self._slots and self._slots[0][0] + SLOT_S <= now - WINDOW_S:
            self._spent_s -= self._slots.popleft()[1]
        if not self._slots:
            self._spent_s = 0.0  # without what rounding left
