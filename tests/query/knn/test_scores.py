"""Scores: higher is better, in step with distances, and a floor for them."""

from __future__ import annotations

import numpy as np
import pytest

from asteroid_cloud.query import FilterCache, SearchRequest, search, search_batch
from asteroid_cloud.query.knn.scores import scores_of
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.parts import World, random_vectors

DIM = 8
QUERY = random_vectors(1, DIM, seed=5)[0]


def filled(metric: str) -> World:
    world = World(DIM, metric)
    world.upsert(range(100), random_vectors(100, DIM), [b'{"n":%d}' % id for id in range(100)])
    return world


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_scores_are_made_of_the_distances(metric: str) -> None:
    snapshot = filled(metric).snapshot()
    result = search(snapshot, SearchRequest(vector=QUERY, k=100, include_score=True), FilterCache())
    assert result.scores is not None
    for distance, score in zip(result.distances.tolist(), result.scores.tolist(), strict=True):
        expected = {"l2": 1 / (1 + distance), "cosine": 1 - distance, "ip": -distance}[metric]
        assert score == expected
    assert np.all(np.diff(result.scores) <= 0)
    assert [hit.score for hit in result.hits] == result.scores.tolist()


def test_nobody_who_does_not_ask_has_scores() -> None:
    result = search(filled("l2").snapshot(), SearchRequest(vector=QUERY, min_score=0.0), FilterCache())
    assert result.scores is None
    assert {hit.score for hit in result.hits} == {None}


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_a_floor_includes_its_bound_whatever_is_skipped(metric: str) -> None:
    snapshot, cache = filled(metric).snapshot(), FilterCache()
    whole = search(snapshot, SearchRequest(vector=QUERY, k=100, include_score=True), cache)
    assert whole.scores is not None
    for place in (0, 1, 7, 99):
        floor = float(whole.scores[place])
        kept = int(np.count_nonzero(whole.scores >= floor))
        for offset in (0, 3, 50):
            asked = SearchRequest(vector=QUERY, k=20, offset=offset, min_score=floor, include_score=True)
            found = search(snapshot, asked, cache)
            assert found.ids.tolist() == whole.ids[offset : min(offset + 20, kept)].tolist()
    above = np.nextafter(float(whole.scores[0]), np.inf)
    assert len(search(snapshot, SearchRequest(vector=QUERY, min_score=float(above)), cache)) == 0


def test_a_floor_leaves_the_excluded_row_out_and_joins_with_the_farthest_distance() -> None:
    snapshot, cache = filled("l2").snapshot(), FilterCache()
    whole = search(snapshot, SearchRequest(id=7, k=99, include_score=True), cache)
    assert whole.scores is not None
    assert 7 not in whole.ids
    found = search(snapshot, SearchRequest(id=7, k=99, min_score=float(whole.scores[4])), cache)
    assert found.ids.tolist() == whole.ids[:5].tolist()
    both = {"min_score": float(whole.scores[4]), "max_distance": float(whole.distances[2])}
    assert search(snapshot, SearchRequest(id=7, k=99, **both), cache).ids.tolist() == whole.ids[:3].tolist()


def test_searches_of_a_batch_have_floors_of_their_own() -> None:
    snapshot, cache = filled("cosine").snapshot(), FilterCache()
    whole = search(snapshot, SearchRequest(vector=QUERY, include_score=True), cache)
    assert whole.scores is not None
    asked = [SearchRequest(vector=QUERY, min_score=float(floor)) for floor in whole.scores[[2, 5]]]
    assert [len(found) for found in search_batch(snapshot, asked, cache)] == [3, 6]


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_no_score_is_a_nan_or_a_negative_zero(metric: str) -> None:
    distances = np.array([-3e38, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 3e38, 1e300])
    distances = distances if metric == "ip" else distances[3:]
    scores = scores_of(distances, metric)
    assert np.isfinite(scores).all()
    assert not np.signbit(scores[scores == 0]).any()


@pytest.mark.parametrize("floor", [float("nan"), float("inf"), float("-inf")])
def test_a_floor_is_a_finite_number(floor: float) -> None:
    with pytest.raises(InvalidRequest) as caught:
        search(filled("l2").snapshot(), SearchRequest(vector=QUERY, min_score=floor), FilterCache())
    assert caught.value.code == "bad_min_score"
