"""Every method of both clients against a real server."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from asteroid_cloud.client import (
    Bounds,
    Conflict,
    Counted,
    DeadlineExceeded,
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
from tests.support.faulty_server import FaultyServer, reply

pytestmark = pytest.mark.anyio


async def fill(client: Any) -> int:
    """Three rows on a line; the LSN of the last."""
    await client.create_index(2)
    await client.insert(1, [0.0, 0.0], metadata={"kind": "a"})
    await client.insert(2, np.array([1, 0], dtype=np.float32), metadata={"kind": "b"})
    return int((await client.insert(2**64 - 1, (5, 0))).lsn)


async def test_index_lifecycle(client: Any) -> None:
    before = await client.get_index()
    assert (before.initialized, before.dim, before.metric) == (False, None, None)
    created = await client.create_index(3, "cosine")
    lsn = created.lsn
    assert dict(created) == {"initialized": True, "dim": 3, "metric": "cosine", "bits": 16, "lsn": lsn}
    with pytest.raises(Conflict) as caught:
        await client.create_index(3)
    assert caught.value.code == "index_already_initialized"
    assert (await client.get_index())["metric"] == "cosine"
    deleted = await client.delete_index()
    assert (deleted.initialized, deleted.lsn) == (False, lsn + 2)  # that it was refused is a record, too


async def test_health_and_ready(client: Any, server: FaultyServer) -> None:
    assert await client.health() is True
    assert await client.ready() is False
    await client.create_index(2)
    assert await client.ready() is True
    server.stop()
    assert await client.health() is False
    assert await client.ready() is False


async def test_writes_return_their_lsn(client: Any) -> None:
    lsn = (await client.create_index(2)).lsn
    assert await client.insert(7, [1, 2], metadata={}) == Written(7, lsn + 1, "inserted")
    assert await client.upsert(7, [1, 2.5]) == Written(7, lsn + 2, "replaced")
    assert await client.set_payload(7, {"a": 1, "b": None}) == Written(7, lsn + 3)
    assert await client.merge_payload(7, {"a": None, "c": "d"}) == Written(7, lsn + 4)
    assert await client.get_payload(7) == {"b": None, "c": "d"}
    assert await client.delete(7) == Written(7, lsn + 5)  # 204: only the header has it
    with pytest.raises(Conflict) as caught:
        await client.insert(7, [1, 2], if_match=lsn)
    assert caught.value.code == "precondition_failed"
    assert (await client.insert(7, [1, 2], if_absent=True)).lsn > lsn


async def test_flush(client: Any) -> None:
    lsn = await fill(client)
    assert await client.flush() == lsn
    assert await client.flush(30) == lsn
    assert (await client.stats()).more["tail_rows"] == 0


async def test_get_and_payload(client: Any) -> None:
    lsn = await fill(client)
    record = await client.get(2)
    assert (record.id, record.lsn) == (2, lsn)
    assert record.vector == pytest.approx([1, 0], abs=0.01)
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


async def test_search(client: Any) -> None:
    lsn = await fill(client)
    hits: Hits = await client.search([0.9, 0], k=2)
    assert [hit.id for hit in hits] == [2, 1]
    assert hits[0].distance == pytest.approx(0.1, abs=0.01)
    assert (hits[0].payload, hits[0].vector) == (None, None)
    assert (hits.lsn, hits.explain) == (lsn, None)
    assert isinstance(hits, list)


async def test_search_with_everything(client: Any) -> None:
    lsn = await fill(client)
    hits: Hits = await client.search(
        np.zeros(2),
        5,
        64,
        {"kind": "b"},
        include=["payload", "vector"],
        exact=True,
        min_lsn=lsn,
        max_distance=3.0,
        explain=True,
    )
    (hit,) = hits
    assert hit == Hit(2, hit.distance, {"kind": "b"}, hit.vector)
    assert hit.distance == pytest.approx(1, abs=0.01)
    assert hit.vector == pytest.approx([1, 0], abs=0.01)
    assert hits.explain
    assert [hit.id for hit in await client.search(id=1, k=1, offset=1)] == [2**64 - 1]
    for wrong in ({}, {"vector": [1, 2], "id": 1}):
        with pytest.raises(InvalidRequest):
            await client.search(**wrong)


async def test_search_batch(client: Any) -> None:
    lsn = await fill(client)
    found = await client.search_batch(np.array([[0, 0], [5, 0]], dtype=np.float16), k=1)
    assert [[hit.id for hit in hits] for hits in found] == [[1], [2**64 - 1]]
    assert [hits.lsn for hits in found] == [lsn, lsn]
    own = await client.search_batch([Search(id=2, k=2), [5, 0]], k=1, filter={"kind": "a"}, min_lsn=1)
    assert [[hit.id for hit in hits] for hits in own] == [[1, 2**64 - 1], [1]]


async def test_fetch_count_and_delete_many(client: Any) -> None:
    lsn = await fill(client)
    rows = await client.fetch([2, 77, 1], include=["payload"])
    assert rows == [Row(2, {"kind": "b"}), Row(1, {"kind": "a"})]
    counted = await client.count()
    assert (counted, counted.lsn, isinstance(counted, int)) == (3, lsn, True)
    assert await client.count({"kind": "a"}) == 1
    deleted = await client.delete_many(filter={"kind": "a"})
    assert (deleted, deleted.lsn) == (1, lsn + 1)
    assert await client.delete_many([2, 3]) == 1
    assert await client.count() == 1
    for wrong in ({}, {"ids": [1], "filter": {}}):
        with pytest.raises(InvalidRequest):
            await client.delete_many(**wrong)


async def test_facets_and_range(client: Any) -> None:
    lsn = await fill(client)
    facets = await client.facets("kind", limit=1)
    assert facets == Facets([FacetValue("a", 1)], 2, 3, 2, 1, lsn)
    assert facets["values"][0]["value"] == "a"
    listed = await client.fields(min_lsn=lsn)
    assert [(each.path, each.kinds) for each in listed if each.path == "kind"] == [("kind", ["string"])]
    assert listed.lsn >= lsn
    rest = await client.facets("kind", limit=5, offset=1, order="value", contains="")
    assert [each.value for each in rest.values] == ["b"]
    assert (await client.facets("kind", contains="a")).distinct == 1
    assert (await client.facets("kind", {"kind": "b"}, min_lsn=lsn)).values == [FacetValue("b", 1)]
    assert await client.field_range("kind") == FieldRange(None, Bounds(2, "a", "b"), 3, 2, 1, lsn)
    assert (await client.field_range("none", {"kind": "a"})).strings is None


async def test_merge_many(client: Any) -> None:
    lsn = await fill(client)
    patched = await client.merge_many({"seen": True}, filter={"kind": "a"})
    assert (patched, patched.lsn) == (1, lsn + 1)
    assert await client.merge_many({"seen": 2}, [1, 2, 77]) == 2
    payloads = [await client.get_payload(id) for id in (1, 2**64 - 1)]
    assert payloads == [{"kind": "a", "seen": 2}, {}]
    for wrong in ({}, {"ids": [1], "filter": {}}):
        with pytest.raises(InvalidRequest):
            await client.merge_many({"a": 1}, **wrong)
    with pytest.raises(InvalidRequest):
        await client.merge_many([], [1])


async def test_scroll_walks_all_pages_lazily(client: Any, server: FaultyServer) -> None:
    await client.create_index(1)
    await client.insert_batch([(id, [id], {"odd": id % 2}) for id in range(25)])
    rows = [row async for row in client.scroll(page_size=10, include=["vector"])]
    assert [row.id for row in rows] == list(range(25))
    assert rows[3].vector == pytest.approx([3], abs=0.02)
    cursors = [seen.body.get("cursor") for seen in server.seen if seen.path == "/v1/vectors/scroll"]
    assert cursors[0] is None
    assert len(set(cursors)) == len(cursors) == 3
    assert [row.id async for row in client.scroll({"odd": 1}, page_size=5)] == list(range(1, 25, 2))
    order = {"field": "odd", "direction": "desc"}
    ordered = [row.id async for row in client.scroll(order_by=order, page_size=7)]
    assert ordered == [*range(1, 25, 2), *range(0, 25, 2)]
    before = len(server.seen)
    async for row in client.scroll(page_size=10):
        if row.id == 4:
            break
    assert len(server.seen) == before + 1


async def test_stats(client: Any) -> None:
    lsn = await fill(client)
    stats = await client.stats()
    assert (stats.vectors, stats.dim, stats.metric, stats.lsn) == (3, 2, "l2", lsn)
    assert stats.memory_bytes > 0
    assert stats["tail_rows"] == stats.more["tail_rows"] == 3
    assert stats["vectors"] == 3
    assert set(stats) >= {"vectors", "segments"}
    with pytest.raises(KeyError):
        stats["nothing"]


async def test_wait_for(client: Any) -> None:
    lsn = await fill(client)
    assert await client.wait_for(lsn - 1) == lsn
    with pytest.raises(DeadlineExceeded):
        await client.wait_for(lsn + 1, timeout=0.2)
    with pytest.raises(InvalidRequest):
        await client.wait_for(-1)


async def test_an_answer_that_does_not_cover_the_lsn(client: Any, server: FaultyServer) -> None:
    server.script.append(reply(200, b'{"vectors": 0}'))
    with pytest.raises(Unavailable) as caught:
        await client.wait_for(2**40)
    assert caught.value.code == "not_caught_up"


async def test_wrong_arguments_send_nothing(client: Any, server: FaultyServer) -> None:
    for id in (True, -1, 2**64, 1.0, "", "x" * 513, None):
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
    lsn = await fill(client)
    made = await client.tag("monday")
    assert (made.name, made["vectors"], made.lsn) == (
        "monday",
        3,
        lsn + 1,
    )  # that the call has begun is a record
    await client.tag("tuesday")
    assert {tag.name for tag in await client.tags()} == {"monday", "tuesday"}
    await client.untag("tuesday")
    with pytest.raises(NotFound) as absent:
        await client.untag("tuesday")
    assert absent.value.code == "no_tag"
    await client.delete(1)
    report = await client.purge(timeout=60)
    assert report.tags_removed == ["monday"]
    assert report.lsn >= lsn + 1
    assert await client.tags() == []


async def test_backups(client: Any) -> None:
    await fill(client)
    name = f"of-{(await client.stats()).lsn}"
    made = await client.backup(name, timeout=60)
    assert made.files > 0
    found = await client.backups()
    assert (found[0].name, found[0].lsn, found[0].files) == (name, made.lsn, made.files)
    assert found.damaged == []
    with pytest.raises(Conflict) as caught:
        await client.backup(name)
    assert caught.value.code == "backup_exists"


async def test_changes(client: Any) -> None:
    lsn = await fill(client)
    found = [each async for each in client.changes(lsn - 2, include=["payload", "vector"], follow=False)]
    assert [(each.lsn, each.kind, each.ids) for each in found] == [
        (lsn - 1, "upsert", [2]),
        (lsn, "upsert", [2**64 - 1]),
    ]
    assert (found[0].payloads, found[0].vectors) == ([{"kind": "b"}], [[1.0, 0.0]])
    followed = [each.lsn async for each in client.changes(lsn - 2, limit=2)]
    assert followed == [lsn - 1, lsn]


async def test_recovery(client: Any) -> None:
    found = await client.recovery()
    assert (found.mode, found.mended, found.cut_from) == ("tail", [], None)
    assert (found.losses.segments, found.losses.records) == ([], [])


async def test_recall(client: Any) -> None:
    lsn = await fill(client)
    assert dict(await client.recall()) == {"recall": 1.0, "worst": 1.0, "samples": 3, "lsn": lsn}
    assert (await client.recall(1, 2, 16, {"kind": "a"}, min_lsn=lsn)).samples == 0  # nothing beside itself
    with pytest.raises(InvalidRequest) as caught:
        await client.recall(num=0)
    assert caught.value.code == "bad_num"


async def test_a_key_learns_what_it_may_do(client: Any) -> None:
    told = await client.key()
    assert dict(told) == {"name": None, "role": "admin", "collections": None}
