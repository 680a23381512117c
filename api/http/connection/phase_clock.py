"""The deadline of what a connection waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asteroid_cloud.api.http.connection.rules import SECONDS_MAX, Phase


class PhaseClock:
    """Knows the phase of a connection, and rings once when that has taken too long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self.phase = Phase.OPENING
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, phase: Phase) -> None:
        """Another phase begins."""
        self.stop()
        self.phase = phase
        seconds = SECONDS_MAX.get(phase)
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._ring)

    def stop(self) -> None:
        """Nothing is waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
