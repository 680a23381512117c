"""The mapped pages of segments: read ahead of the first search, or held below a bound.

By default neither is done: the system keeps the pages that searches touch for as long as it has room.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal.limits import MIB

LOOK_EVERY_S = 0.5
"""How often the bound is checked; searches may pass it by what they read meanwhile."""
WINDOW_BYTES = 4 * MIB
"""What is released at a time."""
LEFT_SHARE = 0.75
"""Once the bound is passed, pages are released until this share of it is in use."""


class PageCache:
    """Warms new segments, or releases pages one segment after the other, as the options say."""

    def __init__(self, state: State, checkpointer: Checkpointer, options: EngineOptions) -> None:
        self._state = state
        self._checkpointer = checkpointer
        self._options = options
        self._warmed: set[int] = set()
        self._hand = 0

    async def run(self) -> None:
        """Does its work until cancelled; returns at once when there is none."""
        bytes_max = self._options.mapped_bytes_max
        if bytes_max is not None:
            while True:
                await to_thread.run_sync(self.hold_below, list(self._state.segments), bytes_max)
                await anyio.sleep(LOOK_EVERY_S)
        while self._options.warm_mapped:
            changed = self._checkpointer.changed
            await self.warm()
            await changed.wait()

    async def warm(self) -> None:
        """Reads every page of new segments, if the options say so."""
        if not self._options.warm_mapped:
            return
        segments = list(self._state.segments)
        for segment in segments:
            if segment.number not in self._warmed:
                await to_thread.run_sync(segment.native.warm)
        self._warmed = {segment.number for segment in segments}

    def hold_below(self, segments: Sequence[Segment], bytes_max: int) -> None:
        """Releases pages of the segments until they are within the bound, those cached longest first."""
        cached = sum(segment.native.cached_bytes for segment in segments)
        if cached <= bytes_max:
            return
        windows = [
            (segment, start)
            for segment in segments
            for start in range(0, segment.native.mapped_bytes, WINDOW_BYTES)
        ]
        for _ in windows:
            segment, start = windows[self._hand % len(windows)]
            self._hand = (self._hand + 1) % len(windows)
            segment.native.release(start, WINDOW_BYTES)
            if sum(segment.native.cached_bytes for segment in segments) <= LEFT_SHARE * bytes_max:
                return
