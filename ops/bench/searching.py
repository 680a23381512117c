"""Recall and queries a second, with and without filters, by three ways of calling."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
from anyio.from_thread import start_blocking_portal

import asteroid_cloud.api as api
from asteroid_cloud import query
from asteroid_cloud.client import Client
from asteroid_cloud.indexer import Engine, Snapshot
from ops.bench.data import Dataset, Vectors
from ops.bench.loading import QUIET
from ops.bench.memory import Memory, memory_of
from ops.bench.results import Point, Searched
from ops.bench.timing import repeat
from ops.bench.truth import Truth, nearest, recall
from ops.bench.workload import FIRST_SEARCHES, USUAL_BREADTH, K
from ops.server import Server

BREADTHS = (16, 32, 64, 128, 256, 512)
BELOW = (500, 100, 10, 1)
"""The filters: r < 500, …; with r uniform in 0 … 999 half of all rows match, a tenth, …"""

Search = Callable[[Vectors, int, dict[str, object] | None], list[int]]
"""Ids of the K nearest to a vector, with a breadth and perhaps a filter."""


@contextmanager
def native(folder: Path) -> Iterator[Search]:
    """The function of the query layer, on one snapshot."""
    masks = query.FilterCache()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Snapshot]:
        async with Engine.open(str(folder)) as engine:
            await engine.ready()
            yield engine.snapshot()

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened()) as snapshot:

        def search(vector: Vectors, ef: int, condition: dict[str, object] | None) -> list[int]:
            filter_ = query.MATCH_ALL if condition is None else query.parse_filter(condition)
            request = query.SearchRequest(vector=vector, k=K, ef_search=ef, filter=filter_)
            ids: list[int] = query.search(snapshot, request, masks).ids.tolist()
            return ids

        yield search


@contextmanager
def embedded(folder: Path) -> Iterator[Search]:
    """The blocking embedded store."""
    with api.open_blocking(folder) as store:
        yield lambda vector, ef, condition: [hit.id for hit in store.search(vector, K, ef, condition)]


@contextmanager
def http(folder: Path) -> Iterator[Search]:
    """The blocking client, one keep-alive connection to a server of its own."""
    with Server(folder, *QUIET) as server, Client(base_url=server.url) as client:
        wait_until_ready(client)
        yield lambda vector, ef, condition: [hit.id for hit in client.search(vector, K, ef, condition)]


WAYS = {"native": native, "embedded": embedded, "HTTP": http}


def wait_until_ready(client: Client, limit_s: float = 120.0) -> None:
    """Returns when the server is ready; raises TimeoutError."""
    deadline_s = time.perf_counter() + limit_s
    while not client.ready():
        if time.perf_counter() > deadline_s:
            raise TimeoutError(f"the server was not ready within {limit_s:.0f} s")
        time.sleep(0.002)


def measure(way: str, dataset: Dataset, folder: Path, seconds: float) -> Searched:
    """All breadths and all filters by one way of calling, one thread, one query a call."""
    imports, queries = memory_of(), dataset.query_rows()
    with WAYS[way](folder) as search:
        for place in range(FIRST_SEARCHES):
            search(queries[place % len(queries)], USUAL_BREADTH, None)
        memory = memory_of()
        truth = nearest(dataset.base_rows(), queries, K, dataset.metric)
        curve = [_point(search, dataset, queries, truth, ef, seconds) for ef in BREADTHS]
        filtered = list(_filtered(search, dataset, queries, seconds)) if dataset.has_payloads else []
    is_elsewhere = way == "HTTP"  # the server's memory is measured after its restart
    return Searched(curve, filtered, *(_nothing() if is_elsewhere else (imports, memory)))


def _nothing() -> tuple[Memory | None, Memory | None]:
    return None, None


def _point(
    search: Search, dataset: Dataset, queries: Vectors, truth: Truth, ef: int, seconds: float
) -> Point:
    found, timing = repeat(lambda vector: search(vector, ef, None), list(queries), seconds)
    share = recall(truth, dataset.base_rows(), queries, found, dataset.metric)
    return Point(ef, share, timing)


def _filtered(search: Search, dataset: Dataset, queries: Vectors, seconds: float) -> Iterator[Point]:
    numbers, base = dataset.numbers(), dataset.base_rows()
    for below in BELOW:
        allowed = (numbers >= 0) & (numbers < below)
        matches = int(np.count_nonzero(allowed))
        if matches == 0:
            continue
        truth = nearest(base, queries, K, dataset.metric, allowed)
        condition: dict[str, object] = {"r": {"$gte": 0, "$lt": below}}
        began_s = time.perf_counter()
        search(queries[0], USUAL_BREADTH, condition)
        cold_ms = (time.perf_counter() - began_s) * 1e3

        def one(vector: Vectors, condition: dict[str, object] = condition) -> list[int]:
            return search(vector, USUAL_BREADTH, condition)

        found, timing = repeat(one, list(queries), seconds)
        share = recall(truth, base, queries, found, dataset.metric)
        yield Point(USUAL_BREADTH, share, timing, below, matches, cold_ms)
