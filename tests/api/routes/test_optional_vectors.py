"""Rows without a vector, over HTTP and embedded: kept like others, and never found by distance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.wal.errors import Conflict, InvalidRequest
from tests.support.asgi import Answer, app_over, ask

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["memtable", "segment"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Rows 1 and 3 have a vector, 2, 4, 5 and 6 have none."""
    async with api.open(tmp_path / "data") as store:
        await store.engine.create_index(2, "l2", vector="optional")
        gate = gate_of(store)
        assert (await send(gate, "POST", "/v1/vectors", {"id": 1, "vector": [1, 0]})).status == 201
        assert (await send(gate, "POST", "/v1/vectors", {"id": 2, "metadata": {"a": 2}})).status == 201
        items = [{"id": 3, "vector": [3, 0]}, {"id": 4, "vector": None, "metadata": {"a": 4}}, {"id": 5}]
        answer = await send(gate, "POST", "/v1/vectors/batch", {"items": items})
        assert (answer.status, answer.json["inserted"]) == (201, 3)
        assert (
            await send(gate, "PUT", "/v1/vectors/6", {"vector": [6, 0], "metadata": {"a": 6}})
        ).status == 200
        assert (await send(gate, "PUT", "/v1/vectors/6", {"vector": None})).status == 200
        if request.param:
            await store.flush()
        yield store


def gate_of(store: Store) -> RequestGuard:
    return app_over(Settings(data=store.path), store)


async def send(gate: RequestGuard, method: str, path: str, body: Any = None) -> Answer:
    return await ask(gate, method, path, [] if body is None else [json.dumps(body).encode()])


async def test_they_are_rows_like_others_but_for_their_distance(store: Store) -> None:
    gate = gate_of(store)
    assert await store.count() == 6
    assert (await send(gate, "POST", "/v1/count", {"filter": {"a": {"$gte": 4}}})).json["count"] == 2
    found = await send(gate, "POST", "/v1/search", {"vector": [0, 0], "k": 10})
    assert [hit["id"] for hit in found.json["results"]] == [1, 3]
    assert (await send(gate, "GET", "/v1/vectors/6")).json == {"id": 6, "vector": None}
    assert (await send(gate, "GET", "/v1/vectors/6/payload")).json == {"a": 6}
    assert (await send(gate, "PATCH", "/v1/vectors/6/payload", {"b": 1})).status == 200
    rows = {row.id: row async for row in store.scroll(include=["vector", "payload"])}
    assert [id_ for id_, row in rows.items() if row.vector is None] == [2, 4, 5, 6]
    assert rows[6].payload == {"a": 6, "b": 1}
    (await send(gate, "POST", "/v1/search", {"id": 6})).check_refused(409, "no_vector")
    with pytest.raises(Conflict) as refused:
        (await store.get(6)).array()
    assert refused.value.code == "no_vector"


async def test_stats_and_metrics_count_them(store: Store) -> None:
    gate = gate_of(store)
    assert (await send(gate, "GET", "/v1/stats")).json.items() >= {"vectors": 6, "without_vector": 4}.items()
    await store.delete(2)
    await store.insert(4, [4, 0])
    assert (await store.stats()).without_vector == 2
    assert (
        b'asteroid_rows_without_vector{collection="default"} 2' in (await send(gate, "GET", "/metrics")).body
    )


async def test_the_embedded_store_takes_none_for_a_vector(store: Store) -> None:
    await store.insert(1, None, {"a": 1})
    await store.insert_batch([(3, None), {"id": 7, "metadata": {"a": 7}}, (8, [8, 0])])
    assert (await store.get(1)).vector is None
    assert [hit.id for hit in await store.search([0, 0], k=10)] == [8]
    assert await store.count() == 8


@pytest.mark.parametrize("face", ["http", "embedded"])
async def test_a_mixed_write_takes_rows_without_a_vector(store: Store, face: str) -> None:
    items = [{"id": 7}, {"id": 8, "vector": [8, 0]}, {"id": 1, "vector": None}, {"id": 9, "vector": [9, 0]}]
    items.append({"id": 8, "vector": None, "metadata": {"a": 8}})
    patches, since = [{"id": 7, "patch": {"a": 7}}], store.engine.applied_lsn
    sets = [{"id": 8, "set": {}, "unset": ["x.y"]}]
    if face == "http":
        body = {"deletes": [3], "upserts": items, "patches": patches, "sets": sets}
        answer = await send(gate_of(store), "POST", "/v1/write", body)
        assert (answer.status, answer.json["inserted"], answer.json["replaced"]) == (200, 5, 2)
    else:
        told = await store.write(deletes=[3], upserts=items, patches=patches, sets=sets)
        assert (told.inserted, told.replaced) == (5, 2)
    [*changes] = [
        change async for change in store.changes(since, follow=False, include=["vector", "payload"])
    ]
    [upserted] = [change for change in changes if change.kind == "upsert"]
    assert upserted.bare is not None
    assert upserted.bare.tolist() == [True, False, True, False, True]
    assert [change.unset for change in changes if change.kind == "set_fields"] == [[["x", "y"]]]
    rows = {row.id: row async for row in store.scroll(include=["vector", "payload"])}
    assert [id_ for id_, row in rows.items() if row.vector is not None] == [9]
    assert (rows[7].payload, rows[8].payload) == ({"a": 7}, {"a": 8})
    assert [hit.id for hit in await store.search([0, 0], k=10)] == [9]


async def test_a_mixed_write_says_which_item_without_a_vector_is_bad(store: Store) -> None:
    gate, bad = gate_of(store), [{"id": 7}, {"id": 8, "vector": [1]}]
    told = (await send(gate, "POST", "/v1/write", {"upserts": bad})).check_refused(400, "bad_item")
    assert (told["list"], told["index"], told["reason"]) == ("upserts", 1, "wrong_dim")
    empty = await send(gate, "POST", "/v1/write", {"upserts": [], "deletes": [1]})
    assert empty.json["deleted"] == 1


@pytest.mark.parametrize("face", ["http", "embedded"])
async def test_a_mixed_write_takes_rows_without_a_vector_and_keeps_them_so(store: Store, face: str) -> None:
    lists: dict[str, Any] = {
        "delete_filters": [{"a": 2}],
        "deletes": [5],
        "upserts": [
            {"id": 5, "metadata": {"new": 5}},
            {"id": 1, "vector": None},
            {"id": 4, "vector": [4, 0]},
            {"id": 7, "vector": [7, 0]},
            {"id": 7, "vector": None, "metadata": {"new": 7}},
            {"id": 8},
            {"id": 8, "vector": [8, 0]},
            {"id": 9, "on_existing": "fail"},
            {"id": 3, "on_existing": "skip"},
        ],
        "patches": [{"id": 6, "patch": {"b": 1}}, {"id": 4, "patch": {"b": 1}}],
        "sets": [{"id": 9, "set": {"s": 1}}, {"id": 6, "unset": ["a"]}, {"id": 3, "set": {"s": 1}}],
    }
    if face == "http":
        answer = await send(gate_of(store), "POST", "/v1/write", lists)
        assert answer.status == 200
        told = answer.json
    else:
        told = dict(await store.write(**lists))
    counts = {"deleted": 2, "inserted": 8, "replaced": 4, "skipped": 1, "patched": 2, "set": 3}
    assert told == {"lsn": told["lsn"]} | counts
    for again in range(2):
        rows = {row.id: row async for row in store.scroll(include=["vector", "payload"])}
        assert {id_: row.payload for id_, row in rows.items()} == {
            1: {},
            3: {"s": 1},
            4: {"a": 4, "b": 1},
            5: {"new": 5},
            6: {"b": 1},
            7: {"new": 7},
            8: {},
            9: {"s": 1},
        }
        assert [id_ for id_, row in rows.items() if row.vector is None] == [1, 5, 6, 7, 9]
        assert [hit.id for hit in await store.search([0, 0], k=10)] == [3, 4, 8]
        assert [hit.distance for hit in await store.search([0, 0], k=10)] == pytest.approx([3, 4, 8], abs=0.1)
        if again:
            await store.flush()


async def test_fields_of_rows_without_a_vector_are_set_and_they_keep_none(store: Store) -> None:
    gate = gate_of(store)
    body = {"filter": {"a": {"$exists": True}}, "set": {"s": None}, "unset": ["a"]}
    assert (await send(gate, "POST", "/v1/vectors/set", body)).json["set"] == 3
    assert await store.set({"t": 1}, [1, 5]) == 2
    assert await store.merge_many({"m": 1}, [3, 4]) == 2
    rows = {row.id: row async for row in store.scroll(include=["vector", "payload"])}
    assert [id_ for id_, row in rows.items() if row.vector is None] == [2, 4, 5, 6]
    assert [rows[id_].payload for id_ in range(1, 7)] == [
        {"t": 1},
        {"s": None},
        {"m": 1},
        {"s": None, "m": 1},
        {"t": 1},
        {"s": None},
    ]


async def test_a_feed_has_null_for_what_is_not_there(store: Store) -> None:
    before = (await store.stats()).last_lsn
    upserts = [{"id": 10, "vector": [1, 2]}, {"id": 11}, {"id": 12, "vector": [3, 4]}]
    await store.write(upserts=upserts, sets=[{"id": 11, "set": {"s": 1}, "unset": ["a"]}])
    [change, of_set] = [
        each async for each in store.changes(before, include=["vector", "payload"], follow=False)
    ]
    assert change.bare.tolist() == [False, True, False]
    assert change.vectors.tolist() == [[1, 2], [0, 0], [3, 4]]
    assert (of_set.kind, of_set.payloads, of_set.unset) == ("set_fields", [{"s": 1}], [["a"]])
    query = f"since={before}&include=vector".encode()
    answer = await ask(gate_of(store), "GET", "/v1/changes", within={"query_string": query})
    line = json.loads(answer.body.splitlines()[0])
    assert line["vectors"] == [[1, 2], None, [3, 4]]


async def test_a_mixed_write_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with api.open(tmp_path / "data") as store:
        await store.engine.create_index(2, "l2", ids="string", vector="optional")
        await store.insert("kept", None, {"n": 1})
        await store.write(
            upserts=[{"id": "a/b"}, {"id": "é", "vector": [1, 2]}, {"id": "kept", "metadata": {"n": 2}}],
            patches=[{"id": "a/b", "patch": {"p": 1}}],
            sets=[{"id": "é", "set": {"s": 1}}],
        )
    async with api.open(tmp_path / "data") as store:
        rows = [row async for row in store.scroll(include=["vector", "payload"])]
        assert [(row.id, row.vector is None, row.payload) for row in rows] == [
            ("a/b", True, {"p": 1}),
            ("kept", True, {"n": 2}),
            ("é", False, {"s": 1}),
        ]
        assert rows[2].vector == pytest.approx([1, 2], abs=0.01)


async def test_elsewhere_each_row_needs_a_vector(tmp_path: Path) -> None:
    async with api.open(tmp_path / "data", dim=2) as store:
        gate = gate_of(store)
        (await send(gate, "POST", "/v1/vectors", {"id": 1})).check_refused(400, "missing_field")
        (await send(gate, "PUT", "/v1/vectors/1", {"vector": None})).check_refused(400, "bad_vector")
        for item, reason in (({"id": 1}, "missing_field"), ({"id": 1, "vector": None}, "bad_vector")):
            told = (await send(gate, "POST", "/v1/vectors/batch", {"items": [item]})).check_refused(
                400, "bad_item"
            )
            assert told["reason"] == reason
        for item, reason in (({"id": 1}, "missing_field"), ({"id": 1, "vector": None}, "bad_vector")):
            refused = await send(gate, "POST", "/v1/write", {"upserts": [item]})
            assert refused.check_refused(400, "bad_item")["reason"] == reason
            with pytest.raises(InvalidRequest):
                await store.write(upserts=[item])
        with pytest.raises(InvalidRequest):
            await store.insert(1, None)
        assert await store.count() == 0
