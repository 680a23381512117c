"""Writes of many kinds of changes in one record, and fields that are set without merging."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asteroid_cloud.api import Store
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio
WRITE, SET, ONE = "/v1/write", "/v1/vectors/set", "/v1/vectors"
OTHER = [1.0] * DIM
NONE = {"deleted": 0, "inserted": 0, "replaced": 0, "skipped": 0, "patched": 0, "set": 0}


def item(id: int, **fields: object) -> dict[str, object]:
    return {"id": id, "vector": OTHER, **fields}


async def payload(http: Http, id: int) -> Any:
    return await http.send("GET", f"{ONE}/{id}/payload", status=200)


async def payloads(http: Http) -> dict[int, Any]:
    body = {"limit": 100, "include": ["payload"]}
    told = await http.send("POST", "/v1/vectors/scroll", body, status=200)
    return {row["id"]: row["payload"] for row in told["vectors"]}


async def filled(http: Http) -> int:
    for id in range(1, 6):
        await http.insert(id, ZEROS, {"n": id, "deep": {"a": 1, "b": 2}})
    return http.lsn


async def test_all_of_it_is_one_record_in_the_order_that_is_said(http: Http) -> None:
    lsn = await filled(http)
    body = {
        "sets": [
            {"id": 4, "set": {"deep": {"c": None}}, "unset": ["n"]},
            {"id": 9, "unset": ["x", "deep.a"]},
        ],
        "patches": [{"id": 4, "patch": {"deep": {"a": None}}}, {"id": 9, "patch": {"y": 1}}],
        "upserts": [
            item(1),
            item(2, metadata={"new": 2}),
            item(9, metadata={"x": 1, "deep": {"a": 1}}),
            item(5),
        ],
        "deletes": [1, 1, 77],
        "delete_filters": [{"n": 2}, {"n": {"$lte": 1}}],
    }
    told = await http.send("POST", WRITE, body, status=200)
    assert told == {
        "lsn": lsn + 1, "deleted": 2, "inserted": 4, "replaced": 1, "skipped": 0, "patched": 2, "set": 2,
    }  # fmt: skip
    assert await payloads(http) == {
        1: {},
        2: {"new": 2},
        3: {"n": 3, "deep": {"a": 1, "b": 2}},
        4: {"deep": {"c": None}},
        5: {"n": 5, "deep": {"a": 1, "b": 2}},
        9: {"deep": {}, "y": 1},
    }
    assert (await http.send("GET", f"{ONE}/5", status=200))["vector"] == pytest.approx(OTHER, abs=0.01)
    assert (await http.send("GET", f"{ONE}/4", status=200))["vector"] == pytest.approx(ZEROS, abs=0.01)


@pytest.mark.parametrize(
    ("body", "status", "code", "where", "index"),
    [
        ({"patches": [{"id": 1, "patch": {}}, {"id": 8, "patch": {}}]}, 404, "not_found", "patches", 1),
        ({"sets": [{"id": 8, "set": {}}]}, 404, "not_found", "sets", 0),
        ({"deletes": [1], "sets": [{"id": 1, "set": {"a": 1}}]}, 404, "not_found", "sets", 0),
        ({"upserts": [item(8), item(1, on_existing="fail")]}, 409, "id_exists", "upserts", 1),
        ({"upserts": [item(8), item(1, if_match=1)]}, 412, "precondition_failed", "upserts", 1),
        ({"upserts": [item(8, if_match="*")]}, 412, "precondition_failed", "upserts", 0),
        ({"deletes": [1], "upserts": [item(1, if_match="*")]}, 412, "precondition_failed", "upserts", 0),
        ({"patches": [{"id": 1, "patch": {"x": "y" * 65_520}}]}, 400, "bad_payload", "patches", 0),
    ],
)
async def test_one_item_refuses_all_of_it(
    http: Http, body: dict[str, Any], status: int, code: str, where: str, index: int
) -> None:
    lsn = await filled(http)
    before = await payloads(http)
    whole = {"delete_filters": [{"n": 5}]} | body
    told = await http.refused("POST", WRITE, whole, status=status, code=code)
    assert (told["list"], told["index"]) == (where, index)
    told = await http.refused("POST", WRITE, body, status=status, code=code)
    assert (told["list"], told["index"]) == (where, index)
    assert await payloads(http) == before
    await http.insert(99, ZEROS)
    assert http.lsn == lsn + 1


@pytest.mark.parametrize(
    ("body", "code", "where", "reason"),
    [
        ({}, "empty_batch", None, None),
        ({"deletes": [], "upserts": []}, "empty_batch", None, None),
        ({"upsert": []}, "unknown_field", None, None),
        ({"deletes": 1}, "bad_request", None, None),
        ({"deletes": [1, -1]}, "bad_item", "deletes", "bad_id"),
        ({"deletes": [1, 1.0]}, "bad_item", "deletes", "bad_id"),
        ({"upserts": [item(1), {"id": 2, "vector": [1]}]}, "bad_item", "upserts", "wrong_dim"),
        ({"patches": [{"id": 1, "patch": {}}, {"id": 1}]}, "bad_item", "patches", "missing_field"),
        ({"patches": [{"id": 1, "patch": {}}, {"id": 1, "patch": []}]}, "bad_item", "patches", "bad_payload"),
        ({"sets": [{"id": 1, "set": {}}, {"id": 1}]}, "bad_item", "sets", "missing_field"),
        ({"sets": [{"id": 1, "set": {}}, {"id": 1, "unset": ["a\\q"]}]}, "bad_item", "sets", "bad_unset"),
        ({"sets": [{"id": 1, "set": {}}, {"id": 1, "set": {}, "x": 1}]}, "bad_item", "sets", "unknown_field"),
        ({"delete_filters": [{}, {"$no": 1}]}, "bad_item", "delete_filters", "bad_filter"),
    ],
)
async def test_a_bad_body_is_refused(
    http: Http, body: Any, code: str, where: str | None, reason: str | None
) -> None:
    told = await http.refused("POST", WRITE, body, status=400, code=code)
    assert (told.get("list"), told.get("reason")) == (where, reason)
    assert told.get("index") == (None if where is None else 1)


async def test_too_much_is_refused_and_nothing_is_written(http: Http, store: Store) -> None:
    lsn = await filled(http)
    body: dict[str, Any] = {"deletes": list(range(9_999)), "sets": [{"id": 1, "set": {}}] * 2}
    await http.refused("POST", WRITE, body, status=413, code="batch_too_large")
    await http.refused("POST", WRITE, {"deletes": list(range(10_001))}, status=413, code="batch_too_large")
    await store.insert_batch([(id, ZEROS, {"all": 1}) for id in range(10, 10_012)], chunk_size=10_000)
    await http.refused("POST", WRITE, {"delete_filters": [{"all": 1}]}, status=413, code="batch_too_large")
    halves = [{"all": 1, "$not": {"no": 1}}, {"all": {"$gte": 1}}]
    await http.refused("POST", WRITE, {"delete_filters": halves}, status=413, code="batch_too_large")
    assert (await store.stats()).vectors == 5 + 10_002
    assert store.engine.durable_lsn == lsn + 2
    await store.delete_many([10, 11])
    told = await http.send("POST", WRITE, {"delete_filters": halves, "upserts": [item(6)]}, status=200)
    assert (told["deleted"], told["inserted"]) == (10_000, 1)


async def test_what_changes_nothing_is_no_record(http: Http) -> None:
    lsn = await filled(http)
    body = {"deletes": [77], "upserts": [item(1, on_existing="skip")], "delete_filters": [{"n": 99}]}
    assert await http.send("POST", WRITE, body, status=200) == NONE | {"lsn": lsn, "skipped": 1}


async def test_a_feed_tells_of_it_under_one_lsn(http: Http) -> None:
    lsn = await filled(http)
    body = {
        "deletes": [1, 2],
        "upserts": [item(7, metadata={"a": 1}), item(3)],
        "patches": [{"id": 3, "patch": {"n": None}}],
        "sets": [{"id": 4, "set": {"s": 1}, "unset": ["deep.a"]}],
    }
    await http.send("POST", WRITE, body, status=200)
    for path in ("payload,vector", ""):
        answer = await http.client.get(
            "/v1/changes", params={"since": lsn} | ({"include": path} if path else {})
        )

        lines = [json.loads(line) for line in answer.text.splitlines()][:-1]
        assert [(line["lsn"], line["kind"], line["ids"], line.get("more", False)) for line in lines] == [
            (lsn + 1, "delete", [1, 2], True),
            (lsn + 1, "upsert", [7, 3], True),
            (lsn + 1, "merge_payload", [3], True),
            (lsn + 1, "set_fields", [4], False),
        ]
        if path:
            assert [line.get("payloads") for line in lines] == [
                None,
                [{"a": 1}, None],
                [{"n": None}],
                [{"s": 1}],
            ]
            assert lines[3]["unset"] == [["deep", "a"]]
            assert lines[1]["vectors"] == [OTHER, OTHER]


async def test_with_a_key_it_is_done_once_and_told_again(http: Http) -> None:
    await filled(http)
    key = {"Idempotency-Key": "once"}
    body = {
        "delete_filters": [{"n": 1}],
        "upserts": [item(1, on_existing="skip"), item(2, on_existing="skip")],
    }
    first = await http.send("POST", WRITE, body, status=200, headers=key)
    assert (first["deleted"], first["inserted"], first["skipped"]) == (1, 1, 1)
    assert await http.send("POST", WRITE, body, status=200, headers=key) == first
    assert http.lsn == first["lsn"]
    asked = {"ids": [2, 3], "set": {"a": 1}}
    told = await http.send("POST", SET, asked, status=200, headers={"Idempotency-Key": "set"})
    assert told["set"] == 2
    assert await http.send("POST", SET, asked, status=200, headers={"Idempotency-Key": "set"}) == told


async def test_fields_are_set_without_merging_and_removed_by_their_paths(http: Http) -> None:
    await filled(http)
    await http.insert(6, ZEROS, {"a.b": 1, "a": {"b": {"c": 1}, "k": 1}, "back\\slash": 1})
    body = {
        "ids": [6, 6, 77],
        "unset": ["a\\.b", "a.b.c", "back\\\\slash", "a.k.no", "none"],
        "set": {"n": None},
    }
    assert (await http.send("POST", SET, body, status=200))["set"] == 1
    assert await payload(http, 6) == {"a": {"b": {}, "k": 1}, "n": None}
    told = await http.send("POST", SET, {"filter": {"n": {"$gte": 4}}, "set": {"deep": {"z": 1}}}, status=200)
    assert told == {"set": 2, "lsn": http.lsn}
    assert await payload(http, 5) == {"n": 5, "deep": {"z": 1}}
    told = await http.send("POST", SET, {"filter": {"n": 5}, "unset": ["n", "deep"]}, status=200)
    assert await payload(http, 5) == {}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"set": {"a": 1}}, "bad_request"),
        ({"set": {"a": 1}, "ids": [1], "filter": {}}, "bad_request"),
        ({"ids": [1]}, "missing_field"),
        ({"ids": [1], "set": []}, "bad_payload"),
        ({"ids": [1], "unset": "a"}, "bad_unset"),
        ({"ids": [1], "unset": [1]}, "bad_unset"),
        ({"ids": [1], "unset": [""]}, "bad_unset"),
        ({"ids": [1], "unset": ["a"] * 1_001}, "bad_unset"),
        ({"ids": [-1], "unset": ["a"]}, "bad_id"),
        ({"ids": [1], "set": {"x": "y" * 65_500}}, "bad_payload"),
    ],
)
async def test_bad_sets_are_refused(http: Http, body: Any, code: str) -> None:
    await http.insert(1, ZEROS, {"long": "x" * 100})
    await http.refused("POST", SET, body, status=400, code=code)
    assert await payload(http, 1) == {"long": "x" * 100}
