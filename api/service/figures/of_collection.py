"""The figures of one open collection, or of several that share the label ``_other``.

A new figure of the engine is a line in ``GAUGES``, which says how those of several are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from asteroid_cloud.api.limits import COLLECTION_LABELS_MAX
from asteroid_cloud.api.service.figures.histogram import Histogram
from asteroid_cloud.api.service.results import Stats

OTHER = "_other"
"""The label of all collections beyond COLLECTION_LABELS_MAX; no collection can be called so."""

Together = Literal["sum", "max", "none"]
"""What a figure of several collections is; positions in their logs have none."""


class Gauge(NamedTuple):
    """A figure of one collection."""

    text: str
    value: Callable[[Stats], float]
    together: Together = "sum"


GAUGES: dict[str, Gauge] = {
    "vectors": Gauge("Living vectors.", lambda of: of.vectors),
    "rows_without_vector": Gauge("Living rows without a vector.", lambda of: of.without_vector),
    "segments": Gauge("Live segments.", lambda of: of.segments),
    "segment_bytes": Gauge("Bytes of segment files.", lambda of: of.segment_bytes),
    "tombstones": Gauge("Dead rows not merged away yet.", lambda of: of.tombstones),
    "rows_lost": Gauge("Rows given up with damaged segments.", lambda of: of.rows_lost),
    "records_lost": Gauge("Records of the log given up, as far as known.", lambda of: of.records_lost),
    "degraded": Gauge(
        "1 while something given up is not acknowledged.", lambda of: float(of.degraded), "max"
    ),
    "tail_rows": Gauge("Rows not in a segment yet.", lambda of: of.tail_rows),
    "tail_bytes": Gauge("RAM of those rows.", lambda of: of.tail_bytes),
    "wal_bytes": Gauge("Bytes of the log.", lambda of: of.log_bytes),
    "wal_last_lsn": Gauge("The newest applied record.", lambda of: of.last_lsn, "none"),
    "wal_durable_lsn": Gauge("The newest durable record.", lambda of: of.durable_lsn, "none"),
    "checkpoint_lsn": Gauge("Records up to here are in segments.", lambda of: of.checkpoint_lsn, "none"),
    "index_lag_records": Gauge("Records not in segments yet.", lambda of: of.lag_records),
    "index_lag_seconds": Gauge("Age of the oldest of them.", lambda of: of.lag_seconds, "max"),
    "clock_behind_seconds": Gauge(
        "How far the clock is behind the log.", lambda of: of.clock_behind_ms / 1000, "max"
    ),
    "merging": Gauge("1 while a merge runs.", lambda of: float(of.merging), "max"),
    "search_recall_low": Gauge(
        "1 while sampled recall is below recall_min.", lambda of: float(of.recall_low), "max"
    ),
    "search_ef_default": Gauge(
        "The ef_search of searches that name none.", lambda of: of.ef_search_default, "max"
    ),
}


class Figures:
    """What is told under one label."""

    def __init__(self, label: str, stats: Stats, recalls: Mapping[str, Histogram]) -> None:
        self.label = label
        self.clock_jumps = stats.clock_jumps
        self.log_syncs = Histogram.of(stats.log_syncs)
        self.recalls = {plan: _copy(histogram) for plan, histogram in recalls.items()}
        """By how the parts were searched."""
        self.memory: dict[str, int] = msgspec.structs.asdict(stats.memory)
        self.gauges: dict[str, float] = {name: gauge.value(stats) for name, gauge in GAUGES.items()}

    def add(self, other: Figures) -> None:
        """Puts those of another collection to it."""
        self.clock_jumps += other.clock_jumps
        self.log_syncs.add(other.log_syncs)
        for plan, histogram in other.recalls.items():
            self.recalls.setdefault(plan, Histogram(histogram.bounds)).add(histogram)
        self.memory = {name: size + other.memory[name] for name, size in self.memory.items()}
        for name, gauge in GAUGES.items():
            if name not in self.gauges or gauge.together == "none":
                self.gauges.pop(name, None)
            elif gauge.together == "sum":
                self.gauges[name] += other.gauges[name]
            else:
                self.gauges[name] = max(self.gauges[name], other.gauges[name])


def labelled(collections: Sequence[Figures]) -> list[Figures]:
    """At most COLLECTION_LABELS_MAX of them, the first, and all others as one under ``_other``."""
    told, rest = list(collections[:COLLECTION_LABELS_MAX]), collections[COLLECTION_LABELS_MAX:]
    if rest:
        together, *others = rest
        together.label = OTHER
        for name, gauge in GAUGES.items():
            if gauge.together == "none":
                together.gauges.pop(name, None)
        for each in others:
            together.add(each)
        told.append(together)
    return told


def _copy(histogram: Histogram) -> Histogram:
    copied = Histogram(histogram.bounds)
    copied.add(histogram)
    return copied
