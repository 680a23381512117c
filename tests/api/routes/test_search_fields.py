"""Lists of ids, scores, chosen fields and base64 over HTTP, in single searches, batches and reads of rows."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import httpx
import numpy as np
import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.query.limits import ALLOWED_IDS_MAX, FIELD_BYTES_MAX, FIELDS_MAX
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio

TOP = 2**64 - 1
EXACT = (
    '{"n":9007199254740993,"one":1.0,"in":{"a":[1, 2],"b":"x"},"tags":[{"a":1}],"cost":1e2,'
    '"a.b":0,"$c":1,"d\\\\":2}'
)
"""A payload whose numbers a careless reader would change."""


def base64_of(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.fixture
async def line(http: Http, store: Store) -> Http:
    """Ten vectors on a line, and one with the greatest id; id i lies at distance i from the origin."""
    await store.insert_batch([(id, [float(id), 0, 0, 0], {"n": id, "odd": id % 2 == 1}) for id in range(10)])
    last = b'{"id":%d,"vector":[99,0,0,0],"metadata":%s}' % (TOP, EXACT.encode())
    await http.send("POST", "/v1/vectors", last, status=201)
    return http


async def both_ways(http: Http, **search: object) -> list[dict[str, Any]]:
    """The hits of a search, which are the same alone and in a batch."""
    alone = await http.send("POST", "/v1/search", search, status=200)
    batch = {"searches": [{"vector": ZEROS, "k": 1}, search]}
    together = await http.send("POST", "/v1/search/batch", batch, status=200)
    assert together["results"][1] == alone
    return list(alone["results"])


async def test_only_the_ids_of_a_list_are_found(line: Http) -> None:
    async def found(ids: object, **more: object) -> list[int]:
        return [hit["id"] for hit in await both_ways(line, vector=ZEROS, ids=ids, **more)]

    assert await found([7, 3, "5", 3, 1234, str(TOP)]) == [3, 5, 7, TOP]
    assert await found([]) == []
    assert await found(None, k=2) == [0, 1]
    assert await found([2, 3, 4, 5], filter={"odd": True}) == [3, 5]
    assert await found(list(range(ALLOWED_IDS_MAX)), k=3, offset=1) == [1, 2, 3]
    assert await found([1, 2, 3], min_score=1 / (1 + 2.5)) == [1, 2]
    hits = await both_ways(line, id=2, ids=[1, 2, 3])
    assert [hit["id"] for hit in hits] == [1, 3]


async def test_a_list_of_ids_that_is_refused(line: Http) -> None:
    for ids in ("1", 1, {"1": 1}, True, [1.0], [-1], [None], ["x"], [TOP + 1], [[1]]):
        await line.refused("POST", "/v1/search", {"vector": ZEROS, "ids": ids}, status=400, code="bad_id")
        batch = {"searches": [{"vector": ZEROS}, {"vector": ZEROS, "ids": ids}]}
        told = await line.refused("POST", "/v1/search/batch", batch, status=400, code="bad_id")
        assert told["index"] == 1
    for ids in ([1] * (ALLOWED_IDS_MAX + 1), list(range(100_000))):
        asked = {"vector": ZEROS, "ids": ids}
        await line.refused("POST", "/v1/search", asked, status=413, code="batch_too_large")
        batch = {"searches": [asked]}
        await line.refused("POST", "/v1/search/batch", batch, status=413, code="batch_too_large")


async def test_scores_come_when_they_are_asked_for(line: Http) -> None:
    hits = await both_ways(line, vector=ZEROS, k=4, include=["score"])
    assert [list(hit) for hit in hits] == [["id", "distance", "score"]] * 4
    assert [hit["score"] for hit in hits] == [1 / (1 + hit["distance"]) for hit in hits]
    floor = hits[2]["score"]
    assert [hit["id"] for hit in await both_ways(line, vector=ZEROS, min_score=floor)] == [0, 1, 2]
    assert "score" not in (await both_ways(line, vector=ZEROS, min_score=floor))[0]
    assert [hit["id"] for hit in await both_ways(line, vector=ZEROS, min_score=floor, offset=2)] == [2]
    for floor in ("0.5", True, [], {}):
        asked: dict[str, object] = {"vector": ZEROS, "min_score": floor}
        await line.refused("POST", "/v1/search", asked, status=400, code="bad_min_score")
    for path in ("/v1/vectors/fetch", "/v1/vectors/scroll"):
        asked = {"include": ["score"]} | ({"ids": [1]} if "fetch" in path else {})
        await line.refused("POST", path, asked, status=400, code="bad_include")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["n", "one"], '{"n":9007199254740993,"one":1.0}'),
        (["in.a"], '{"in":{"a":[1, 2]}}'),
        (["in.a", "in"], '{"in":{"a":[1, 2],"b":"x"}}'),
        (["cost", "cost", "in.b", "gone", "in.gone", "n.n"], '{"in":{"b":"x"},"cost":1e2}'),
        (["tags.a"], "{}"),
        (["a\\.b", "\\$c", "d\\\\"], '{"a.b":0,"$c":1,"d\\\\":2}'),
        ([], "{}"),
    ],
)
async def test_chosen_fields_keep_their_texts(line: Http, fields: list[str], expected: str) -> None:
    asked: dict[str, dict[str, object]] = {
        "/v1/search": {"vector": ZEROS, "ids": [TOP], "fields": fields},
        "/v1/search/batch": {"searches": [{"id": 1, "ids": [TOP], "fields": fields, "include": ["payload"]}]},
        "/v1/vectors/fetch": {"ids": [TOP, 55], "fields": fields},
        "/v1/vectors/scroll": {"filter": {"one": 1}, "fields": fields, "include": ["payload"]},
    }
    for path, body in asked.items():
        answer = await line.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert f'"payload":{expected}}}' in answer.text, (path, answer.text)


async def test_fields_that_are_refused(line: Http) -> None:
    long = "x" * (FIELD_BYTES_MAX + 1)
    for fields in ("n", 1, {"n": 1}, [1], [None], [""], ["$n"], [long], ["n"] * (FIELDS_MAX + 1)):
        for path in ("/v1/search", "/v1/vectors/fetch", "/v1/vectors/scroll"):
            body = {"fields": fields} | ({"vector": ZEROS} if "search" in path else {})
            body |= {"ids": [1]} if "fetch" in path else {}
            await line.refused("POST", path, body, status=400, code="bad_fields")


async def test_base64_is_a_vector_wherever_one_is_taken(line: Http) -> None:
    three = base64_of(3, 0, 0, 0)
    assert [hit["id"] for hit in await both_ways(line, vector=three, k=1)] == [3]
    await line.send("POST", "/v1/vectors", {"id": 20, "vector": base64_of(20, 1, 2, 3)}, status=201)
    await line.send("PUT", "/v1/vectors/21", {"vector": base64_of(21, 1, 2, 3)}, status=200)
    items = [{"id": 22, "vector": base64_of(22, 1, 2, 3)}, {"id": 23, "vector": [23, 1, 2, 3]}]
    await line.send("POST", "/v1/vectors/batch", {"items": items}, status=201)
    for id in (20, 21, 22, 23):
        stored = await line.send("GET", f"/v1/vectors/{id}", status=200)
        assert stored["vector"] == pytest.approx([id, 1, 2, 3], abs=0.01)
    escaped = json.dumps(three).replace("/", "\\/").encode()
    await line.send("POST", "/v1/search", b'{"vector":%s}' % escaped, status=200)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "wrong_dim"),
        (base64_of(1, 2, 3), "wrong_dim"),
        (base64_of(1, 2, 3, 4, 5), "wrong_dim"),
        (base64_of(1, 2, 3, 4)[:-1], "bad_vector"),
        (base64_of(1, 2, 3, 4).rstrip("="), "bad_vector"),
        (base64_of(1, 2, 3, 4) + "\n", "bad_vector"),
        (" " + base64_of(1, 2, 3, 4), "bad_vector"),
        (base64.b64encode(bytes(15)).decode(), "bad_vector"),
        ("AAAAAAAAAAAAAAAAAAAAAB==", "bad_vector"),
        ("AAAAAAAAAAAAAAAAAAAA-A==", "bad_vector"),
        ("AAAAAAAAAAAAAAAAAAAAé===", "bad_vector"),
        (base64_of(1, 2, float("nan"), 4), "bad_vector"),
        (base64_of(1, 2, 3, float("-inf")), "bad_vector"),
    ],
)
async def test_base64_is_read_strictly(line: Http, text: str, code: str) -> None:
    search = {"vector": text}
    await line.refused("POST", "/v1/search", search, status=400, code=code)
    await line.refused("POST", "/v1/search/batch", {"searches": [search]}, status=400, code=code)
    await line.refused("POST", "/v1/vectors", {"id": 1, "vector": text}, status=400, code=code)
    await line.refused("PUT", "/v1/vectors/1", {"vector": text}, status=400, code=code)
    told = await line.refused(
        "POST", "/v1/vectors/batch", {"items": [{"id": 1, "vector": text}]}, status=400, code="bad_item"
    )
    assert (told["index"], told["reason"]) == (0, code)


async def test_answers_have_base64_when_it_is_asked_for(line: Http) -> None:
    def numbers(text: str) -> list[float]:
        return np.frombuffer(base64.b64decode(text, validate=True), "<f4").tolist()

    whole = [(await line.send("GET", f"/v1/vectors/{id}", status=200))["vector"] for id in range(10)]
    for id in range(10):
        one = await line.send("GET", f"/v1/vectors/{id}?vector_format=base64", status=200)
        assert numbers(one["vector"]) == whole[id]
    ask = {"include": ["vector"], "vector_format": "base64"}
    hits = await both_ways(line, vector=ZEROS, **ask)
    assert {hit["id"]: numbers(hit["vector"]) for hit in hits} == dict(enumerate(whole))
    fetched = await line.send("POST", "/v1/vectors/fetch", {"ids": [4, 2], **ask}, status=200)
    assert [numbers(row["vector"]) for row in fetched["vectors"]] == [whole[4], whole[2]]
    page = await line.send("POST", "/v1/vectors/scroll", {"limit": 10, **ask}, status=200)
    assert [numbers(row["vector"]) for row in page["vectors"]] == whole
    plain = {"include": ["vector"], "vector_format": "json"}
    fetched = await line.send("POST", "/v1/vectors/fetch", {"ids": [4], **plain}, status=200)
    assert fetched["vectors"][0]["vector"] == whole[4]
    lines = (await line.client.get("/v1/changes?include=vector&vector_format=base64")).text.splitlines()
    batch = next(change for change in map(json.loads, lines) if change["kind"] == "upsert")
    assert [numbers(text) for text in batch["vectors"]] == [[id, 0, 0, 0] for id in range(10)]


async def test_a_format_that_is_not_known_is_refused(line: Http) -> None:
    for format in ("hex", "", 1, True, ["base64"]):
        search = {"vector": ZEROS, "vector_format": format}
        bodies: dict[str, dict[str, object]] = {
            "/v1/search": search,
            "/v1/search/batch": {"searches": [search]},
            "/v1/vectors/fetch": {"ids": [1], "vector_format": format},
            "/v1/vectors/scroll": {"vector_format": format},
        }
        for path, body in bodies.items():
            await line.refused("POST", path, body, status=400, code="bad_vector_format")
    for path in ("/v1/vectors/1?vector_format=hex", "/v1/changes?vector_format=hex"):
        await line.refused("GET", path, status=400, code="bad_vector_format")


async def test_what_is_not_wanted_of_large_payloads_counts_as_no_answer(http: Http, store: Store) -> None:
    filling = "x" * 60_000
    rows = [(id, [float(id)] + [0.0] * (DIM - 1), {"n": id, "big": filling}) for id in range(1_500)]
    for first in range(0, 1_500, 300):
        await store.insert_batch(rows[first : first + 300])
    whole = {"vector": ZEROS, "k": 1_500, "include": ["payload"]}
    await http.refused("POST", "/v1/search", whole, status=413, code="answer_too_large")
    chosen = {"vector": ZEROS, "k": 1_500, "fields": ["n"]}
    told = await http.send("POST", "/v1/search", chosen, status=200)
    assert [hit["payload"] for hit in told["results"]] == [{"n": id} for id in range(1_500)]
    page = await http.send("POST", "/v1/vectors/scroll", {"limit": 1_500, "fields": ["n"]}, status=200)
    assert (len(page["vectors"]), page["cursor"]) == (1_500, None)


async def test_a_large_body_is_read_beside_other_requests(line: Http) -> None:
    ids = [*range(2**63, 2**63 + ALLOWED_IDS_MAX - 1), 4]
    answer: httpx.Response = await line.client.post("/v1/search", json={"vector": ZEROS, "ids": ids})
    assert [hit["id"] for hit in answer.json()["results"]] == [4]
