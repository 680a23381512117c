"""Recall: what searches under a filter find, and how recall is measured.

The original lost 96 of 100 neighbours where one row in 1,000 matches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from asteroid_cloud.indexer import EngineOptions, Snapshot
from asteroid_cloud.query import (
    MATCH_ALL,
    FilterCache,
    Recall,
    RecallRequest,
    SearchRequest,
    SearchResult,
    Work,
    parse_filter,
    recalls,
    search,
    summary_of,
)
from asteroid_cloud.query.knn.recall import evenly_drawn, recall_by_distance
from asteroid_cloud.query.limits import RECALL_ROWS_MAX
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.engines import opened, vectors
from tests.support.parts import Vectors, World, random_vectors

ROWS, DIM, K = 6_000, 24, 10
OPTIONS = EngineOptions(seal_rows=ROWS, ef_construction=80, build_threads=2)


@pytest.mark.anyio
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


def f32(*values: float) -> Vectors:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("found", "truth", "recall"),
    [
        (f32(1, 2, 3), f32(1, 2, 3), 1.0),
        (f32(1, 3, 4), f32(1, 2, 3), 2 / 3),
        (f32(5, 6), f32(1, 2), 0.0),
        (f32(2, 2, 2), f32(1, 2, 2), 1.0),  # copies: any of those equally far will do
        (f32(-3, -2), f32(-4, -3), 0.5),
        (f32(1 + 1e-6), f32(1), 1.0),
        (f32(), f32(), None),
        (f32(), f32(1), 0.0),
        (f32(0, 0), f32(0, 0), 1.0),
        (f32(np.inf), f32(np.inf), 1.0),
    ],
)
def test_recall_compares_distances(found: Vectors, truth: Vectors, recall: float | None) -> None:
    assert recall_by_distance(found, truth) == recall


def measured(world: World, **request: Any) -> Recall:
    return summary_of(list(recalls(world.snapshot(), RecallRequest(**request), FilterCache())))


def blocks(rows: int, *, count: int = 3) -> World:
    """Rows in blocks, some of them deleted; every third is red."""
    world = World(DIM)
    drawn = random_vectors(rows, DIM)
    for block in range(count):
        world.add_block()
        ids = list(range(block, rows, count))
        texts = [b'{"red":%s}' % (b"true" if id % 4 else b"false") for id in ids]
        world.upsert(ids, drawn[block::count], texts)
    world.delete(range(0, rows, 7))
    return world


def test_stored_rows_are_drawn_evenly_and_always_the_same() -> None:
    snapshot, cache = blocks(210).snapshot(), FilterCache()
    living = [int(id) for view in snapshot.parts for id in view.all_ids() if id % 7]
    assert evenly_drawn(snapshot, MATCH_ALL, cache, 1000) == living
    some = evenly_drawn(snapshot, MATCH_ALL, cache, 9)
    assert some == evenly_drawn(snapshot, MATCH_ALL, cache, 9)
    assert [len([id for id in some if id % 3 == block]) for block in range(3)] == [3, 3, 3]
    red = evenly_drawn(snapshot, parse_filter({"red": True}), cache, 1000)
    assert red == [id for id in living if id % 4]
    assert evenly_drawn(snapshot, parse_filter({"$or": []}), cache, 5) == []
    assert evenly_drawn(World(DIM).snapshot(), MATCH_ALL, cache, 5) == []


def test_rows_without_a_graph_are_found_and_not_by_themselves() -> None:
    found = measured(blocks(300), num=40, k=5)
    assert found == Recall(1.0, 1.0, 40)
    assert measured(blocks(300), num=1000, filter=parse_filter({"red": True})).samples > 100


def test_nothing_to_find_is_nothing_missed() -> None:
    world = World(DIM)
    assert measured(world) == Recall(1.0, 1.0, 0)
    world.upsert([1], random_vectors(1, DIM))
    assert measured(world) == Recall(1.0, 1.0, 0)  # itself is left out
    world.upsert([2], random_vectors(1, DIM, seed=2))
    assert measured(world) == Recall(1.0, 1.0, 2)


def test_a_search_that_drops_neighbours_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(snapshot: Snapshot, request: SearchRequest, cache: FilterCache, work: Work) -> SearchResult:
        result = search(snapshot, request, cache)
        if request.exact:
            return result
        farther = search(snapshot, replace(request, k=request.k + 2), cache)
        return replace(result, distances=farther.distances[2:])

    monkeypatch.setattr("asteroid_cloud.query.knn.recall.search", worse)
    assert measured(blocks(300), num=25, k=8) == Recall(0.75, 0.75, 25)


@pytest.mark.parametrize(
    ("field", "value"), [("num", 0), ("num", RECALL_ROWS_MAX + 1), ("k", 0), ("ef_search", 0)]
)
def test_bounds_are_checked_before_anything_is_measured(field: str, value: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        recalls(World(DIM).snapshot(), RecallRequest(**{field: value}), FilterCache())
    assert caught.value.code == f"bad_{field}"
