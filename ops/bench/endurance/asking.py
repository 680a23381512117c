"""Searching an engine through the query layer, and the exact answers."""

from __future__ import annotations

import time

import anyio
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud import query
from asteroid_cloud.indexer import Engine
from ops.bench.timing import Timing, timing_of
from ops.bench.workload import USUAL_BREADTH, K

Vectors = NDArray[np.float32]
Ids = NDArray[np.uint64]


def ask(engine: Engine, queries: Vectors, breadth: int = USUAL_BREADTH) -> tuple[Ids, Timing]:
    """The K nearest of each query, one query a call, and how long the calls took."""
    found, latencies_s = [], []
    masks = query.FilterCache()
    began_s = time.perf_counter()
    for vector in queries:
        call_began_s = time.perf_counter()
        request = query.SearchRequest(vector=vector, k=K, ef_search=breadth)
        found.append(query.search(engine.snapshot(), request, masks).ids)
        latencies_s.append(time.perf_counter() - call_began_s)
    return np.array(found), timing_of(latencies_s, time.perf_counter() - began_s)


def nearest(vectors: Vectors, ids: Ids, queries: Vectors) -> Ids:
    """The ids of the K nearest by squared distance in float32, in no order."""
    distances = np.sum(vectors * vectors, axis=1) - 2 * (queries @ vectors.T)
    return ids[np.argpartition(distances, K, axis=1)[:, :K]]


def recall(found: Ids, truth: Ids) -> float:
    """The share of the true neighbours that were found."""
    common = [len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
    return sum(common) / truth.size


async def until_settled(engine: Engine, still_s: float = 4.0) -> float:
    """Waits until nothing has been merged for a while; returns the time of the last change."""
    last, changed_s = None, time.perf_counter()
    while time.perf_counter() - changed_s < still_s:
        stats = engine.stats()
        if stats.merging or (stats.segments, stats.tombstones) != last:
            last, changed_s = (stats.segments, stats.tombstones), time.perf_counter()
        await anyio.sleep(0.2)
    return changed_s
