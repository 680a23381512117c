"""Groups: the best k values, each with its best rows, whatever lies in between."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.query import (
    AllowList,
    Diversity,
    FilterCache,
    Group,
    GroupBy,
    SearchRequest,
    SearchResult,
    parse_filter,
    search,
    search_batch,
)
from asteroid_cloud.query.knn import group_by
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.parts import World, random_vectors
from tests.support.search_oracle import grouped, value_in

DIM = 4
VALUES: list[Any] = [
    *(0, 1, 1.0, -0.0, 2, 2.5, 2**53, 2**53 + 1, 1e300, "", "a", "a" * 40, "a" * 40 + "b", "é", "🚀"),
    *(True, False, None, [], [1], {}, {"a": 1}),
]


def answered(result: SearchResult) -> list[tuple[Any, list[Any]]]:
    assert result.groups is not None
    ends = [group.stop for group in result.groups]
    assert [group.start for group in result.groups] == [0, *ends][: len(ends)]
    return [(group.value, result.ids[group.start : group.stop].tolist()) for group in result.groups]


def same(found: list[tuple[Any, list[Any]]], expected: list[tuple[Any, list[Any]]]) -> bool:
    kinds = [type(value) is bool for value, _ in found] == [type(value) is bool for value, _ in expected]
    return kinds and found == expected


def filled(
    chance: random.Random, rows: int, values: list[Any], metric: str = "l2"
) -> tuple[World, dict[int, Any]]:
    """A world of several blocks with replaced and deleted rows, and the document of each living id."""
    world, documents = World(DIM, metric), dict[int, Any]()
    vectors = np.round(random_vectors(rows, DIM, seed=chance.randrange(10**6)), 1)
    ids = [chance.randrange(10**9) for _ in range(rows)]
    for start in range(0, rows, 25):
        world.add_block()
        some = ids[start : start + 25]
        for id in some:
            documents[id] = {"deep": {"v": chance.choice(values)}, "n": chance.randrange(4)}
            if chance.random() < 0.1:
                documents[id] = {}
        texts = [json.dumps(documents[id]).encode() for id in some]
        world.upsert(some, vectors[start : start + 25], texts)
    again = chance.sample(ids, rows // 10)
    for id in again:
        documents[id] = {"deep": {"v": chance.choice(values)}, "n": 0}
    texts = [json.dumps(documents[id]).encode() for id in again]
    world.upsert(again, random_vectors(len(again), DIM, seed=3), texts)
    dead = chance.sample(ids, rows // 8)
    world.delete(dead)
    for id in dead:
        del documents[id]
    return world, documents


@pytest.mark.parametrize("seed", range(60))
def test_groups_are_those_of_a_plain_model(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    if seed % 2:  # many rounds, of few hits each
        monkeypatch.setattr(group_by, "HITS_AT_FIRST", 1)
        monkeypatch.setattr(group_by, "DEPTH_MAX", chance.choice([2, 5, 20]))
        monkeypatch.setattr("asteroid_cloud.query.knn.groups.HITS_AT_FIRST", 1)
        monkeypatch.setattr("asteroid_cloud.query.knn.groups.DEPTH_MAX", 1_000)
    values = chance.sample(VALUES, chance.randint(1, len(VALUES)))
    if seed % 5 == 0:
        values = list(range(200))
    metric = chance.choice(["l2", "cosine", "ip"])
    world, documents = filled(chance, chance.choice([1, 8, 60, 150]), values, metric)
    snapshot, cache = world.snapshot(), FilterCache()
    of_id = {id: value_in(document, ("deep", "v")) for id, document in documents.items()}
    for _ in range(25):
        vector = np.round(random_vectors(1, DIM, seed=chance.randrange(10**6)), 1)[0]
        k, size, offset = (
            chance.choice([1, 2, 5, 30]),
            chance.choice([1, 2, 3, 50]),
            chance.choice([0, 0, 1, 4]),
        )
        more: dict[str, Any] = {}
        allowed = set(documents)
        if chance.random() < 0.3:
            more["filter"] = parse_filter({"n": {"$lt": 2}})
            allowed &= {id for id, document in documents.items() if document.get("n", 9) < 2}
        if chance.random() < 0.2:
            ids = [*chance.sample(sorted(documents), len(documents) // 2), 5]
            more["ids"] = AllowList(np.array(ids, np.uint64))
            allowed &= set(ids)
        if documents and chance.random() < 0.2:
            more["id"] = chance.choice(sorted(documents))
            allowed.discard(more["id"])
        else:
            more["vector"] = vector
        plain = SearchRequest(k=10_000, exact=True, include_score=True, **more)
        whole = search(snapshot, plain, cache)
        assert set(whole.ids.tolist()) == allowed
        assert whole.scores is not None
        kept = len(whole)
        if kept and chance.random() < 0.3:
            place = chance.randrange(kept)
            more["max_distance"] = float(whole.distances[place])
            kept = int(np.count_nonzero(whole.distances <= more["max_distance"]))
        if kept and chance.random() < 0.2:
            more["min_score"] = float(whole.scores[kept // 2])
            kept = min(kept, int(np.count_nonzero(whole.scores >= more["min_score"])))
        ranked = list(zip(whole.distances[:kept].tolist(), whole.ids[:kept].tolist(), strict=True))
        asked = SearchRequest(
            k=k,
            offset=offset,
            group_by=GroupBy(("deep", "v"), size),
            include_score=True,
            explain=True,
            **more,
        )
        result = search(snapshot, asked, cache)
        assert same(answered(result), grouped(ranked, of_id, k, size, offset))
        distances = dict(zip(whole.ids.tolist(), whole.distances.tolist(), strict=True))
        assert result.distances.tolist() == [distances[id] for id in result.ids.tolist()]
        assert result.explain is not None
        assert result.explain.complete
        (batched,) = search_batch(snapshot, [asked], cache)
        assert answered(batched) == answered(result)


def test_hits_of_groups_carry_what_is_asked() -> None:
    world = World(DIM)
    vectors = random_vectors(10, DIM)
    world.upsert(range(10), vectors, [b'{"v":%d,"w":1}' % (id % 3) for id in range(10)])
    asked = SearchRequest(
        vector=vectors[4], k=2, group_by=GroupBy(("v",), 2), include_payload=True, include_vector=True
    )
    result = search(world.snapshot(), asked, FilterCache())
    assert result.groups == [Group(1, 0, 2), Group(result.groups[1].value, 2, 4)] if result.groups else False
    assert result.payloads is not None
    assert result.vectors is not None
    for id, payload, vector in zip(result.ids.tolist(), result.payloads, result.vectors, strict=True):
        assert json.loads(payload) == {"v": id % 3, "w": 1}
        assert vector == pytest.approx(vectors[id], abs=0.01)


def test_one_and_one_point_nought_are_one_group_whose_value_is_the_integer() -> None:
    world = World(DIM)
    world.upsert([1, 2, 3], random_vectors(3, DIM), [b'{"v":1.0}', b'{"v":1}', b'{"v":true}'])
    asked = SearchRequest(vector=random_vectors(1, DIM)[0], k=5, group_by=GroupBy(("v",), 5))
    groups = search(world.snapshot(), asked, FilterCache()).groups
    assert groups is not None
    sizes = {repr(group.value): group.stop - group.start for group in groups}
    assert sizes == {"1": 2, "True": 1}


@pytest.mark.parametrize(
    ("k", "more", "says"),
    [
        (10, {"group_by": GroupBy(("v",), 0)}, "size"),
        (10, {"group_by": GroupBy(("v",), 1_001)}, "10000"),
        (10, {"group_by": GroupBy(("v",), 1), "diversity": Diversity()}, "diversity"),
    ],
)
def test_what_is_refused(k: int, more: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        search(
            World(DIM).snapshot(), SearchRequest(vector=np.zeros(DIM, np.float32), k=k, **more), FilterCache()
        )
    assert caught.value.code == "bad_group_by"
