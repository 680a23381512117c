"""What a search says about its own order: what first bytes can hide, or what the core knows better."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from asteroid_cloud.indexer import IndexSpec, search_prepared
from asteroid_cloud.query import FilterCache, SearchRequest, parse_filter, search
from asteroid_cloud.query.knn.error_bound import HITS_AT_ONCE, band
from tests.support.parts import Vectors, World, random_vectors

DIM = 16


def decoded(metric: str, bits: int, vectors: Vectors) -> Vectors:
    """The vectors as an index of so many bits a value has them."""
    world = World(DIM, metric)
    world.spec = IndexSpec(DIM, metric, bits)
    world.upsert(list(range(len(vectors))), vectors)
    (view,) = world.snapshot().parts
    return view.vectors(np.arange(len(vectors), dtype=np.uint32))


def distances(metric: str, query: Vectors, vectors: Vectors) -> Vectors:
    q, v = query.astype(np.float64), vectors.astype(np.float64)
    if metric == "l2":
        return np.linalg.norm(v - q, axis=1).astype(np.float32)
    product = v @ q
    if metric == "ip":
        return (-product).astype(np.float32)
    return (1 - product / np.linalg.norm(v, axis=1) / np.linalg.norm(q)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_first_bytes_are_wrong_by_no_more_than_the_band(metric: str, scale: float) -> None:
    vectors = random_vectors(500, DIM) * np.float32(scale)
    query = random_vectors(1, DIM, seed=3) * np.float32(scale)
    fine = decoded(metric, 16, vectors)
    first = distances(metric, decoded(metric, 8, query)[0], decoded(metric, 8, vectors))
    wrong = np.abs(first.astype(np.float64) - distances(metric, query[0], fine)).max()
    allowed = band(IndexSpec(DIM, metric), query[0], fine)
    assert 0 < wrong <= allowed * 1.01
    assert allowed < 40 * wrong, "a band that says nothing"


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_a_constant_vector_and_one_of_zeros_are_exact(metric: str) -> None:
    same = np.array([[0.0] * DIM, [1.0] * DIM], np.float32)
    assert band(IndexSpec(DIM, metric), same[1], same) == 0
    assert band(IndexSpec(DIM, metric), same[0], same[:0]) == 0


def test_explain_has_the_widest_hit_whatever_their_number() -> None:
    world = World(DIM)
    vectors = random_vectors(HITS_AT_ONCE + 50, DIM)
    vectors[7] *= 10  # the farthest
    world.upsert(list(range(len(vectors))), vectors)
    request = SearchRequest(vector=vectors[0], k=len(vectors), explain=True)
    bounds = []
    for k in (1, len(vectors) - 1, len(vectors)):
        explain = search(world.snapshot(), replace(request, k=k), FilterCache()).explain
        assert explain is not None
        bounds.append(explain.error_bound)
    assert 0 < bounds[0] < bounds[1] < bounds[2]


def test_an_exact_search_and_one_without_hits_have_no_error() -> None:
    world = World(DIM)
    vectors = random_vectors(20, DIM)
    world.upsert(list(range(20)), vectors)
    none = parse_filter({"a": 1})
    for request in (
        SearchRequest(vector=vectors[0], exact=True, explain=True),
        SearchRequest(vector=vectors[0], filter=none, explain=True),
    ):
        explain = search(world.snapshot(), request, FilterCache()).explain
        assert explain is not None
        assert explain.complete
        assert explain.error_bound == 0


def test_what_the_core_says_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_bounds(*arguments: object, **options: object) -> object:
        hits = search_prepared(*arguments, **options)  # type: ignore[arg-type]
        return replace(hits, error_bounds=np.full(len(hits.found), 0.25, np.float32))

    monkeypatch.setattr("asteroid_cloud.query.knn.search.search_prepared", with_bounds)
    world = World(DIM)
    world.upsert([1], random_vectors(1, DIM))
    request = SearchRequest(vector=random_vectors(1, DIM)[0], explain=True)
    explain = search(world.snapshot(), request, FilterCache()).explain
    assert explain is not None
    assert explain.error_bound == 0.25
