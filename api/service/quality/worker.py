"""One thread of low priority that does small jobs in the background, and takes few at a time."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from asteroid_cloud.indexer.maintenance import lower_priority

logger = logging.getLogger(__name__)

J = TypeVar("J")

IDLE_S = 10.0
"""Time without a job after which the thread ends."""


class Worker(Generic[J]):
    """Does jobs in the order in which they came.

    Its thread begins with a job and ends with ``close``, or when no job came for ``idle_s``.
    """

    def __init__(
        self, name: str, work: Callable[[J], None], waiting_max: int, idle_s: float = IDLE_S
    ) -> None:
        self._name = name
        self._work = work
        self._waiting_max = waiting_max
        self._idle_s = idle_s
        self._waiting: deque[J] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a thread."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def offer(self, job: J) -> bool:
        """Takes the job, unless as many are waiting as may be; from any thread, in microseconds."""
        with self._changed:
            if self._is_closed or len(self._waiting) >= self._waiting_max:
                return False
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()
            return True

    def close(self) -> None:
        """Drops what waits, and returns once the job under way is done and the thread has ended."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        lower_priority()
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Waits for a job and does it; False when the thread is to end. No job outlives the call."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed, self._idle_s)
            if self._is_closed or not self._waiting:
                self._thread = None
                return False
            job = self._waiting.popleft()
        try:
            self._work(job)
        except Exception:  # whatever it is, the next job may succeed
            logger.exception("a job of %s failed", self._name)
        return True
