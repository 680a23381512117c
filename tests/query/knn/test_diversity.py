"""Diverse hits: what maximal marginal relevance chooses among the nearest."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.query import (
    Diversity,
    FilterCache,
    SearchRequest,
    Work,
    parse_filter,
    search,
    search_batch,
)
from asteroid_cloud.query.knn.diversity import chosen
from asteroid_cloud.query.limits import DIVERSITY_CANDIDATES_MAX
from asteroid_cloud.wal.errors import InvalidRequest, TooCostly
from tests.support.parts import World, random_vectors
from tests.support.search_oracle import is_diverse

DIM = 6


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("seed", range(30))
def test_hits_are_a_choice_of_the_plain_model(seed: int, metric: str) -> None:
    chance = random.Random(seed)
    world, rows = World(DIM, metric), chance.choice([1, 5, 80, 200])
    vectors = random_vectors(rows, DIM, seed=seed)
    for copy in range(rows // 4):  # twins, and zeros, which are like nothing
        vectors[copy] = vectors[chance.randrange(rows)] if copy % 7 else 0
    world.upsert(range(rows), vectors, [b'{"n":%d}' % (id % 3) for id in range(rows)])
    snapshot, cache = world.snapshot(), FilterCache()
    stored = search(snapshot, SearchRequest(vector=vectors[0], k=rows, include_vector=True), cache)
    assert stored.vectors is not None
    by_id = dict(zip(stored.ids.tolist(), stored.vectors.tolist(), strict=True))
    for _ in range(20):
        k = chance.choice([1, 3, 10, 50])
        candidates = chance.choice([None, k, k + 7, 60 + k])
        weight = chance.choice([0, 0.2, 0.5, 0.9, 1])
        more: dict[str, Any] = {"vector": random_vectors(1, DIM, seed=chance.randrange(10**6))[0]}
        if chance.random() < 0.3:
            more = {"id": chance.randrange(rows)}
        if chance.random() < 0.3:
            more["filter"] = parse_filter({"n": {"$gte": 1}})
        if chance.random() < 0.3:
            more["max_distance"] = chance.choice([0.3, 1.0, 2.0])
        whole = search(snapshot, SearchRequest(k=rows, exact=True, **more), cache)
        ranked = list(zip(whole.distances.tolist(), whole.ids.tolist(), strict=True))
        asked = SearchRequest(k=k, diversity=Diversity(weight, candidates), include_score=True, **more)
        found = search(snapshot, asked, cache)
        among = max(4 * k, 40) if candidates is None else candidates
        assert is_diverse(found.ids.tolist(), ranked, by_id, k, weight, among, metric)
        assert all(
            (distance, id) in ranked
            for distance, id in zip(found.distances.tolist(), found.ids.tolist(), strict=True)
        )
        if weight == 1:
            assert found.ids.tolist() == whole.ids[:k].tolist()
        (batched,) = search_batch(snapshot, [asked], cache)
        assert batched.ids.tolist() == found.ids.tolist()


def test_of_twins_the_first_is_taken() -> None:
    vectors = np.ones((5, DIM), np.float32)
    spec, scores = IndexSpec(DIM, "cosine"), np.ones(5)
    assert chosen(vectors, scores, 5, Diversity(), spec, Work()).tolist() == [0, 1, 2, 3, 4]


def test_the_choice_counts_what_it_does_and_ends_when_that_is_too_much() -> None:
    vectors = random_vectors(2_000, 64)
    spec, work = IndexSpec(64, "l2"), Work()
    chosen(vectors, np.zeros(2_000), 50, Diversity(), spec, work)
    assert work.spent > 49 * 1_950 * 64
    with pytest.raises(TooCostly):
        chosen(vectors, np.zeros(2_000), 2_000, Diversity(), spec, Work(1e7))


@pytest.mark.parametrize(
    ("k", "diversity"),
    [
        (10, Diversity(1.5)),
        (10, Diversity(-0.1)),
        (10, Diversity(float("nan"))),
        (10, Diversity(0.5, 9)),
        (10, Diversity(0.5, DIVERSITY_CANDIDATES_MAX + 1)),
        (DIVERSITY_CANDIDATES_MAX + 1, Diversity()),
    ],
)
def test_what_is_refused(k: int, diversity: Diversity) -> None:
    asked = SearchRequest(vector=np.zeros(DIM, np.float32), k=k, diversity=diversity)
    with pytest.raises(InvalidRequest) as caught:
        search(World(DIM).snapshot(), asked, FilterCache())
    assert caught.value.code == "bad_diversity"


def test_an_offset_is_refused() -> None:
    asked = SearchRequest(vector=np.zeros(DIM, np.float32), offset=1, diversity=Diversity())
    with pytest.raises(InvalidRequest, match="offset"):
        search(World(DIM).snapshot(), asked, FilterCache())
