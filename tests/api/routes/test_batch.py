"""The routes of many vectors at once: batches, fetches, deletions, walks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.api import Store
from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import NoSpace
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio

BATCH = "/v1/vectors/batch"


def item(id: object, **fields: object) -> dict[str, object]:
    return {"id": id, "vector": [float(DIM)] * DIM, **fields}


async def count(http: Http) -> int:
    told = await http.send("POST", "/v1/count", {}, status=200)
    return int(told["count"])


async def test_a_batch_counts_each_item(http: Http) -> None:
    items = [item(0, metadata={"a": 0}), item("18446744073709551615"), item(2, metadata={})]
    told = await http.send("POST", BATCH, {"items": items}, status=201)
    assert told == {"inserted": 3, "replaced": 0, "skipped": 0, "lsn": http.lsn}
    assert await count(http) == 3
    assert await http.send("GET", "/v1/vectors/0/payload", status=200) == {"a": 0}
    assert await http.send("GET", "/v1/vectors/18446744073709551615/payload", status=200) == {}


async def test_an_id_given_twice_ends_up_as_if_the_items_came_one_by_one(http: Http) -> None:
    await http.insert(9, ZEROS, {"old": 1})
    items = [
        item(1, metadata={"a": 1}),
        {"id": 1, "vector": [1.0, 2.0, 3.0, 4.0]},
        item(9),
        item(9, metadata={"new": 1}),
        item(9, metadata={}),
        item(9),
    ]
    assert (await http.send("POST", BATCH, {"items": items}, status=201))["inserted"] == 6
    assert await http.send("GET", "/v1/vectors/1/payload", status=200) == {"a": 1}
    vector = (await http.send("GET", "/v1/vectors/1", status=200))["vector"]
    assert vector == pytest.approx([1, 2, 3, 4], abs=0.02)
    assert await http.send("GET", "/v1/vectors/9/payload", status=200) == {}
    assert await count(http) == 2


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (item(-1), "bad_id"),
        (item(1.0), "bad_id"),
        (item(True), "bad_id"),
        (item(1, vector=[1, 2, 3]), "wrong_dim"),
        (item(1, vector=[1, 2, 3, None]), "bad_vector"),
        (item(1, vector=[1, 2, 3, 1e39]), "bad_vector"),
        (item(1, metadata=None), "bad_payload"),
        (item(1, metadata={"a": "x" * 65_536}), "bad_payload"),
        (item(1, other=1), "unknown_field"),
        ({"id": 1}, "missing_field"),
    ],
)
async def test_one_bad_item_refuses_the_whole_batch(http: Http, bad: Any, reason: str, large: bool) -> None:
    first = 3_000 if large else 2  # a large body is read in a thread
    items = [*(item(id) for id in range(first)), bad, item(-5)]
    told = await http.refused("POST", BATCH, {"items": items}, status=400, code="bad_item")
    assert (told["index"], told["reason"]) == (first, reason)
    assert await count(http) == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"items":[]}', 400, "empty_batch"),
        (b"{}", 400, "missing_field"),
        (b'{"items":[],"x":1}', 400, "unknown_field"),
        (b'{"items":[', 400, "bad_json"),
        (b"", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (
            b'{"items":[' + b",".join([b'{"id":1,"vector":[0,0,0,0]}'] * 10_001) + b"]}",
            413,
            "batch_too_large",
        ),
    ],
)
async def test_a_batch_that_is_none_is_refused(http: Http, body: bytes, status: int, code: str) -> None:
    await http.refused("POST", BATCH, body, status=status, code=code)
    assert await count(http) == 0


async def test_the_largest_batch_is_taken(http: Http) -> None:
    items = [item(id) for id in range(10_000)]
    assert (await http.send("POST", BATCH, {"items": items}, status=201))["inserted"] == 10_000
    assert await count(http) == 10_000


async def test_a_body_over_its_limit_is_refused_unread(http: Http) -> None:
    large = {"Content-Length": str(64 * 1024 * 1024 + 1)}
    await http.refused("POST", BATCH, b"", status=413, code="payload_too_large", headers=large)
    large = {"Content-Length": str(16 * 1024 * 1024 + 1)}
    await http.refused("POST", "/v1/search", b"", status=413, code="payload_too_large", headers=large)


async def test_a_failing_disk_names_what_was_not_stored(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(
        self: Engine, ids: NDArray[np.uint64], vectors: object, payloads: object, **_: object
    ) -> None:
        raise NoSpace("the disk is full")

    monkeypatch.setattr(Engine, "upsert", full)
    told = await http.refused("POST", BATCH, {"items": [item(1)]}, status=507, code="no_space")
    assert (told["inserted"], told["failed_index"]) == (0, 0)


async def test_a_fetch_gives_those_that_exist_in_the_order_asked(http: Http) -> None:
    await http.insert(5, ZEROS, {"a": 5})
    await http.insert(2, [1, 1, 1, 1])
    told = await http.send("POST", "/v1/vectors/fetch", {"ids": [2, 7, "5", 2]}, status=200)
    assert told == {"vectors": [{"id": 2}, {"id": 5}, {"id": 2}]}
    body = {"ids": [5, 2], "include": ["payload", "vector"]}
    told = await http.send("POST", "/v1/vectors/fetch", body, status=200)
    assert [row["payload"] for row in told["vectors"]] == [{"a": 5}, {}]
    assert [row["vector"] for row in told["vectors"]] == [ZEROS, [1, 1, 1, 1]]
    assert await http.send("POST", "/v1/vectors/fetch", {"ids": []}, status=200) == {"vectors": []}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_field"),
        ({"ids": 1}, 400, "bad_id"),
        ({"ids": "1"}, 400, "bad_id"),
        ({"ids": {"1": 1}}, 400, "bad_id"),
        ({"ids": [1], "include": ["vectors"]}, 400, "bad_include"),
        ({"ids": [1], "include": "vector"}, 400, "bad_include"),
        ({"ids": [1], "includes": []}, 400, "unknown_field"),
        ({"ids": list(range(10_001))}, 413, "batch_too_large"),
    ],
)
async def test_a_bad_fetch_is_refused(http: Http, body: object, status: int, code: str) -> None:
    await http.refused("POST", "/v1/vectors/fetch", body, status=status, code=code)


async def test_deletions_by_id_and_by_filter_count_what_was_there(http: Http) -> None:
    items = [item(id, metadata={"even": id % 2 == 0}) for id in range(10)]
    await http.send("POST", BATCH, {"items": items}, status=201)
    told = await http.send("POST", "/v1/vectors/delete", {"ids": [1, 3, 3, 99]}, status=200)
    assert told == {"deleted": 2, "lsn": http.lsn}
    before = http.lsn
    assert await http.send("POST", "/v1/vectors/delete", {"ids": [1, 3]}, status=200) == {
        "deleted": 0,
        "lsn": before,
    }
    told = await http.send("POST", "/v1/vectors/delete", {"filter": {"even": True}}, status=200)
    assert told == {"deleted": 5, "lsn": http.lsn}
    assert await http.found(vector=ZEROS) == [5, 7, 9]
    assert (await http.send("POST", "/v1/vectors/delete", {"filter": {}}, status=200))["deleted"] == 3


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad_request"),
        ({"ids": [1], "filter": {}}, 400, "bad_request"),
        ({"filter": None}, 400, "bad_filter"),
        ({"filter": {"a": {"$no": 1}}}, 400, "bad_filter"),
        ({"ids": [1], "id": 1}, 400, "unknown_field"),
        ({"ids": list(range(100_001))}, 413, "batch_too_large"),
    ],
)
async def test_a_bad_deletion_is_refused(http: Http, body: object, status: int, code: str) -> None:
    await http.insert(1, ZEROS)
    await http.refused("POST", "/v1/vectors/delete", body, status=status, code=code)
    assert await count(http) == 1


async def test_a_walk_meets_each_match_once_in_id_order(http: Http, store: Store) -> None:
    ids = np.random.default_rng(1).permutation(1_000)
    await store.insert_batch([(int(id), ZEROS, {"n": int(id)}) for id in ids])
    seen: list[int] = []
    cursor: str | None = None
    while True:
        body: dict[str, object] = {"filter": {"n": {"$gte": 100}}, "limit": 70, "include": ["payload"]}
        told = await http.send(
            "POST", "/v1/vectors/scroll", body | ({"cursor": cursor} if cursor else {}), status=200
        )
        seen += [row["id"] for row in told["vectors"]]
        assert [row["payload"]["n"] for row in told["vectors"]] == [row["id"] for row in told["vectors"]]
        cursor = told["cursor"]
        if cursor is None:
            break
        await http.send("DELETE", f"/v1/vectors/{seen[0]}", status=204)
    assert seen == list(range(100, 1_000))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"limit": 0}, "bad_limit"),
        ({"limit": 10_001}, "bad_limit"),
        ({"limit": 1.0}, "bad_limit"),
        ({"limit": True}, "bad_limit"),
        ({"limit": None}, "bad_limit"),
        ({"cursor": "x"}, "bad_cursor"),
        ({"cursor": 1}, "bad_cursor"),
        ({"filter": []}, "bad_filter"),
        ({"include": ["id"]}, "bad_include"),
        ({"offset": 1}, "unknown_field"),
    ],
)
async def test_a_bad_walk_is_refused(http: Http, body: object, code: str) -> None:
    await http.refused("POST", "/v1/vectors/scroll", body, status=400, code=code)
