"""Groups, diverse hits and examples over HTTP, in single searches and batches, in `default` and by name."""

from __future__ import annotations

from typing import Any

import pytest

from asteroid_cloud.api import Store
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio

LANGS = ["en", "de", None, "en", 1, 1.0, True, ["en"], "de", "fr"]


@pytest.fixture
async def line(http: Http, store: Store) -> Http:
    """Ten vectors on a line; id i lies at distance i from the origin."""
    await store.insert_batch(
        [(id, [float(id), 0, 0, 0], {"in": {"lang": lang}, "n": id}) for id, lang in enumerate(LANGS)]
    )
    return http


async def both_ways(http: Http, **search: object) -> dict[str, Any]:
    """The answer to a search, which is the same alone and in a batch."""
    alone = await http.send("POST", "/v1/search", search, status=200)
    batch = {"searches": [{"vector": ZEROS, "k": 1}, search]}
    together = await http.send("POST", "/v1/search/batch", batch, status=200)
    if "explain" not in search:
        assert together["results"][1] == alone
    return dict(alone)


async def test_groups(line: Http) -> None:
    by = {"field": "in.lang", "size": 2}
    answer = await both_ways(line, vector=ZEROS, group_by=by, include=["payload", "score"], fields=["n"])
    assert answer.keys() == {"groups"}
    found = [(group["value"], [hit["id"] for hit in group["hits"]]) for group in answer["groups"]]
    assert found == [("en", [0, 3]), ("de", [1, 8]), (1, [4, 5]), (True, [6]), ("fr", [9])]
    assert answer["groups"][1]["hits"] == [
        {"id": 1, "distance": 1.0, "score": 0.5, "payload": {"n": 1}},
        {"id": 8, "distance": 8.0, "score": 1 / 9, "payload": {"n": 8}},
    ]
    some = await both_ways(line, id=0, k=1, offset=1, group_by={"field": "in.lang"}, filter={"n": {"$gt": 2}})
    assert [(group["value"], group["hits"][0]["id"]) for group in some["groups"]] == [(1, 4)]
    some = await both_ways(line, vector=ZEROS, ids=[8, 9], group_by=by, max_distance=8.5)
    assert [group["value"] for group in some["groups"]] == ["de"]
    answer = await both_ways(line, vector=ZEROS, group_by=by, explain=True)
    assert answer["explain"]["complete"] is True
    assert answer["explain"]["matches"] == 8
    assert (await both_ways(line, vector=ZEROS, group_by={"field": "gone"}))["groups"] == []


async def test_diverse_hits(line: Http, store: Store) -> None:
    await store.insert_batch([(100 + id, [0.001 * id, 0, 0, 0], None) for id in range(5)])
    plain = await both_ways(line, vector=ZEROS, k=3)
    hits = await both_ways(line, vector=ZEROS, k=3, diversity={"lambda": 0.25})
    assert hits["results"][0] == plain["results"][0]
    assert hits["results"] != plain["results"]
    assert await both_ways(line, vector=ZEROS, k=3, diversity={"lambda": 1}) == plain
    few = await both_ways(line, vector=ZEROS, k=3, diversity={"lambda": 0, "candidates": 3})
    assert {hit["id"] for hit in few["results"]} == {hit["id"] for hit in plain["results"]}
    both = await both_ways(line, id=0, k=2, diversity={}, explain=True, filter={"n": {"$gt": 0}})
    assert len(both["results"]) == 2
    assert both["explain"]["matches"] == 9


async def test_examples(line: Http) -> None:
    hits = await both_ways(line, recommend={"positive": [4, "6"]}, k=3)
    assert [hit["id"] for hit in hits["results"]] == [5, 3, 7]
    hits = await both_ways(line, recommend={"positive": [4], "negative": [2]}, k=2)
    assert [hit["id"] for hit in hits["results"]] == [6, 5]
    hits = await both_ways(line, recommend={"positive": [4], "negative": None}, k=1, offset=1)
    assert [hit["id"] for hit in hits["results"]] == [5]
    groups = await both_ways(line, recommend={"positive": [0]}, group_by={"field": "in.lang"}, k=1)
    assert [(group["value"], group["hits"][0]["id"]) for group in groups["groups"]] == [("de", 1)]
    for search, status, code, details in (
        ({"recommend": {"positive": [4, 77]}}, 404, "not_found", {"id": 77}),
        ({"recommend": {"positive": []}}, 400, "bad_recommend", {}),
        ({"recommend": {"negative": [1]}}, 400, "bad_recommend", {}),
        ({"recommend": {"positive": [1], "other": 1}}, 400, "bad_recommend", {}),
        ({"recommend": [1]}, 400, "bad_recommend", {}),
        ({"recommend": {"positive": [-1]}}, 400, "bad_id", {}),
        ({"recommend": {"positive": [1] * 1_001}}, 413, "batch_too_large", {}),
        ({"recommend": {"positive": [1]}, "id": 1}, 400, "bad_vector", {}),
        ({}, 400, "bad_vector", {}),
    ):
        refused = await line.send("POST", "/v1/search", search, status=status)
        assert refused["code"] == code
        assert details.items() <= refused.items()
        batch = {"searches": [{"vector": ZEROS}, search]}
        refused = await line.send("POST", "/v1/search/batch", batch, status=status)
        assert refused["code"] == code
        assert ({"index": 1} | details).items() <= refused.items() or code == "batch_too_large"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("group_by", "n"),
        ("group_by", {}),
        ("group_by", {"field": ""}),
        ("group_by", {"field": "$n"}),
        ("group_by", {"field": 1}),
        ("group_by", {"field": "n", "size": 0}),
        ("group_by", {"field": "n", "size": 1.0}),
        ("group_by", {"field": "n", "size": True}),
        ("group_by", {"field": "n", "size": 1_001}),
        ("group_by", {"field": "n", "sizes": 1}),
        ("diversity", 0.5),
        ("diversity", {"lambda": 1.1}),
        ("diversity", {"lambda": "1"}),
        ("diversity", {"lambda": True}),
        ("diversity", {"candidates": 9}),
        ("diversity", {"candidates": 2_001}),
        ("diversity", {"candidates": 40.0}),
        ("diversity", {"lambdas": 1}),
    ],
)
async def test_what_is_refused(line: Http, field: str, value: object) -> None:
    refused = await line.send("POST", "/v1/search", {"vector": ZEROS, field: value}, status=400)
    assert refused["code"] == f"bad_{field}"


async def test_what_does_not_go_together(line: Http) -> None:
    both = {"vector": ZEROS, "group_by": {"field": "n"}, "diversity": {}}
    assert (await line.send("POST", "/v1/search", both, status=400))["code"] == "bad_group_by"
    skipping = {"vector": ZEROS, "offset": 1, "diversity": {}}
    assert (await line.send("POST", "/v1/search", skipping, status=400))["code"] == "bad_diversity"


async def test_in_a_named_collection_with_strings_for_ids(line: Http) -> None:
    await line.send(
        "PUT", "/v1/collections/books", {"dim": DIM, "ids": "string", "vector": "optional"}, status=200
    )
    items = [{"id": f"b{n}", "vector": [n, 0, 0, 0], "metadata": {"v": n % 2}} for n in range(6)]
    items.append({"id": "bare", "vector": None, "metadata": {"v": 1}})
    await line.send("POST", "/v1/collections/books/vectors/batch", {"items": items}, status=201)
    path = "/v1/collections/books/search"
    by = {"vector": ZEROS, "group_by": {"field": "v", "size": 9}}
    answer = await line.send("POST", path, by, status=200)
    found = [(group["value"], [hit["id"] for hit in group["hits"]]) for group in answer["groups"]]
    assert found == [(0, ["b0", "b2", "b4"]), (1, ["b1", "b3", "b5"])]
    answer = await line.send("POST", path, {"recommend": {"positive": ["b1", "b3"]}, "k": 1}, status=200)
    assert [hit["id"] for hit in answer["results"]] == ["b2"]
    answer = await line.send("POST", path, {"id": "b0", "k": 2, "diversity": {"lambda": 1}}, status=200)
    assert [hit["id"] for hit in answer["results"]] == ["b1", "b2"]
    refused = await line.send("POST", path, {"recommend": {"positive": ["b1", "bare"]}}, status=409)
    assert (refused["code"], refused["id"]) == ("no_vector", "bare")
    refused = await line.send("POST", path, {"recommend": {"positive": [1]}}, status=400)
    assert refused["code"] == "bad_id"
