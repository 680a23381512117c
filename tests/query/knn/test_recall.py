"""Filtered search stays complete and right when few match: the original lost 96 in 100 at 1 in 1,000."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.query import FilterCache, SearchRequest, parse_filter, search
from tests.support.engines import opened, vectors

pytestmark = pytest.mark.anyio

ROWS, DIM, K = 6_000, 24, 10
OPTIONS = EngineOptions(seal_rows=ROWS, ef_construction=80, build_threads=2)


@pytest.mark.parametrize("below", [1000, 500, 100, 10, 1])
async def test_recall_at_any_selectivity(tmp_path: Path, below: int) -> None:
    drawn = vectors(ROWS, DIM, 3)
    r = np.random.default_rng(4).integers(0, 1000, ROWS)
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "cosine")
        for start in range(0, ROWS, 1000):
            some = slice(start, start + 1000)
            texts = [b'{"r":%d}' % value for value in r[some].tolist()]
            await engine.upsert(np.arange(start, start + 1000, dtype=np.uint64), drawn[some], texts)
        await engine.flush()
        snapshot, masks = engine.snapshot(), FilterCache()
        assert not any(view.part.is_flat for view in snapshot.parts), "a graph is what is to be tested"
        matching = np.flatnonzero(r < below)
        wanted, found = 0, 0
        for query in vectors(60, DIM, 5):
            request = SearchRequest(vector=query, k=K, filter=parse_filter({"r": {"$lt": below}}))
            ids = search(snapshot, request, masks).ids.tolist()
            truth = matching[np.argsort(-(drawn[matching] @ query), kind="stable")[:K]].tolist()
            assert len(ids) == len(set(ids)) == min(K, len(matching))
            assert set(ids) <= set(matching.tolist())
            wanted, found = wanted + len(truth), found + len(set(ids) & set(truth))
        assert found >= 0.95 * wanted
