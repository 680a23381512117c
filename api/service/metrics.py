"""The metrics of a server, in the Prometheus text format.

A new figure of the engine is a line in ``_engine_gauges``; a new figure of the process is an attribute of
``Metrics`` and a line in ``render``. Labels have few values, and units are base units.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

import msgspec

from asteroid_cloud.api.service.results import Stats
from asteroid_cloud.wal.append import LogSyncs

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
COLLECTION = "default"
LAG_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.5)


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

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """The histogram as text."""
        running = 0
        comma = "," if labels else ""
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            running += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {running}'
        yield f"{name}_sum{{{labels}}} {self.total}"
        yield f"{name}_count{{{labels}}} {running}"


class Metrics:
    """What is counted in this process; the figures of the engine are added when the text is made."""

    def __init__(self) -> None:
        self.loop_lag = Histogram(LAG_BUCKETS_S)
        self.in_flight = 0
        self._requests: dict[tuple[str, str, str], int] = {}
        self._latencies: dict[tuple[str, str], Histogram] = {}

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request; ``route`` is the template, so that there are few."""
        key = (method, route, f"{status // 100}xx")
        self._requests[key] = self._requests.get(key, 0) + 1
        self._latencies.setdefault((method, route), Histogram(LATENCY_BUCKETS_S)).observe(seconds)

    def render(
        self, stats: Stats | None, memory_bytes: int, recalls: Mapping[str, Histogram] | None = None
    ) -> str:
        """All figures as text; without the engine's while it is not ready."""
        lines = [
            "# HELP asteroid_http_requests_total Requests answered, by status class.",
            "# TYPE asteroid_http_requests_total counter",
        ]
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"asteroid_http_requests_total{{{labels}}} {count}")
        lines.append("# HELP asteroid_http_request_duration_seconds From the first byte in to the last out.")
        lines.append("# TYPE asteroid_http_request_duration_seconds histogram")
        for (method, route), histogram in sorted(self._latencies.items()):
            labels = f'method="{method}",route="{route}"'
            lines += histogram.lines("asteroid_http_request_duration_seconds", labels)
        lines.append("# HELP asteroid_event_loop_lag_seconds How late the event loop woke up a sleeper.")
        lines.append("# TYPE asteroid_event_loop_lag_seconds histogram")
        lines += self.loop_lag.lines("asteroid_event_loop_lag_seconds", "")
        gauges: dict[str, tuple[str, float]] = {
            "http_requests_in_flight": ("Requests being served.", self.in_flight),
            "memory_bytes": ("Anonymous resident memory of the process.", memory_bytes),
        }
        lines += _gauges(gauges)
        if stats is not None:
            lines += _gauges(_engine_gauges(stats))
            lines.append("# HELP asteroid_memory_use_bytes What the memory is used for.")
            lines.append("# TYPE asteroid_memory_use_bytes gauge")
            for name, size in msgspec.structs.asdict(stats.memory).items():
                lines.append(f'asteroid_memory_use_bytes{{of="{name}"}} {size}')
            lines.append("# HELP asteroid_wal_sync_seconds How long syncs of the log took.")
            lines.append("# TYPE asteroid_wal_sync_seconds histogram")
            lines += Histogram.of(stats.log_syncs).lines("asteroid_wal_sync_seconds", "")
            lines.append("# HELP asteroid_clock_jumps_total Jumps of the clock that writes met.")
            lines.append("# TYPE asteroid_clock_jumps_total counter")
            lines.append(f"asteroid_clock_jumps_total {stats.clock_jumps}")
            lines.append("# HELP asteroid_search_recall Of searches that were sampled and repeated exactly.")
            lines.append("# TYPE asteroid_search_recall histogram")
            for plan, histogram in sorted((recalls or {}).items()):
                labels = f'collection="{COLLECTION}",plan="{plan}"'
                lines += histogram.lines("asteroid_search_recall", labels)
            lines.append("# HELP asteroid_build_info What this server was built with and found.")
            lines.append("# TYPE asteroid_build_info gauge")
            lines.append(f'asteroid_build_info{{simd="{stats.kernels}"}} 1')
        return "\n".join(lines) + "\n"


def _engine_gauges(stats: Stats) -> dict[str, tuple[str, float]]:
    return {
        "vectors": ("Living vectors.", stats.vectors),
        "segments": ("Live segments.", stats.segments),
        "segment_bytes": ("Bytes of segment files.", stats.segment_bytes),
        "tombstones": ("Dead rows not merged away yet.", stats.tombstones),
        "rows_lost": ("Rows given up with damaged segments.", stats.rows_lost),
        "records_lost": ("Records of the log given up, as far as known.", stats.records_lost),
        "degraded": ("1 while something given up is not acknowledged.", float(stats.degraded)),
        "tail_rows": ("Rows not in a segment yet.", stats.tail_rows),
        "tail_bytes": ("RAM of those rows.", stats.tail_bytes),
        "wal_bytes": ("Bytes of the log.", stats.log_bytes),
        "wal_last_lsn": ("The newest applied record.", stats.last_lsn),
        "wal_durable_lsn": ("The newest durable record.", stats.durable_lsn),
        "checkpoint_lsn": ("Records up to here are in segments.", stats.checkpoint_lsn),
        "index_lag_records": ("Records not in segments yet.", stats.lag_records),
        "index_lag_seconds": ("Age of the oldest of them.", stats.lag_seconds),
        "clock_behind_seconds": ("How far the clock is behind the log.", stats.clock_behind_ms / 1000),
        "merging": ("1 while a merge runs.", float(stats.merging)),
        "search_recall_low": ("1 while sampled recall is below recall_min.", float(stats.recall_low)),
        "search_ef_default": ("The ef_search of searches that name none.", stats.ef_search_default),
        "memory_budget_bytes": ("Bound on the tail and graphs.", stats.memory_budget_bytes),
    }


def _gauges(values: Mapping[str, tuple[str, float]]) -> Iterator[str]:
    for name, (text, value) in values.items():
        yield f"# HELP asteroid_{name} {text}"
        yield f"# TYPE asteroid_{name} gauge"
        yield f"asteroid_{name} {value:g}" if isinstance(value, float) else f"asteroid_{name} {value}"
