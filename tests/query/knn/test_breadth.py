"""``ef_search`` is what a search may cost: a smaller one looks at fewer rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.query import FilterCache, SearchRequest, search_batch
from asteroid_cloud.query.knn import planner
from tests.support.engines import opened
from tests.support.parts import random_vectors

DIM, ROWS, K = 8, 2_000, 3
OPTIONS = EngineOptions(seal_rows=ROWS, build_threads=2)


@pytest.mark.anyio
@pytest.mark.parametrize("metric", ["l2", "cosine"])
async def test_each_smaller_breadth_costs_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    monkeypatch.setattr(planner, "scan_limit", lambda rows, ef: 0)
    queries = random_vectors(40, DIM, seed=1)
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, metric)
        await engine.upsert(np.arange(ROWS, dtype=np.uint64), random_vectors(ROWS, DIM), [b""] * ROWS)
        await engine.flush()
        snapshot = engine.snapshot()
        measured = []
        for ef in (K, 8, 16, 32, 64):
            requests = [SearchRequest(vector=query, k=K, ef_search=ef, explain=True) for query in queries]
            results = search_batch(snapshot, requests, FilterCache())
            measured.append(sum(result.explain.visited for result in results if result.explain))
        assert measured == sorted(set(measured)), "one breadth costs no less than another"
