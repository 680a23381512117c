"""Claims: a segment is an input of one build at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio

from asteroid_cloud.indexer.segment.segment import Segment


class Claims:
    """The segments that the sealer or the merger is building another of; for the event loop."""

    def __init__(self) -> None:
        self.released = anyio.Event()
        """Set and replaced whenever a build has ended, however it did."""
        self._numbers: set[int] = set()

    @contextmanager
    def hold(self, segments: Sequence[Segment]) -> Iterator[None]:
        """Claims them for as long as the block runs."""
        numbers = {segment.number for segment in segments}
        if numbers & self._numbers:
            raise AssertionError(f"segments {sorted(numbers & self._numbers)} are being built from already")
        self._numbers |= numbers
        try:
            yield
        finally:
            self._numbers -= numbers
            self.released.set()
            self.released = anyio.Event()

    def free(self, segments: Sequence[Segment]) -> list[Segment]:
        """Those that nobody has claimed."""
        return [segment for segment in segments if segment.number not in self._numbers]
