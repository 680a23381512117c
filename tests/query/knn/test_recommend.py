"""Searches by examples: the vector that they make, and that they are left out."""

from __future__ import annotations

import random

import numpy as np
import pytest

from asteroid_cloud.query import FilterCache, Recommend, SearchRequest, search, search_batch
from asteroid_cloud.query.knn.examples import vector_like
from asteroid_cloud.query.limits import RECOMMEND_IDS_MAX
from asteroid_cloud.query.records.records import fetch_one
from asteroid_cloud.wal.errors import InvalidRequest, NotFound
from tests.support.parts import World, random_vectors
from tests.support.search_oracle import recommended

DIM = 5


def ids(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(values, np.uint64)


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("seed", range(20))
def test_the_vector_is_that_of_the_plain_model(seed: int, metric: str) -> None:
    chance = random.Random(seed)
    world = World(DIM, metric)
    vectors = random_vectors(50, DIM, seed=seed) * 3
    vectors[7] = 0
    world.upsert(range(50), vectors)
    snapshot, cache = world.snapshot(), FilterCache()
    found = [fetch_one(snapshot, id, vector=True).vector for id in range(50)]
    stored = [vector.tolist() for vector in found if vector is not None]
    for _ in range(20):
        liked = chance.choices(range(50), k=chance.randint(1, 5))
        disliked = chance.choices(range(50), k=chance.choice([0, 0, 1, 3]))
        examples = Recommend(ids(*liked), ids(*disliked))
        vector = vector_like(snapshot, examples)
        expected = recommended([stored[id] for id in liked], [stored[id] for id in disliked], metric)
        assert vector == pytest.approx(expected, rel=1e-5, abs=1e-6)
        k, offset = chance.choice([1, 5, 60]), chance.choice([0, 0, 3])
        whole = search(snapshot, SearchRequest(vector=vector, k=50), cache).ids.tolist()
        others = [id for id in whole if id not in liked and id not in disliked]
        asked = SearchRequest(recommend=examples, k=k, offset=offset)
        assert search(snapshot, asked, cache).ids.tolist() == others[offset : offset + k]
        (batched,) = search_batch(snapshot, [asked], cache)
        assert batched.ids.tolist() == others[offset : offset + k]


def test_what_is_refused() -> None:
    world = World(DIM)
    world.upsert(range(3), random_vectors(3, DIM))
    snapshot, cache = world.snapshot(), FilterCache()
    many = ids(*[0] * RECOMMEND_IDS_MAX)
    for examples, code in (
        (Recommend(ids(), ids(1)), "bad_recommend"),
        (Recommend(many, ids(1)), "bad_recommend"),
        (Recommend(np.array(["a"], np.object_), np.empty(0, np.object_)), "bad_id"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            search(snapshot, SearchRequest(recommend=examples), cache)
        assert refused.value.code == code
    with pytest.raises(InvalidRequest) as both:
        search(snapshot, SearchRequest(id=1, recommend=Recommend(ids(1), ids())), cache)
    assert both.value.code == "bad_vector"
    search(snapshot, SearchRequest(recommend=Recommend(many, ids())), cache)
    with pytest.raises(NotFound) as missing:
        search(snapshot, SearchRequest(recommend=Recommend(ids(1), ids(9))), cache)
    assert missing.value.details == {"id": 9}
    plain = SearchRequest(id=1)
    with pytest.raises(NotFound) as missing:
        search_batch(snapshot, [plain, SearchRequest(recommend=Recommend(ids(8), ids()))], cache)
    assert missing.value.details == {"id": 8, "index": 1}


def test_examples_too_far_apart_for_float32_are_refused() -> None:
    world = World(DIM)
    world.upsert([1, 2], np.array([[3e38] * DIM, [-3e38] * DIM], np.float32))
    with pytest.raises(InvalidRequest) as caught:
        search(world.snapshot(), SearchRequest(recommend=Recommend(ids(1), ids(2))), FilterCache())
    assert caught.value.code == "bad_recommend"
