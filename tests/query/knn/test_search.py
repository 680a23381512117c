"""A search answers exactly the nearest living matches, in order, with the columns that were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asteroid_cloud.query import MATCH_ALL, FilterCache, SearchRequest, parse_filter, search, search_batch
from asteroid_cloud.query.limits import EF_SEARCH_MAX, K_MAX, OFFSET_MAX, SEARCH_BATCH_HITS_MAX, SEARCHES_MAX
from asteroid_cloud.wal.errors import InvalidRequest, NotFound, TooLarge
from tests.support.parts import Vectors, World, random_vectors

DIM = 8
QUERY = random_vectors(1, DIM, seed=99)[0]


def colour(id: int) -> bytes:
    return b'{"red":true}' if id % 3 == 0 else b"" if id % 3 == 1 else b'{"red":false}'


def filled(metric: str = "l2", rows: int = 300) -> World:
    """Three blocks of rows with sparse ids, some replaced, some deleted."""
    world = World(DIM, metric)
    vectors = random_vectors(rows, DIM)
    for block in range(3):
        world.add_block()
        ids = [id * 10**15 for id in range(block, rows, 3)]
        world.upsert(ids, vectors[block::3], [colour(id) for id in ids])
    world.upsert([0, 10**15], random_vectors(2, DIM, seed=7), [colour(0), colour(1)])
    world.delete([5 * 10**15, 6 * 10**15])
    return world


def stored(world: World) -> dict[int, tuple[Any, bytes]]:
    """Every living record, by id, read row by row."""
    records = {}
    for view in world.snapshot().parts:
        ids = view.all_ids()
        rows = view.find(ids)
        for row in set(rows[rows >= 0].tolist()):
            ordinals = np.array([row], np.uint32)
            records[int(ids[row])] = (view.vectors(ordinals)[0], view.payloads(ordinals)[0])
    return records


def distance(metric: str, query: Vectors, vector: Vectors) -> float:
    q, v = query.astype(np.float64), vector.astype(np.float64)
    if metric == "l2":
        return float(np.linalg.norm(q - v))
    if metric == "ip":
        return float(-(q @ v))
    return float(1 - q @ v / (np.linalg.norm(q) * np.linalg.norm(v)))


def nearest(world: World, query: Vectors, keep: Any = lambda payload: True) -> list[tuple[float, int]]:
    records = stored(world).items()
    found = [(distance(world.spec.metric, query, v), id) for id, (v, payload) in records if keep(payload)]
    return sorted(found)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_the_nearest_living_matches_in_order(metric: str, exact: bool) -> None:
    world = filled(metric)
    for filter, keep in [
        (MATCH_ALL, lambda payload: True),
        (parse_filter({"red": True}), lambda payload: payload == b'{"red":true}'),
        (parse_filter({"red": {"$ne": True}}), lambda payload: payload != b'{"red":true}'),
    ]:
        expected = nearest(world, QUERY, keep)
        for k in (1, 10, 1000):
            request = SearchRequest(vector=QUERY, k=k, filter=filter, exact=exact)
            result = search(world.snapshot(), request, FilterCache())
            assert len(result) == min(k, len(expected))
            assert result.ids.tolist() == [id for _, id in expected[:k]]
            assert result.distances.tolist() == pytest.approx([d for d, _ in expected[:k]], abs=1e-4)


def test_ties_stand_in_id_order_across_parts() -> None:
    world = World(2)
    for ids in ([9, 2**64 - 1], [4, 7], [8, 0]):
        world.add_block()
        world.upsert(ids, np.ones((2, 2), np.float32))
    request = SearchRequest(vector=np.zeros(2, np.float32), k=4)
    assert search(world.snapshot(), request, FilterCache()).ids.tolist() == [0, 4, 7, 8]
    rest = SearchRequest(vector=np.zeros(2, np.float32), k=4, offset=4)
    assert search(world.snapshot(), rest, FilterCache()).ids.tolist() == [9, 2**64 - 1]


def test_pages_by_offset_are_slices_of_the_whole() -> None:
    snapshot, masks = filled().snapshot(), FilterCache()
    whole = search(snapshot, SearchRequest(vector=QUERY, k=400, exact=True), masks)
    for offset in (0, 1, 50, len(whole) - 1, len(whole), len(whole) + 5):
        page = search(snapshot, SearchRequest(vector=QUERY, k=7, offset=offset, exact=True), masks)
        assert page.ids.tolist() == whole.ids[offset : offset + 7].tolist()


def test_max_distance_cuts_and_includes_its_bound() -> None:
    snapshot, masks = filled().snapshot(), FilterCache()
    whole = search(snapshot, SearchRequest(vector=QUERY, k=20), masks)
    bound = float(whole.distances[4])
    near = search(snapshot, SearchRequest(vector=QUERY, k=20, max_distance=bound), masks)
    assert near.ids.tolist() == whole.ids[:5].tolist()
    later = search(snapshot, SearchRequest(vector=QUERY, k=20, offset=3, max_distance=bound), masks)
    assert later.ids.tolist() == whole.ids[3:5].tolist()
    beyond = search(snapshot, SearchRequest(vector=QUERY, k=20, offset=9, max_distance=bound), masks)
    assert len(beyond) == len(search(snapshot, SearchRequest(vector=QUERY, max_distance=-1.0), masks)) == 0


def test_columns_come_only_when_asked_for() -> None:
    world = filled()
    records, masks = stored(world), FilterCache()
    bare = search(world.snapshot(), SearchRequest(vector=QUERY), masks)
    assert (bare.payloads, bare.vectors, bare.explain) == (None, None, None)
    assert bare.hits[0].payload is None
    request = SearchRequest(vector=QUERY, k=20, include_payload=True, include_vector=True)
    full = search(world.snapshot(), request, masks)
    for hit in full.hits:
        vector, payload = records[hit.id]
        assert hit.payload == (payload or b"{}")
        assert hit.vector is not None
        assert np.array_equal(hit.vector, vector)
    assert full.lsn == world.snapshot().lsn


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_more_like_this_leaves_out_itself_alone(metric: str) -> None:
    world, masks = filled(metric), FilterCache()
    id = 30 * 10**15
    vector = stored(world)[id][0]
    expected = [each for _, each in nearest(world, vector) if each != id]
    for offset in (0, 3):
        request = SearchRequest(id=id, k=10, offset=offset, exact=True)
        assert search(world.snapshot(), request, masks).ids.tolist() == expected[offset : offset + 10]
    everything = search(world.snapshot(), SearchRequest(id=id, k=10_000), masks)
    assert sorted(everything.ids.tolist()) == sorted(expected)
    others = SearchRequest(id=id, k=10_000, filter=parse_filter({"red": False}))
    assert id not in search(world.snapshot(), others, masks).ids.tolist()


def test_more_like_something_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        search(filled().snapshot(), SearchRequest(id=5 * 10**15), FilterCache())


def test_nothing_is_found_in_nothing() -> None:
    world = World(DIM)
    request = SearchRequest(vector=QUERY, include_payload=True, include_vector=True, explain=True)
    assert search(world.snapshot(), request, FilterCache()).hits == []
    world.upsert([1], QUERY[None])
    none = SearchRequest(vector=QUERY, filter=parse_filter({"$or": []}), include_payload=True)
    assert search(world.snapshot(), none, FilterCache()).hits == []


def test_explain_tells_the_plan_and_the_work() -> None:
    snapshot = filled().snapshot()
    request = SearchRequest(vector=QUERY, filter=parse_filter({"red": True}), explain=True)
    explain = search(snapshot, request, FilterCache()).explain
    assert explain is not None
    assert [choice.rows for choice in explain.parts] == [view.rows for view in snapshot.parts]
    assert [choice.method for choice in explain.parts] == ["scan", "skip", "scan"]
    assert explain.matches == sum(choice.matches for choice in explain.parts) == explain.visited
    assert (explain.complete, explain.rescanned) == (True, 0)
    assert min(explain.plan_ms, explain.search_ms, explain.fetch_ms) >= 0


def test_a_batch_answers_what_single_searches_would() -> None:
    snapshot, masks = filled().snapshot(), FilterCache()
    red = parse_filter({"red": True})
    queries = random_vectors(4, DIM, seed=5)
    requests = [
        SearchRequest(vector=queries[0]),
        SearchRequest(vector=queries[1], filter=red, include_payload=True),
        SearchRequest(vector=queries[2], k=3, exact=True),
        SearchRequest(vector=queries[3]),
        SearchRequest(id=30 * 10**15),
        SearchRequest(vector=queries[0], filter=red, max_distance=2.0, explain=True),
        SearchRequest(vector=queries[0], k=4, offset=6),
    ]
    for threads in (1, 2):
        results = search_batch(snapshot, requests, masks, threads=threads)
        for request, result in zip(requests, results, strict=True):
            single = search(snapshot, request, masks)
            assert result.ids.tolist() == single.ids.tolist()
            assert result.distances.tolist() == single.distances.tolist()
            assert result.payloads == single.payloads
            assert (result.explain is None) is (single.explain is None)
    assert search_batch(snapshot, [], masks) == []


def test_a_batch_names_the_search_at_fault() -> None:
    good, bad = SearchRequest(vector=QUERY), SearchRequest(vector=QUERY[:3])
    with pytest.raises(InvalidRequest, match="search 1") as caught:
        search_batch(filled().snapshot(), [good, bad], FilterCache())
    assert (caught.value.code, caught.value.details) == ("wrong_dim", {"index": 1})


def test_a_batch_is_bounded_in_searches_and_in_results() -> None:
    snapshot = filled().snapshot()
    with pytest.raises(TooLarge):
        search_batch(snapshot, [SearchRequest(vector=QUERY)] * (SEARCHES_MAX + 1), FilterCache())
    everything = SearchRequest(vector=QUERY, k=K_MAX)
    fit = SEARCH_BATCH_HITS_MAX // snapshot.live
    with pytest.raises(TooLarge):
        search_batch(snapshot, [everything] * (fit + 1), FilterCache())
    assert len(search_batch(snapshot, [everything] * 3, FilterCache())) == 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"k": 0}, "bad_k"),
        ({"k": K_MAX + 1}, "bad_k"),
        ({"k": True}, "bad_k"),
        ({"k": 1.0}, "bad_k"),
        ({"ef_search": 0}, "bad_ef_search"),
        ({"ef_search": EF_SEARCH_MAX + 1}, "bad_ef_search"),
        ({"offset": -1}, "bad_offset"),
        ({"offset": OFFSET_MAX + 1}, "bad_offset"),
        ({"max_distance": float("nan")}, "bad_max_distance"),
        ({"max_distance": float("inf")}, "bad_max_distance"),
        ({"vector": QUERY[:7]}, "wrong_dim"),
        ({"vector": QUERY[None]}, "bad_vector"),
        ({"vector": QUERY.astype(np.float64)}, "bad_vector"),
        ({"vector": np.full(DIM, np.nan, np.float32)}, "bad_vector"),
        ({"vector": np.full(DIM, np.inf, np.float32)}, "bad_vector"),
        ({"vector": None}, "bad_vector"),
        ({"id": 1}, "bad_vector"),
        ({"vector": None, "id": -1}, "bad_id"),
        ({"vector": None, "id": 2**64}, "bad_id"),
    ],
    ids=str,
)
def test_fields_out_of_bounds_are_refused(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        search(filled(rows=6).snapshot(), SearchRequest(**{"vector": QUERY, **fields}), FilterCache())
    assert caught.value.code == code
