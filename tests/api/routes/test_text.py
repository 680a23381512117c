"""Searches by words over HTTP: which fields are indexed, by words alone, fused with a vector, in batches."""

from __future__ import annotations

from typing import Any

import pytest

from asteroid_cloud.api import Store
from tests.support.asking import ZEROS, Http
from tests.support.bm25 import Bm25

pytestmark = pytest.mark.anyio
FIELDS = {"gloss": "english", "title": ""}
DOCUMENTS: dict[int, dict[str, Any]] = {
    0: {"title": "Dog", "gloss": "a domesticated animal that barks", "n": 0},
    1: {"title": "Cat", "gloss": "a domesticated animal that purrs", "n": 1},
    2: {"title": ["Wolf", "Dogs and wolves"], "gloss": "animals of the wild, like a dog", "n": 2},
    3: {"title": "東京都", "gloss": "the capital", "n": 3},
    4: {"n": 4},
}
DEFINITION = {"fields": {"gloss": {"language": "english"}, "title": {}}}


@pytest.fixture
async def pets(http: Http, store: Store) -> Http:
    """Five rows on a line, and an index over two fields of them."""
    await store.insert_batch([(id, [float(id), 0, 0, 0], each) for id, each in DOCUMENTS.items()])
    await http.send("PUT", "/v1/text", DEFINITION, status=200)
    return http


async def both_ways(http: Http, **search: object) -> list[dict[str, Any]]:
    """The hits of a search, which are the same alone and in a batch."""
    alone = await http.send("POST", "/v1/search", search, status=200)
    batch = {"searches": [{"vector": ZEROS, "k": 1}, search]}
    together = await http.send("POST", "/v1/search/batch", batch, status=200)
    assert together["results"][1] == alone
    return list(alone["results"])


async def test_an_index_is_defined_shown_and_removed(http: Http, store: Store) -> None:
    missing = await http.send("GET", "/v1/text", status=409)
    assert missing["code"] == "no_text_index"
    assert (await http.send("GET", "/v1/stats", status=200))["text"] is None
    made = await http.send("PUT", "/v1/text", DEFINITION, status=200)
    assert made["fields"] == DEFINITION["fields"]
    again = await http.send("PUT", "/v1/text", DEFINITION, status=200)
    assert again == made
    assert await http.send("GET", "/v1/text", status=200) == made | {"rows": 0, "indexed": 0}
    assert (await http.send("GET", "/v1/stats", status=200))["text"] == {"rows": 0, "indexed": 0}
    assert (await http.send("DELETE", "/v1/text", status=200))["deleted"] is True
    assert (await http.send("DELETE", "/v1/text", status=200))["deleted"] is False
    refused = await http.send("POST", "/v1/search", {"text": "dog"}, status=409)
    assert refused["code"] == "no_text_index"


@pytest.mark.parametrize(
    "body",
    [
        {"fields": {}},
        {"fields": ["a"]},
        {"fields": {"a": {"language": "klingon"}}},
        {"fields": {"a": {"language": 1}}},
        {"fields": {"a": {"tongue": "english"}}},
        {"fields": {"a": 1}},
        {"fields": {"": {}}},
        {"fields": {f"f{number}": {} for number in range(17)}},
        {"fields": {".".join("abcdefghi"): {}}},
    ],
)
async def test_a_definition_that_does_not_fit_is_refused(http: Http, store: Store, body: object) -> None:
    assert (await http.send("PUT", "/v1/text", body, status=400))["code"] == "bad_text"
    assert (await http.send("GET", "/v1/text", status=409))["code"] == "no_text_index"


async def test_words_alone_give_hits_by_score_without_distances(pets: Http) -> None:
    oracle = Bm25(DOCUMENTS, FIELDS)
    for query in ("dog", "dogs animals", "domesticated ANIMAL", "東京", "wolf capital", "nothing", "", "…"):
        hits = await both_ways(pets, text=query)
        assert [hit["id"] for hit in hits] == [id for _, id in oracle.ranked(query)]
        assert [hit["score"] for hit in hits] == pytest.approx([score for score, _ in oracle.ranked(query)])
        assert all(hit.keys() == {"id", "score"} for hit in hits)
    every = await both_ways(pets, text="animal dog")
    assert await both_ways(pets, text="animal dog", k=1) == every[:1]
    assert await both_ways(pets, text="animal dog", k=1, offset=1) == every[1:2]
    assert await both_ways(pets, text="animal dog", min_score=every[1]["score"]) == every[:2]
    assert {hit["id"] for hit in await both_ways(pets, text="animal dog", filter={"n": {"$lt": 2}})} == {0, 1}
    assert {hit["id"] for hit in await both_ways(pets, text="animal dog", ids=[1, 4])} == {1}


async def test_operator_phrase_and_fields(pets: Http) -> None:
    async def ids(**text: object) -> set[int]:
        return {hit["id"] for hit in await both_ways(pets, text=text)}

    assert await ids(query="dog animal") == {0, 1, 2}
    assert await ids(query="dog animal", operator="and") == {0, 2}
    assert await ids(query="dog", fields=["title"]) == {0}
    assert await ids(query="dog", fields=["gloss"]) == {2}
    assert await ids(query="domesticated animal", phrase=True) == {0, 1}
    assert await ids(query="animal domesticated", phrase=True) == set()
    assert await ids(query="Wolf Dogs", phrase=True) == set()
    assert await ids(query="dogs and wolves", phrase=True) == {2}


async def test_a_vector_and_words_are_fused_by_rank(pets: Http) -> None:
    words = await both_ways(pets, text="dog animal")
    near = await both_ways(pets, vector=ZEROS, k=100)
    by_text = {hit["id"]: rank for rank, hit in enumerate(words, 1)}
    by_vector = {hit["id"]: rank for rank, hit in enumerate(near, 1)}
    for fusion in (None, {"k": 1}, {"method": "rrf", "weights": [1, 5]}, {"weights": [0, 1]}):
        k, weights = (fusion or {}).get("k", 60), (fusion or {}).get("weights", [1, 1])
        scores = dict.fromkeys(by_vector, 0.0)
        for ranks, weight in ((by_vector, weights[0]), (by_text, weights[1])):
            for id, rank in ranks.items():
                scores[id] += weight / (k + rank)
        hits = await both_ways(pets, vector=ZEROS, text="dog animal", fusion=fusion)
        assert [(hit["id"], hit["score"]) for hit in hits] == [
            (id, pytest.approx(score))
            for id, score in sorted(scores.items(), key=lambda each: (-each[1], each[0]))
        ]
        for hit in hits:
            assert hit["distance"] == pytest.approx(hit["id"], abs=0.02)
            assert ("text_score" in hit) == (hit["id"] in by_text)
    limited = await both_ways(pets, vector=ZEROS, text="dog animal", max_distance=0.5)
    assert {hit["id"]: "distance" in hit for hit in limited} == {0: True, 1: False, 2: False}
    filtered = await both_ways(pets, vector=ZEROS, text="dog animal", filter={"n": {"$gt": 0}}, k=2)
    assert all(hit["id"] > 0 for hit in filtered)
    like = await both_ways(pets, id=0, text="dog animal")
    assert 0 not in {hit["id"] for hit in like}
    assert {1, 2} <= {hit["id"] for hit in like}
    examples = await both_ways(pets, recommend={"positive": [0], "negative": [3]}, text="dog animal")
    assert {hit["id"] for hit in examples} == {1, 2, 4}


async def test_columns_come_with_hits_of_words(pets: Http) -> None:
    hits = await both_ways(pets, text="dog", include=["payload", "vector"], k=1)
    assert hits[0]["payload"] == DOCUMENTS[hits[0]["id"]]
    assert hits[0]["vector"] == pytest.approx([hits[0]["id"], 0, 0, 0], abs=0.02)
    assert (await both_ways(pets, text="dog", fields=["n"], k=1))[0]["payload"] == {"n": hits[0]["id"]}


async def test_explain_tells_of_both_lists(pets: Http) -> None:
    alone = (await pets.send("POST", "/v1/search", {"text": "Dogs animal", "explain": True}, status=200))[
        "explain"
    ]
    assert alone["matches"] == 3
    assert alone["text"]["words"] == ["dogs", "animal"]
    assert alone["text"]["matches"] == 3
    body = {"vector": ZEROS, "text": "wolf", "explain": True, "k": 3}
    answer = await pets.send("POST", "/v1/search", body, status=200)
    told = answer["explain"]
    assert told["matches"] == 5
    assert told["text"]["matches"] == 1
    assert told["text"]["candidates"] == 1
    ranks = dict(zip([hit["id"] for hit in answer["results"]], told["text"]["ranks"], strict=True))
    assert ranks == {2: {"vector": 3, "text": 1}, 0: {"vector": 1}, 1: {"vector": 2}}
    plain = await pets.send("POST", "/v1/search", {"vector": ZEROS, "explain": True}, status=200)
    assert "text" not in plain["explain"]


@pytest.mark.parametrize(
    ("search", "code"),
    [
        ({"text": 1}, "bad_text"),
        ({"text": {}}, "bad_text"),
        ({"text": {"query": 1}}, "bad_text"),
        ({"text": {"query": "a", "operator": "xor"}}, "bad_text"),
        ({"text": {"query": "a", "phrase": 1}}, "bad_text"),
        ({"text": {"query": "a", "fields": ["n"]}}, "bad_text"),
        ({"text": {"query": "a", "fields": []}}, "bad_text"),
        ({"text": {"query": "a", "fields": "title"}}, "bad_text"),
        ({"text": {"query": "a", "words": 1}}, "bad_text"),
        ({"text": "a" * 5_000}, "bad_text"),
        ({"text": "a " * 300}, "bad_text"),
        ({"text": "a", "fusion": {}}, "bad_fusion"),
        ({"vector": ZEROS, "fusion": {}}, "bad_fusion"),
        ({"text": "a", "vector": ZEROS, "fusion": {"method": "dbsf"}}, "bad_fusion"),
        ({"text": "a", "vector": ZEROS, "fusion": {"k": 0}}, "bad_fusion"),
        ({"text": "a", "vector": ZEROS, "fusion": {"weights": [1]}}, "bad_fusion"),
        ({"text": "a", "vector": ZEROS, "fusion": {"weights": [0, 0]}}, "bad_fusion"),
        ({"text": "a", "vector": ZEROS, "fusion": {"weights": [-1, 1]}}, "bad_fusion"),
        ({"text": "a", "max_distance": 1}, "bad_max_distance"),
        ({"text": "a", "vector": ZEROS, "id": 1}, "bad_vector"),
        ({}, "bad_vector"),
        ({"text": "a", "id": 1, "recommend": {"positive": [1]}}, "bad_vector"),
        ({"text": "a", "group_by": {"field": "n"}}, "bad_group_by"),
        ({"text": "a", "vector": ZEROS, "diversity": {}}, "bad_diversity"),
    ],
)
async def test_a_search_that_does_not_fit_is_refused(pets: Http, search: dict[str, Any], code: str) -> None:
    assert (await pets.send("POST", "/v1/search", search, status=400))["code"] == code
    batch = {"searches": [{"text": "dog"}, search]}
    refused = await pets.send("POST", "/v1/search/batch", batch, status=400)
    assert (refused["code"], refused["index"]) == (code, 1)


async def test_a_collection_has_a_text_index_of_its_own(http: Http, store: Store) -> None:
    body = {"dim": 2, "vector": "optional", "text": DEFINITION}
    made = await http.send("PUT", "/v1/collections/books", body, status=200)
    assert made["text"] == DEFINITION
    assert await http.send("PUT", "/v1/collections/books", body, status=200) == made
    assert await http.send("GET", "/v1/collections/books", status=200) == made
    other = {"text": {"fields": {"title": {}}}}
    differs = await http.send("PUT", "/v1/collections/books", other, status=409)
    assert differs["code"] == "collection_differs"
    row = {"vector": None, "metadata": {"title": "a dog"}}
    await http.send("PUT", "/v1/collections/books/vectors/1", row, status=200)
    found = await http.send(
        "POST", "/v1/collections/books/search", {"text": "dog", "include": ["vector"]}, status=200
    )
    assert [hit["id"] for hit in found["results"]] == [1]
    assert "vector" not in found["results"][0]
    assert (await http.send("PUT", "/v1/collections/books/text", other["text"], status=200))["fields"] == {
        "title": {}
    }
    assert (await http.send("GET", "/v1/collections/books", status=200))["text"] == other["text"]
    assert (await http.send("GET", "/v1/text", status=409))["code"] == "no_text_index"
    bad = {"dim": 2, "text": {"fields": {}}}
    assert (await http.send("PUT", "/v1/collections/bad", bad, status=400))["code"] == "bad_text"
    assert (await http.send("GET", "/v1/collections/bad", status=404))["code"] == "no_collection"
    plain = await http.send("PUT", "/v1/collections/plain", {"dim": 2}, status=200)
    assert "text" not in plain


async def test_a_key_answers_a_definition_again(http: Http, store: Store) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await http.send("PUT", "/v1/text", DEFINITION, status=200, headers=headers)
    await http.send("DELETE", "/v1/text", status=200)
    again = await http.send("PUT", "/v1/text", DEFINITION, status=200, headers=headers)
    assert again == first
    assert (await http.send("GET", "/v1/text", status=409))["code"] == "no_text_index"
