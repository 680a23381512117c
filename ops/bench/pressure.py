"""Eight writers and a searcher on one server: how long do the event loop and the searches take?

Writers, searcher and server are a process each and share the machine's cores.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import msgspec
import numpy as np

from asteroid_cloud.client import AsyncClient, Client
from ops.bench import job
from ops.bench.data import Dataset, Vectors
from ops.bench.loading import QUIET
from ops.bench.memory import memory_of
from ops.bench.metrics import LAG, Buckets, between, buckets, fetch, quantile_bound
from ops.bench.results import Pressed
from ops.bench.searching import wait_until_ready
from ops.bench.timing import Timing, timing_of
from ops.bench.workload import BATCH_ROWS, USUAL_BREADTH, K
from ops.server import Server

WRITERS = 8
ROUNDS = 5
"""It lasts this many times as long as another measurement."""
HEALTH_PERIOD_S = 0.01


class Written(msgspec.Struct, frozen=True):
    """What the writers did."""

    rows: int
    seconds: float


def measure(dataset: Dataset, folder: Path, seconds: float) -> Pressed:
    """Starts server and writers, and searches until the writers are done."""
    with Server(folder, *QUIET) as server, Client(base_url=server.url, timeout=120) as client:
        client.create_index(dataset.dim, dataset.metric)
        wait_until_ready(client)
        writers = job.start("write", dataset, folder, seconds * ROUNDS, server.url)
        _wait_for_rows(client, writers)
        before = buckets(fetch(server.url), LAG)
        with _probing(server.url, is_needed=not before) as health_s:
            search = _search_until_ended(client, dataset.query_rows(), writers)
        lag = between(before, buckets(fetch(server.url), LAG))
        written = msgspec.json.decode(job.result_of(writers), type=Written)
        memory = memory_of(server.process.pid)
    rate = written.rows / written.seconds
    return Pressed(WRITERS, written.seconds, rate, search, *_lag_of(lag, health_s), memory)


def _lag_of(lag: Buckets, health_s: list[float]) -> tuple[str, float, float, int]:
    """Where the lag was read, its 99th percentile and maximum in ms, and the number of observations."""
    if lag:
        p99_s, longest_s = quantile_bound(lag, 0.99), quantile_bound(lag, 1.0)
        return f"`{LAG}` in /metrics", p99_s * 1e3, longest_s * 1e3, max(lag.values())
    p99_ms = float(np.percentile(health_s, 99)) * 1e3
    return "round trips of /health, the server has no gauge", p99_ms, max(health_s) * 1e3, len(health_s)


def _wait_for_rows(client: Client, writers: subprocess.Popen[bytes]) -> None:
    """Waits for the first batch: searches of an empty index would be too fast."""
    while client.count() == 0 and writers.poll() is None:
        time.sleep(HEALTH_PERIOD_S)


def _search_until_ended(client: Client, queries: Vectors, writers: subprocess.Popen[bytes]) -> Timing:
    latencies_s: list[float] = []
    began_s = time.perf_counter()
    for vector in cycle(queries):
        call_began_s = time.perf_counter()
        hits = client.search(vector, K, USUAL_BREADTH)
        latencies_s.append(time.perf_counter() - call_began_s)
        assert len(hits) == K, f"a search among the writers' rows found {len(hits)}"
        if writers.poll() is not None:
            break
    return timing_of(latencies_s, time.perf_counter() - began_s)


@contextmanager
def _probing(url: str, *, is_needed: bool) -> Iterator[list[float]]:
    """Round trips of /health in a thread; only if needed, because they are load too."""
    latencies_s: list[float] = []
    ended = threading.Event()
    prober = threading.Thread(target=_probe, args=(url, ended, latencies_s))
    if is_needed:
        prober.start()
    try:
        yield latencies_s
    finally:
        ended.set()
        if is_needed:
            prober.join()


def _probe(url: str, ended: threading.Event, latencies_s: list[float]) -> None:
    with Client(base_url=url) as client:
        while not ended.wait(HEALTH_PERIOD_S) or not latencies_s:
            began_s = time.perf_counter()
            client.health()
            latencies_s.append(time.perf_counter() - began_s)


def write(dataset: Dataset, url: str, seconds: float) -> Written:
    """The process of a writer: it inserts batches with ids of its own until the time is over."""
    return asyncio.run(_write(dataset, url, seconds))


async def _write(dataset: Dataset, url: str, seconds: float) -> Written:
    began_s = time.perf_counter()
    async with AsyncClient(base_url=url, timeout=120) as client:
        counts = await asyncio.gather(
            *(_write_on(client, dataset, writer, began_s + seconds) for writer in range(WRITERS))
        )
    return Written(sum(counts), time.perf_counter() - began_s)


async def _write_on(client: AsyncClient, dataset: Dataset, writer: int, deadline_s: float) -> int:
    items = _endless(dataset, writer)
    rows = 0
    while time.perf_counter() < deadline_s:
        rows += await client.insert_batch(list(islice(items, BATCH_ROWS)), progress=False)
    return rows


def _endless(dataset: Dataset, writer: int) -> Iterator[tuple[int, Vectors]]:
    """The rows of the base, repeated, with ids that no other writer uses."""
    base = dataset.base_rows()
    first = writer * dataset.rows // WRITERS
    places = cycle(range(dataset.rows))
    for number, place in enumerate(islice(places, first, None)):
        yield (writer << 40) + number, np.asarray(base[place])
