"""Histograms in the Prometheus text format."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from asteroid_cloud.wal.append import LogSyncs


class Histogram:
    """Counts of observations by upper bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    @classmethod
    def of(cls, syncs: LogSyncs) -> Histogram:
        """What was counted elsewhere."""
        self = cls(syncs.bounds_s)
        self.counts, self.total = list(syncs.counts), syncs.total_s
        return self

    def observe(self, value: float) -> None:
        """Counts one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Counts what another one with the same bounds has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """The histogram as text."""
        running = 0
        comma = "," if labels else ""
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            running += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {running}'
        yield f"{name}_sum{{{labels}}} {self.total}"
        yield f"{name}_count{{{labels}}} {running}"
