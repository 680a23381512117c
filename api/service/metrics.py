"""The metrics of a server, in the Prometheus text format.

A new figure of the process is an attribute of ``Metrics`` and a line in ``render``; those of a collection are
in ``figures``. Labels have few values, and units are base units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from asteroid_cloud.api.service.figures.histogram import Histogram
from asteroid_cloud.api.service.figures.of_collection import GAUGES, Figures, labelled

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LAG_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.5)


class ProcessFigures(msgspec.Struct, frozen=True):
    """What the process has in common for all its collections."""

    memory_bytes: int
    memory_budget_bytes: int
    collections: int
    collections_open: int
    kernels: str


class Metrics:
    """What is counted in this process; the figures of collections are added when the text is made."""

    def __init__(self) -> None:
        self.loop_lag = Histogram(LAG_BUCKETS_S)
        self.in_flight = 0
        self._requests: dict[tuple[str, str, str], int] = {}
        self._latencies: dict[tuple[str, str], Histogram] = {}

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request; ``route`` is the template, so that there are few."""
        key = (method, route, f"{status // 100}xx")
        self._requests[key] = self._requests.get(key, 0) + 1
        latency = self._latencies.get((method, route))
        if latency is None:
            latency = self._latencies[method, route] = Histogram(LATENCY_BUCKETS_S)
        latency.observe(seconds)

    def render(self, process: ProcessFigures, collections: Sequence[Figures]) -> str:
        """All figures as text; ``collections`` are those that are open and ready, the most telling first."""
        lines = [*self._of_requests(), *_of_process(process, self.in_flight)]
        if collections:
            lines += _of_collections(labelled(collections))
        return "\n".join(lines) + "\n"

    def _of_requests(self) -> Iterator[str]:
        yield from _family("http_requests_total", "counter", "Requests answered, by status class.")
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            yield f"asteroid_http_requests_total{{{labels}}} {count}"
        name = "http_request_duration_seconds"
        yield from _family(name, "histogram", "From the first byte in to the last out.")
        for (method, route), histogram in sorted(self._latencies.items()):
            yield from histogram.lines(f"asteroid_{name}", f'method="{method}",route="{route}"')
        yield from _family("event_loop_lag_seconds", "histogram", "How late the event loop woke up.")
        yield from self.loop_lag.lines("asteroid_event_loop_lag_seconds", "")


def _of_process(process: ProcessFigures, in_flight: int) -> Iterator[str]:
    gauges: Mapping[str, tuple[str, float]] = {
        "http_requests_in_flight": ("Requests being served.", in_flight),
        "memory_bytes": ("Anonymous resident memory of the process.", process.memory_bytes),
        "memory_budget_bytes": ("Bound on the tails and graphs of all.", process.memory_budget_bytes),
        "collections": ("Collections that there are.", process.collections),
        "collections_open": ("Of these, those that are open.", process.collections_open),
    }
    for name, (text, value) in gauges.items():
        yield from _family(name, "gauge", text)
        yield f"asteroid_{name} {value}"
    yield from _family("build_info", "gauge", "What this server was built with and found.")
    yield f'asteroid_build_info{{simd="{process.kernels}"}} 1'


def _of_collections(collections: Sequence[Figures]) -> Iterator[str]:
    for name, gauge in GAUGES.items():
        yield from _family(name, "gauge", gauge.text)
        for each in collections:
            if (value := each.gauges.get(name)) is not None:
                shown = f"{value:g}" if isinstance(value, float) else f"{value}"
                yield f'asteroid_{name}{{collection="{each.label}"}} {shown}'
    yield from _family("memory_use_bytes", "gauge", "What the memory is used for.")
    for each in collections:
        for name, size in each.memory.items():
            yield f'asteroid_memory_use_bytes{{collection="{each.label}",of="{name}"}} {size}'
    yield from _family("wal_sync_seconds", "histogram", "How long syncs of the log took.")
    for each in collections:
        yield from each.log_syncs.lines("asteroid_wal_sync_seconds", f'collection="{each.label}"')
    yield from _family("clock_jumps_total", "counter", "Jumps of the clock that writes met.")
    for each in collections:
        yield f'asteroid_clock_jumps_total{{collection="{each.label}"}} {each.clock_jumps}'
    yield from _family("search_recall", "histogram", "Of searches that were sampled and repeated exactly.")
    for each in collections:
        for plan, histogram in sorted(each.recalls.items()):
            labels = f'collection="{each.label}",plan="{plan}"'
            yield from histogram.lines("asteroid_search_recall", labels)


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP asteroid_{name} {text}"
    yield f"# TYPE asteroid_{name} {kind}"
