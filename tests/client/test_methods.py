"""Every method of both clients, against the wire."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from asteroid_cloud.client import (
    Bounds,
    Conflict,
    Counted,
    Facets,
    FacetValue,
    FieldRange,
    Hit,
    Hits,
    InvalidRequest,
    NotFound,
    Row,
    Search,
    Unavailable,
    Written,
)
from tests.support.fake_server import FakeServer

pytestmark = pytest.mark.anyio


async def fill(client: Any) -> None:
    """Three rows on a line."""
    await client.create_index(2)
    await client.insert(1, [0.0, 0.0], metadata={"kind": "a"})
    await client.insert(2, np.array([1, 0], dtype=np.float32), metadata={"kind": "b"})
    await client.insert(2**64 - 1, (5, 0))


async def test_index_lifecycle(client: Any) -> None:
    before = await client.get_index()
    assert (before.initialized, before.dim, before.metric) == (False, None, None)
    created = await client.create_index(3, "cosine")
    assert dict(created) == {"initialized": True, "dim": 3, "metric": "cosine", "bits": None, "lsn": 1}
    with pytest.raises(Conflict) as caught:
        await client.create_index(3)
    assert caught.value.code == "index_already_initialized"
    assert (await client.get_index())["metric"] == "cosine"
    deleted = await client.delete_index()
    assert (deleted.initialized, deleted.lsn) == (False, 2)


async def test_health_and_ready(client: Any, server: FakeServer) -> None:
    assert await client.health() is True
    assert await client.ready() is False
    await client.create_index(2)
    assert await client.ready() is True
    server.stop()
    assert await client.health() is False
    assert await client.ready() is False


async def test_writes_return_their_lsn(client: Any) -> None:
    await client.create_index(2)
    assert await client.insert(7, [1, 2], metadata={}) == Written(7, 2)
    assert await client.upsert(7, [1, 2.5]) == Written(7, 3)
    assert await client.set_payload(7, {"a": 1, "b": None}) == Written(7, 4)
    assert await client.merge_payload(7, {"a": None, "c": "d"}) == Written(7, 5)
    assert await client.delete(7) == Written(7, 6)  # 204: only the header tells
    assert await client.delete(7) == Written(7, 7)


async def test_get_and_payload(client: Any) -> None:
    await fill(client)
    record = await client.get(2)
    assert (record.id, record.vector, record.lsn) == (2, [1.0, 0.0], 4)
    assert record["vector"] is record.vector
    assert record.array().dtype == np.float32
    assert await client.get_payload(2) == {"kind": "b"}
    await client.upsert(2, [1, 1])
    assert await client.get_payload(2) == {"kind": "b"}
    await client.upsert(2, [1, 1], metadata={"kind": "c"})
    assert await client.get_payload(2) == {"kind": "c"}
    assert (await client.get(2**64 - 1)).id == 2**64 - 1
    with pytest.raises(NotFound):
        await client.get(99)
    with pytest.raises(NotFound):
        await client.get_payload(99)


async def test_search(client: Any, server: FakeServer) -> None:
    await fill(client)
    hits: Hits = await client.search([0.9, 0], k=2)
    assert [hit.id for hit in hits] == [2, 1]
    assert hits[0].distance == pytest.approx(0.1)
    assert (hits[0].payload, hits[0].vector) == (None, None)
    assert (hits.lsn, hits.explain) == (4, None)
    assert isinstance(hits, list)
    assert server.seen[-1].body == {"vector": [0.9, 0.0], "k": 2}


async def test_search_with_everything(client: Any, server: FakeServer) -> None:
    await fill(client)
    hits: Hits = await client.search(
        np.zeros(2),
        5,
        64,
        {"kind": "b"},
        include=["payload", "vector"],
        exact=True,
        min_lsn=4,
        max_distance=3.0,
        explain=True,
    )
    assert hits == [Hit(2, 1.0, {"kind": "b"}, [1.0, 0.0])]
    assert hits.explain == {"plan": "scan"}
    seen = server.seen[-1]
    assert seen.headers["X-Asteroid-Min-LSN"] == "4"
    assert seen.body == {
        "vector": [0.0, 0.0],
        "k": 5,
        "ef_search": 64,
        "filter": {"kind": "b"},
        "include": ["payload", "vector"],
        "exact": True,
        "max_distance": 3.0,
        "explain": True,
    }
    assert [hit.id for hit in await client.search(id=1, k=1, offset=1)] == [2]
    for wrong in ({}, {"vector": [1, 2], "id": 1}):
        with pytest.raises(InvalidRequest):
            await client.search(**wrong)


async def test_search_batch(client: Any, server: FakeServer) -> None:
    await fill(client)
    found = await client.search_batch(np.array([[0, 0], [5, 0]], dtype=np.float16), k=1)
    assert [[hit.id for hit in hits] for hits in found] == [[1], [2**64 - 1]]
    assert [hits.lsn for hits in found] == [4, 4]
    own = await client.search_batch([Search(id=2, k=2), [5, 0]], k=1, filter={"kind": "a"}, min_lsn=1)
    assert [[hit.id for hit in hits] for hits in own] == [[2, 1], [1]]
    assert "filter" not in server.seen[-1].body["searches"][0]


async def test_fetch_count_and_delete_many(client: Any) -> None:
    await fill(client)
    rows = await client.fetch([2, 77, 1], include=["payload"])
    assert rows == [Row(2, {"kind": "b"}), Row(1, {"kind": "a"})]
    counted = await client.count()
    assert (counted, counted.lsn, isinstance(counted, int)) == (3, 4, True)
    assert await client.count({"kind": "a"}) == 1
    deleted = await client.delete_many(filter={"kind": "a"})
    assert (deleted, deleted.lsn) == (1, 5)
    assert await client.delete_many([2, 3]) == 1
    assert await client.count() == 1
    for wrong in ({}, {"ids": [1], "filter": {}}):
        with pytest.raises(InvalidRequest):
            await client.delete_many(**wrong)


async def test_facets_and_range(client: Any, server: FakeServer) -> None:
    await fill(client)
    facets = await client.facets("kind", limit=1)
    assert facets == Facets([FacetValue("a", 1)], 2, 3, 2, 1, 4)
    assert facets["values"][0]["value"] == "a"
    assert server.seen[-1].body == {"field": "kind", "limit": 1}
    assert (await client.facets("kind", {"kind": "b"}, min_lsn=4)).values == [FacetValue("b", 1)]
    assert server.seen[-1].headers["X-Asteroid-Min-LSN"] == "4"
    assert await client.field_range("kind") == FieldRange(None, Bounds(2, "a", "b"), 3, 2, 1, 4)
    assert (await client.field_range("none", {"kind": "a"})).strings is None
    assert server.seen[-1].body == {"field": "none", "filter": {"kind": "a"}}


async def test_merge_many(client: Any, server: FakeServer) -> None:
    await fill(client)
    patched = await client.merge_many({"seen": True}, filter={"kind": "a"})
    assert (patched, patched.lsn) == (1, 5)
    assert server.seen[-1].body == {"patch": {"seen": True}, "filter": {"kind": "a"}}
    assert await client.merge_many({"seen": 2}, [1, 2, 77]) == 2
    payloads = [await client.get_payload(id) for id in (1, 2**64 - 1)]
    assert payloads == [{"kind": "a", "seen": 2}, {}]
    for wrong in ({}, {"ids": [1], "filter": {}}):
        with pytest.raises(InvalidRequest):
            await client.merge_many({"a": 1}, **wrong)
    with pytest.raises(InvalidRequest):
        await client.merge_many([], [1])


async def test_scroll_walks_all_pages_lazily(client: Any, server: FakeServer) -> None:
    await client.create_index(1)
    await client.insert_batch([(id, [id], {"odd": id % 2}) for id in range(25)])
    rows = [row async for row in client.scroll(page_size=10, include=["vector"])]
    assert [row.id for row in rows] == list(range(25))
    assert rows[3].vector == [3.0]
    assert [seen.body.get("cursor") for seen in server.seen[-3:]] == [None, "9", "19"]
    assert [row.id async for row in client.scroll({"odd": 1}, page_size=5)] == list(range(1, 25, 2))
    before = len(server.seen)
    async for row in client.scroll(page_size=10):
        if row.id == 4:
            break
    assert len(server.seen) == before + 1


async def test_stats(client: Any) -> None:
    await fill(client)
    stats = await client.stats()
    assert (stats.vectors, stats.dim, stats.metric, stats.memory_bytes, stats.lsn) == (3, 2, "l2", 7, 4)
    assert stats["segments"] == stats.more["segments"] == 3
    assert stats["vectors"] == 3
    assert set(stats) >= {"vectors", "segments"}
    with pytest.raises(KeyError):
        stats["nothing"]


async def test_wait_for(client: Any, server: FakeServer) -> None:
    await fill(client)
    assert await client.wait_for(3) == 4
    assert server.seen[-1].headers["X-Asteroid-Min-LSN"] == "3"
    with pytest.raises(Unavailable) as caught:
        await client.wait_for(5)
    assert caught.value.code == "not_caught_up"
    with pytest.raises(InvalidRequest):
        await client.wait_for(-1)


async def test_wrong_arguments_send_nothing(client: Any, server: FakeServer) -> None:
    for id in (True, -1, 2**64, 1.0, "x", None):
        with pytest.raises(InvalidRequest) as caught:
            await client.insert(id, [1, 2])
        assert caught.value.code == "bad_id"
    for vector in ([float("nan")], [1e39], ["1"], [None], [[1.0]], np.array([True]), 3, "abc"):
        with pytest.raises(InvalidRequest) as caught:
            await client.search(vector)
        assert caught.value.code == "bad_vector"
    for metadata in ([1], "text", {"a": float("nan")}, {"a": object()}, {"a": "\ud800"}):
        with pytest.raises(InvalidRequest) as caught:
            await client.insert(1, [1.0], metadata=metadata)
        assert caught.value.code == "bad_payload"
    with pytest.raises(InvalidRequest) as caught:
        await client.search([1.0], filter={"a": float("inf")})
    assert caught.value.code == "bad_filter"
    assert server.seen == []


async def test_results_are_frozen(client: Any) -> None:
    await fill(client)
    for result in (await client.get(1), (await client.search([0, 0]))[0], await client.stats()):
        with pytest.raises(AttributeError):
            result.lsn = 3
        assert isinstance(result, msgspec.Struct)
    assert repr(Counted(3, lsn=1)) == "3"


async def test_tags_and_purge(client: Any) -> None:
    made = await client.tag("monday")
    assert (made.name, made["vectors"]) == ("monday", 1)
    await client.tag("x y")
    assert [tag.name for tag in await client.tags()] == ["monday", "x y"]
    await client.untag("x y")
    with pytest.raises(NotFound) as absent:
        await client.untag("x y")
    assert absent.value.code == "no_tag"
    report = await client.purge(timeout=5)
    assert (report.tags_removed, report.rows_erased) == (["monday"], 3)
    assert await client.tags() == []


async def test_recovery(client: Any) -> None:
    told = await client.recovery()
    assert (told.mode, told.mended, told.records_replayed, told.cut_from) == (
        "salvage",
        ["one thing"],
        5,
        None,
    )
    (segment,), (records,) = told.losses.segments, told.losses.records
    assert (segment.rows, segment.greatest_id) == (7, 2**64 - 1)
    assert (records.first_lsn, records.last_lsn, told.losses.acknowledged_ms) == (6, None, None)
