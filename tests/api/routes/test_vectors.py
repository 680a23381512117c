"""The routes of single vectors and their payloads."""

from __future__ import annotations

import pytest

from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio

GOOD_IDS = [b"0", b"7", b"18446744073709551615", b'"0"', b'"18446744073709551615"', b'"123"']
BAD_IDS = [
    *(b"-1", b"1.0", b"1e3", b"true", b"false", b"null", b"18446744073709551616", b"[1]", b"{}", b'""'),
    *(b'"-1"', b'"1.0"', b'"01"', b'"x"', b'" 1"', b'"18446744073709551616"', '"١"'.encode(), b"1" * 400),
]
BAD_VECTORS = [
    *(b"null", b"1", b'"abc"', b"{}", b'[1,2,3,"4"]', b"[1,2,3,null]", b"[1,2,3,true]", b"[1,2,3,[4]]"),
    *(b"[1,2,3,NaN]", b"[1,2,3,Infinity]", b"[1,2,3,-Infinity]", b"[1,2,3,1e39]", b"[1,2,3,-1e39]"),
    *(b"[1,2,3,1e999]", b"[1,2,3," + b"9" * 50 + b"]"),
]
BAD_PAYLOADS = [
    *(b"null", b"[]", b"1", b'"x"', b"true", b'{"a":NaN}', b'{"a":1e999}'),
    *(b'{"a":"\\ud800"}', b'{"a":"\xff"}'),
    b'{"a":"' + b"x" * 65_536 + b'"}',
    b'{"a":' * 65 + b"1" + b"}" * 65,
    b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
]


@pytest.mark.parametrize("id", GOOD_IDS)
async def test_an_id_may_be_any_unsigned_64_bit_integer(http: Http, id: bytes) -> None:
    number = int(id.strip(b'"'))
    body = b'{"id":' + id + b',"vector":[1,2,3,4],"metadata":{"a":1}}'
    told = await http.send("POST", "/v1/vectors", body, status=201)
    assert told == {"id": number, "lsn": 2, "result": "inserted"}
    assert (await http.send("GET", f"/v1/vectors/{number}", status=200))["id"] == number
    assert await http.found(vector=[1, 2, 3, 4]) == [number]
    fetched = await http.send("POST", "/v1/vectors/fetch", b'{"ids":[' + id + b"]}", status=200)
    assert fetched == {"vectors": [{"id": number}]}
    told = await http.send("POST", "/v1/vectors/delete", b'{"ids":[' + id + b"]}", status=200)
    assert told["deleted"] == 1


@pytest.mark.parametrize("id", BAD_IDS)
async def test_anything_else_is_no_id(http: Http, id: bytes) -> None:
    body = b'{"id":' + id + b',"vector":[1,2,3,4]}'
    await http.refused("POST", "/v1/vectors", body, status=400, code="bad_id")
    fetch = b'{"ids":[1,' + id + b"]}"
    await http.refused("POST", "/v1/vectors/fetch", fetch, status=400, code="bad_id")
    await http.refused("POST", "/v1/vectors/delete", fetch, status=400, code="bad_id")
    if id != b"null":  # which stands for a field left out
        await http.refused("POST", "/v1/search", b'{"id":' + id + b"}", status=400, code="bad_id")
    assert await http.found(vector=ZEROS) == []


@pytest.mark.parametrize("id", ["-1", "1.0", "x", "01", "18446744073709551616", "%20", "+1", "%D9%A1"])
async def test_a_bad_id_in_the_path_is_refused(http: Http, id: str) -> None:
    for method, path, body in [
        ("GET", f"/v1/vectors/{id}", None),
        ("DELETE", f"/v1/vectors/{id}", None),
        ("PUT", f"/v1/vectors/{id}", {"vector": ZEROS}),
        ("GET", f"/v1/vectors/{id}/payload", None),
        ("PUT", f"/v1/vectors/{id}/payload", {}),
        ("PATCH", f"/v1/vectors/{id}/payload", {}),
    ]:
        await http.refused(method, path, body, status=400, code="bad_id")


@pytest.mark.parametrize("vector", BAD_VECTORS)
async def test_a_bad_vector_is_refused(http: Http, vector: bytes) -> None:
    insert = b'{"id":1,"vector":' + vector + b"}"
    await http.refused("POST", "/v1/vectors", insert, status=400, code="bad_vector")
    upsert = b'{"vector":' + vector + b"}"
    await http.refused("PUT", "/v1/vectors/1", upsert, status=400, code="bad_vector")
    await http.refused("POST", "/v1/search", upsert, status=400, code="bad_vector")
    assert await http.found(vector=ZEROS) == []


@pytest.mark.parametrize("length", [0, 3, 5])
async def test_a_wrong_length_names_both_lengths(http: Http, length: int) -> None:
    for method, path, body in [
        ("POST", "/v1/vectors", {"id": 1, "vector": [1.0] * length}),
        ("PUT", "/v1/vectors/1", {"vector": [1.0] * length}),
        ("POST", "/v1/search", {"vector": [1.0] * length}),
        ("POST", "/v1/search/batch", {"searches": [{"vector": [1.0] * length}]}),
    ]:
        told = await http.refused(method, path, body, status=400, code="wrong_dim")
        assert str(length) in told["error"]
        assert str(DIM) in told["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"id":1,"vector":[0,0,0,0],"meta":{}}', "unknown_field"),
        (b'{"id":1}', "missing_field"),
        (b'{"vector":[0,0,0,0]}', "missing_field"),
        (b'{"id":1,"vector":[0,0,0,0]', "bad_json"),
        (b'{"id":1,"vector":[0,0,0,0]} 1', "bad_json"),
        (b"\xff", "bad_json"),
        (b"", "bad_json"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(http: Http, body: bytes, code: str) -> None:
    await http.refused("POST", "/v1/vectors", body, status=400, code=code)


async def test_vectors_are_stored_replaced_and_deleted(http: Http) -> None:
    await http.insert(1, [1, 2, 3, 4])
    told = await http.send("GET", "/v1/vectors/1", status=200)
    assert told == {"id": 1, "vector": pytest.approx([1, 2, 3, 4], abs=0.02)}
    told = await http.send("PUT", "/v1/vectors/1", {"vector": [-4, 3, 2, 1]}, status=200)
    assert told == {"id": 1, "lsn": http.lsn, "result": "replaced"}
    told = await http.send("GET", "/v1/vectors/1", status=200)
    assert told["vector"] == pytest.approx([-4, 3, 2, 1], abs=0.05)
    await http.send("PUT", "/v1/vectors/2", {"vector": ZEROS, "metadata": {"new": True}}, status=200)
    assert await http.send("GET", "/v1/vectors/2/payload", status=200) == {"new": True}
    for _ in range(2):
        await http.send("DELETE", "/v1/vectors/1", status=204)
    await http.refused("GET", "/v1/vectors/1", status=404, code="not_found")
    await http.refused("GET", "/v1/vectors/1/payload", status=404, code="not_found")


async def test_metadata_left_out_keeps_the_payload_and_an_empty_object_clears_it(http: Http) -> None:
    async def payload() -> object:
        return await http.send("GET", "/v1/vectors/1/payload", status=200)

    await http.insert(1, ZEROS)
    assert await payload() == {}
    await http.insert(1, ZEROS, {"a": 1})
    await http.insert(1, ZEROS)
    await http.send("PUT", "/v1/vectors/1", {"vector": ZEROS}, status=200)
    assert await payload() == {"a": 1}
    await http.insert(1, ZEROS, {"b": 2})
    assert await payload() == {"b": 2}
    await http.insert(1, ZEROS, {})
    assert await payload() == {}
    await http.insert(1, ZEROS, {"a": 1})
    await http.send("DELETE", "/v1/vectors/1", status=204)
    await http.insert(1, ZEROS)
    assert await payload() == {}


async def test_payloads_are_replaced_and_merged(http: Http) -> None:
    path = "/v1/vectors/1/payload"
    await http.insert(1, ZEROS, {"old": 1})
    exact = b'{"null":null,"big":18446744073709551615,"real":1.0,"deep":{"a":[1,{"b":2}],"x":1}}'
    assert (await http.send("PUT", path, exact, status=200)) == {"id": 1, "lsn": http.lsn}
    assert (await http.client.get(path)).content == exact
    patch = {"deep": {"a": [2], "x": None, "y": {"gone": None, "kept": 1}}, "null": 0}
    assert (await http.send("PATCH", path, patch, status=200)) == {"id": 1, "lsn": http.lsn}
    merged = (await http.client.get(path)).content
    assert merged == b'{"null":0,"big":18446744073709551615,"real":1.0,"deep":{"a":[2],"y":{"kept":1}}}'
    await http.send("PATCH", path, {}, status=200)
    assert (await http.client.get(path)).content == merged
    await http.send("PUT", path, {}, status=200)
    assert await http.send("GET", path, status=200) == {}
    for method in ("PUT", "PATCH"):
        await http.refused(method, "/v1/vectors/2/payload", {}, status=404, code="not_found")


@pytest.mark.parametrize("payload", BAD_PAYLOADS)
async def test_a_bad_payload_is_refused(http: Http, payload: bytes) -> None:
    await http.insert(1, ZEROS, {"a": 1})
    insert = b'{"id":1,"vector":[0,0,0,0],"metadata":' + payload + b"}"
    upsert = b'{"vector":[0,0,0,0],"metadata":' + payload + b"}"
    code = "bad_json" if b"\\ud800" in payload else "bad_payload"  # the decoder stops before the field ends
    await http.refused("POST", "/v1/vectors", insert, status=400, code=code)
    await http.refused("PUT", "/v1/vectors/1", upsert, status=400, code=code)
    for method in ("PUT", "PATCH"):
        await http.refused(method, "/v1/vectors/1/payload", payload, status=400, code="bad_payload")
    assert await http.send("GET", "/v1/vectors/1/payload", status=200) == {"a": 1}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":"' + b"x" * (65_536 - 8) + b'"}',
        b'{"a":' * 64 + b"1" + b"}" * 64,
        b'{"a":"' + b"{[" * 500 + b'\\"{"}',
        '{"ä":"\U0001f600 \\ud83d\\ude00"}'.encode(),
    ],
)
async def test_a_payload_may_be_as_large_and_deep_as_the_limits(http: Http, payload: bytes) -> None:
    body = b'{"id":1,"vector":[0,0,0,0],"metadata":' + payload + b"}"
    await http.send("POST", "/v1/vectors", body, status=201)
    assert (await http.client.get("/v1/vectors/1/payload")).content == payload
    batch = b'{"items":[{"id":2,"vector":[0,0,0,0],"metadata":' + payload + b"}]}"
    await http.send("POST", "/v1/vectors/batch", batch, status=201)
    assert (await http.client.get("/v1/vectors/2/payload")).content == payload


async def test_a_merge_cannot_grow_a_payload_beyond_its_limit(http: Http) -> None:
    await http.insert(1, ZEROS, {"a": "x" * 60_000})
    patch = {"b": "y" * 60_000}
    await http.refused("PATCH", "/v1/vectors/1/payload", patch, status=400, code="bad_payload")
    assert list(await http.send("GET", "/v1/vectors/1/payload", status=200)) == ["a"]
