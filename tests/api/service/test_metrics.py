"""The figures: a text that scrapers can read, labels that stay few, and the lag of the event loop."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http import loop_lag
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.figures.histogram import Histogram
from asteroid_cloud.api.service.metrics import LAG_BUCKETS_S, Metrics, ProcessFigures
from asteroid_cloud.wal.append.sequencer import Sequencer
from tests.support.asgi import app_over, ask, routes_of

pytestmark = pytest.mark.anyio

NAME = r"[a-z_][a-z0-9_]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{NAME}="[^"\n]*",?)*)\}})? (\S+)')
LABEL = re.compile(rf'({NAME})="([^"\n]*)"')

DEFAULT = (("collection", "default"),)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with api.open(tmp_path / "data", dim=2) as store:
        yield store


@pytest.fixture
def gate(store: Store) -> RequestGuard:
    """The application over it."""
    return app_over(Settings(data=store.path), store)


def parsed(text: str) -> Samples:
    """The samples, each of which must be well-formed, unique, and of a family whose type is told before."""
    samples: Samples = {}
    types: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, f"{name} has two types"
            types[name] = kind
            continue
        if line.startswith("# HELP "):
            assert len(line.split(maxsplit=3)) == 4
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        family = re.sub("_(bucket|sum|count)$", "", found[1]) if found[1] not in types else found[1]
        assert family in types, line
        assert family.startswith("asteroid_")
        assert (types[family] == "counter") == family.endswith("_total")
        key = found[1], tuple(sorted(LABEL.findall(found[2] or "")))
        assert key not in samples, f"{line} stands twice"
        samples[key] = float(found[3])
    check_histograms(samples, {name for name, kind in types.items() if kind == "histogram"})
    return samples


def check_histograms(samples: Samples, names: set[str]) -> None:
    """Buckets must grow up to the count."""
    assert names
    for name in names:
        series: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
        for (sample, labels), value in samples.items():
            if sample == f"{name}_bucket":
                rest = tuple(label for label in labels if label[0] != "le")
                series.setdefault(rest, {})[float(dict(labels)["le"])] = value
        for rest, buckets in series.items():
            values = [buckets[bound] for bound in sorted(buckets)]
            assert values == sorted(values)
            assert max(buckets) == math.inf
            assert values[-1] == samples[f"{name}_count", rest]
            assert samples[f"{name}_sum", rest] >= 0


async def figures(gate: RequestGuard) -> Samples:
    """What a scraper reads now."""
    answer = await ask(gate, "GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.body.decode())


def test_an_observation_is_in_its_bucket_and_those_above() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 2.0):
        histogram.observe(value)
    assert list(histogram.lines("x", "")) == [
        'x_bucket{le="0.1"} 2',
        'x_bucket{le="1.0"} 3',
        'x_bucket{le="+Inf"} 4',
        *(line for line in histogram.lines("x", "") if line.startswith("x_sum")),
        *(line for line in histogram.lines("x", "") if line.startswith("x_count")),
    ]
    assert histogram.total == pytest.approx(2.65)


def test_figures_before_there_is_an_engine() -> None:
    samples = parsed(Metrics().render(ProcessFigures(123, 456, 7, 0, "avx2"), []))
    assert samples["asteroid_memory_bytes", ()] == 123
    assert samples["asteroid_memory_budget_bytes", ()] == 456
    assert samples["asteroid_collections", ()] == 7
    assert samples["asteroid_collections_open", ()] == 0
    assert not any(name == "asteroid_vectors" for name, _ in samples)


async def test_row_5_jumps_of_the_clock_are_told(
    gate: RequestGuard, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = Sequencer.now_ms()
    monkeypatch.setattr(Sequencer, "now_ms", staticmethod(lambda: now_ms))
    await store.insert(1, [0.0, 0.0])
    now_ms -= 90_000
    assert (await store.stats()).clock_jumps == 0
    await store.insert(2, [0.0, 0.0])
    told = json.loads((await ask(gate, "GET", "/v1/stats")).body)
    assert (told["clock_behind_ms"], told["clock_jumps"]) == (90_000, 1)
    samples = await figures(gate)
    assert samples["asteroid_clock_behind_seconds", DEFAULT] == 90
    assert samples["asteroid_clock_jumps_total", DEFAULT] == 1


async def test_each_sync_of_the_log_is_in_the_histogram(gate: RequestGuard, store: Store) -> None:
    before = await figures(gate)
    await store.insert(1, [0.0, 0.0])
    after, told = await figures(gate), json.loads((await ask(gate, "GET", "/v1/stats")).body)["log_syncs"]
    count, total = ("asteroid_wal_sync_seconds_count", DEFAULT), ("asteroid_wal_sync_seconds_sum", DEFAULT)
    assert after[count] == before[count] + 1 == sum(told["counts"])
    assert after[total] == told["total_s"] > before[total]
    assert 0 < told["longest_s"] <= told["total_s"]
    assert len(told["counts"]) == len(told["bounds_s"]) + 1


async def test_the_figures_of_the_engine(gate: RequestGuard, store: Store) -> None:
    await store.insert_batch([(id, [float(id), 0.0]) for id in range(5)])
    await store.delete(3)
    samples = await figures(gate)
    assert samples["asteroid_vectors", DEFAULT] == 4
    assert samples["asteroid_wal_last_lsn", DEFAULT] == samples["asteroid_wal_durable_lsn", DEFAULT] > 0
    assert samples["asteroid_index_lag_records", DEFAULT] > 0
    assert samples["asteroid_memory_bytes", ()] > 1_000_000
    assert samples["asteroid_wal_bytes", DEFAULT] > 0
    assert samples["asteroid_http_requests_in_flight", ()] == 1
    assert any(name == "asteroid_build_info" for name, _ in samples)


async def test_every_request_counts_once_under_its_template(gate: RequestGuard) -> None:
    await ask(gate, "POST", "/v1/vectors", [b'{"id":1,"vector":[1,2]}'])
    for id in range(20):
        await ask(gate, "GET", f"/v1/vectors/{id}")
    await ask(gate, "GET", "/v1/vectors/nonsense")
    samples = await figures(gate)
    counted = {
        (dict(labels)["method"], dict(labels)["route"], dict(labels)["status"]): value
        for (name, labels), value in samples.items()
        if name == "asteroid_http_requests_total"
    }
    assert counted == {
        ("POST", "/v1/vectors", "2xx"): 1,
        ("GET", "/v1/vectors/{id}", "2xx"): 1,
        ("GET", "/v1/vectors/{id}", "4xx"): 20,
    }
    latencies = [value for (name, _), value in samples.items() if name.endswith("duration_seconds_count")]
    assert sum(latencies) == 22


async def test_labels_stay_few_whatever_is_asked(gate: RequestGuard) -> None:
    for number in range(300):
        await ask(gate, "GET", f"/nowhere/{number}")
        await ask(gate, "GET", f"/docs/assets/{number}")
        await ask(gate, "GET", f"/{number}")
        await ask(gate, "OPTIONS", f"/v1/vectors/{number}")
        await ask(gate, "GET", f'/"}}\n{number}')
    for method, path in routes_of(gate):
        for number in range(3):
            await ask(gate, method, path.replace("/1", f"/{number}"))
    samples = await figures(gate)
    routes = {dict(labels).get("route") for _, labels in samples}
    assert len(routes) <= len({path for _, path in routes_of(gate)}) + 3
    names = Counter(name for name, _ in samples)
    assert names["asteroid_http_requests_total"] < 100


async def test_bugs_and_refusals_are_counted(gate: RequestGuard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asteroid_cloud.api.routes.health.anonymous_bytes", lambda: 1 / 0)
    assert (await ask(gate, "GET", "/metrics")).status == 500
    monkeypatch.undo()
    key = ("asteroid_http_requests_total", (("method", "GET"), ("route", "/metrics"), ("status", "5xx")))
    assert (await figures(gate))[key] == 1


async def test_a_blocked_event_loop_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0

    class Clock:
        @staticmethod
        def perf_counter() -> float:
            return now_s

    async def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds + 0.04  # woken up 40 ms late
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(loop_lag, "time", Clock)
    monkeypatch.setattr("asteroid_cloud.api.http.loop_lag.anyio.sleep", sleep)
    lag = Histogram(LAG_BUCKETS_S)
    async with anyio.create_task_group() as group:
        group.start_soon(loop_lag.watch, lag)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    seen = sum(lag.counts)
    assert seen > 1
    assert lag.counts[LAG_BUCKETS_S.index(0.05)] == seen
    assert lag.total == pytest.approx(0.04 * seen)
