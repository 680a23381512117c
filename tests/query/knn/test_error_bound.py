"""What a search says about its own order: by how much a row is nearer that it measured and left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions, Snapshot
from asteroid_cloud.query import FilterCache, SearchRequest, SearchResult, parse_filter, search, search_batch
from asteroid_cloud.query.knn import planner
from tests.support.engines import opened
from tests.support.parts import Vectors, World, random_vectors

DIM, ROWS, QUERIES, K = 32, 1_200, 40, 10
OPTIONS = EngineOptions(seal_rows=ROWS, build_threads=2)
ROUNDING = 1e-5
"""Of distances, relative: less is no difference."""


def in_one_place(n: int) -> Vectors:
    """Rows so near each other, and so far from zero, that first bytes do not tell which is nearest."""
    rng = np.random.default_rng(7)
    centre = np.random.default_rng(8).normal(size=DIM)
    return np.asarray(centre + 0.003 * rng.normal(size=(n, DIM)) * rng.uniform(1, 9, (n, 1)), np.float32)


def few_different(n: int) -> Vectors:
    """Few vectors, many times each."""
    return np.repeat(random_vectors(n // 100 + 1, DIM), 100, axis=0)[:n]


def all_different(n: int) -> Vectors:
    """Nothing special."""
    return random_vectors(n, DIM)


DATA = {"in one place": in_one_place, "few different": few_different, "all different": all_different}


def asked(snapshot: Snapshot, queries: Vectors, ef: int, *, exact: bool = False) -> list[SearchResult]:
    requests = [
        SearchRequest(vector=query, k=K, ef_search=ef, exact=exact, explain=True) for query in queries
    ]
    return search_batch(snapshot, requests, FilterCache())


def bounds_of(results: list[SearchResult]) -> Vectors:
    return np.array([result.explain and result.explain.error_bound for result in results], np.float32)


def missed_by(results: list[SearchResult], exact: list[SearchResult]) -> Vectors:
    """By how much the nearest neighbour that is missing is nearer than the last hit."""
    missed = []
    for result, right in zip(results, exact, strict=True):
        missing = right.distances[~np.isin(right.ids, result.ids)]
        missed.append(max(0.0, float(result.distances[-1] - missing.min(initial=np.inf))))
    return np.array(missed, np.float32)


@pytest.mark.anyio
@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("data", DATA)
async def test_the_bound_is_what_a_walk_has_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, metric: str
) -> None:
    """A walk of nearly all rows as ef leaves nothing unmet: what it misses, it has left out."""
    monkeypatch.setattr(planner, "scan_limit", lambda rows, ef: 0)
    drawn = DATA[data](ROWS + QUERIES)
    rows, queries = drawn[:ROWS], drawn[ROWS:]
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, metric)
        await engine.upsert(np.arange(ROWS, dtype=np.uint64), rows, [b"{}"] * ROWS)
        await engine.flush()
        snapshot = engine.snapshot()
        assert not any(view.part.is_flat for view in snapshot.parts), "a graph is what is to be tested"
        exact = asked(snapshot, queries, K, exact=True)
        assert not bounds_of(exact).any()
        is_any_positive = False
        for ef in (K, 64, ROWS - 50):
            results = asked(snapshot, queries, ef)
            bounds, missed = bounds_of(results), missed_by(results, exact)
            little = ROUNDING * np.abs([result.distances[-1] for result in results]) + 1e-12
            is_any_positive |= bool((bounds > little).any())
            assert (bounds >= 0).all()
            assert (bounds <= missed + little).all(), "nothing is nearer than the nearest that is missing"
            if ef == ROWS - 50:
                assert (missed <= bounds + little).all(), "the nearest that is missing was met"
        if data == "in one place" and metric != "ip":
            assert is_any_positive, "nothing was left out: this tests nothing"


def test_a_search_that_measures_every_match_leaves_nothing_out() -> None:
    world = World(DIM)
    vectors = random_vectors(20, DIM)
    world.upsert(list(range(20)), vectors)
    none = parse_filter({"a": 1})
    for request in (
        SearchRequest(vector=vectors[0], k=3, explain=True),
        SearchRequest(vector=vectors[0], exact=True, explain=True),
        SearchRequest(vector=vectors[0], filter=none, explain=True),
    ):
        explain = search(world.snapshot(), request, FilterCache()).explain
        assert explain is not None
        assert explain.complete
        assert explain.error_bound == 0


def test_searches_of_a_batch_that_are_not_explained_go_without() -> None:
    world = World(DIM)
    vectors = random_vectors(20, DIM)
    world.upsert(list(range(20)), vectors)
    requests = [SearchRequest(vector=vectors[0], explain=explained) for explained in (True, False)]
    first, second = search_batch(world.snapshot(), requests, FilterCache())
    assert first.explain is not None
    assert first.explain.error_bound == 0
    assert second.explain is None
